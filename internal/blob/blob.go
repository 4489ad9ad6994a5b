package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"
)

// Errors that callers look for with errors.Is. Any other error is a failure of
// storage (disk full, out of reach) or of the context; its text may show paths
// of the host and must not leave the log.
var (
	// ErrNotFound means that no blob has that name.
	ErrNotFound = errors.New("blob not found")
	// ErrCorrupt means that the stored bytes do not match their name (DF-11).
	ErrCorrupt = errors.New("blob corrupt: stored bytes do not match their checksum")
)

// Sum is the SHA-256 of a blob's bytes: its name, and the checksum of DF-2.
type Sum [sha256.Size]byte

// String returns the sum as 64 lower-case hex characters.
func (s Sum) String() string { return hex.EncodeToString(s[:]) }

// ParseSum reads what [Sum.String] writes: exactly 64 lower-case hex
// characters. Anything else is an error, which does not repeat the text.
func ParseSum(text string) (Sum, error) {
	var s Sum
	if len(text) != hex.EncodedLen(len(s)) {
		return Sum{}, fmt.Errorf("blob: a checksum has %d characters, this has %d", hex.EncodedLen(len(s)), len(text))
	}
	// hex.Decode takes upper case as well; one blob has one name.
	if _, err := hex.Decode(s[:], []byte(text)); err != nil || s.String() != text {
		return Sum{}, errors.New("blob: a checksum is lower-case hex")
	}
	return s, nil
}

// Store keeps blobs. It is safe for use by many goroutines at once.
type Store interface {
	// Create begins a draft. The caller has to Commit or Discard it;
	// `defer d.Discard()` fits both.
	Create(ctx context.Context) (Draft, error)
	// Open opens a sound blob for reading; the caller closes it. The error is
	// ErrNotFound if there is none of that name, and ErrCorrupt if its bytes
	// do not match its name (DF-11).
	Open(ctx context.Context, sum Sum) (Blob, error)
	// Ping returns nil if blobs can be written and read right now, and
	// otherwise the reason why not.
	Ping(ctx context.Context) error
}

// Collector is a [Store] with what collection of unreferenced code and the
// check of all code need besides.
type Collector interface {
	Store
	// List calls each for every blob, in the order of their names, with the
	// number of its stored bytes and when it was last committed, by the
	// storage's clock. It stops at the first error, which it returns. It does
	// not verify. Blobs that come or go meanwhile may be listed or not. What
	// is stored beside blobs is skipped.
	List(ctx context.Context, each func(sum Sum, size int64, modified time.Time) error) error
	// Remove removes a blob; it returns nil if there is none. Readers that
	// have it open can read on. The caller knows that nobody needs it.
	Remove(ctx context.Context, sum Sum) error
	// Check reads the stored bytes again, whatever was verified before, and
	// returns their number. The error is ErrNotFound if there are none of that
	// name, and ErrCorrupt if they do not match it (DF-11).
	Check(ctx context.Context, sum Sum) (size int64, err error)
}

// Draft is a blob being written. Nobody else sees it before Commit. What is
// written goes to storage as it comes, so that memory does not grow with size.
// A draft is for one goroutine at a time.
type Draft interface {
	// Write appends. After a Write that failed the draft cannot be committed.
	io.Writer
	// ReadAt reads what has been written so far, until Commit or Discard.
	io.ReaderAt
	// Size is the number of bytes written so far. It stays valid after Commit.
	Size() int64
	// Sum is the sum of what has been written so far. It stays valid after Commit.
	Sum() Sum
	// Commit makes the draft a blob under its sum. When it returns nil the
	// blob is durable: it survives a kill and a power cut. A crash before
	// that leaves either the whole blob under its name or nothing. To commit
	// bytes that are stored already is no error; if what is stored under the
	// name is corrupt, it is replaced. A Commit that fails, also because ctx
	// ended, discards the draft.
	Commit(ctx context.Context) error
	// Discard ends the draft and leaves nothing of it. It does nothing after
	// Commit, or when called again.
	Discard() error
}

// Blob is a stored blob open for reading. It is for one goroutine at a time.
type Blob interface {
	io.ReadSeekCloser
	// Size is the number of the blob's bytes.
	Size() int64
	// Intact returns nil if the bytes are still those that were verified when
	// the blob was opened, ErrCorrupt if they are not (DF-11), or a failure of
	// storage. It is cheap for a blob at rest, and meant to be called just
	// before the last bytes of an answer are sent.
	Intact() error
}
