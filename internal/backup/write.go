package backup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/opentcb/opentcb/internal/blob"
	"github.com/opentcb/opentcb/internal/sqlstore"
)

// ahead is how many pieces of code are opened at once: opening one may take a
// request to another machine.
const ahead = 8

// Write writes an archive of all rows as of one moment, and of the code that
// they name. The rows come first and quickly. Code that is collected or altered
// before its turn is a [CodeError]. When Write fails, what it has written is no
// archive: it lacks the end. Memory does not grow with the size of the code.
// progress may be nil.
func Write(
	ctx context.Context, out io.Writer, store *sqlstore.Store, blobs blob.Store, info Info, progress Progress,
) error {
	keyID, err := store.KeyID(ctx)
	if err != nil {
		return err
	}
	if keyID == "" {
		return errors.New("the database is not bound to a master key yet: there is nothing to back up")
	}
	if keyID != info.Ring.KeyID() {
		return fmt.Errorf("the database is bound to the master key with the id %s, not %s", keyID, info.Ring.KeyID())
	}
	w := newWriter(ctx, out, progress)
	s := Summary{Manifest: newManifest(info, keyID)}
	first := text(s.Manifest)
	if err := writeEntry(w.tar, manifestName, int64(len(first)), bytes.NewReader(first)); err != nil {
		return err
	}
	needed, err := w.rows(store, &s)
	if err != nil {
		return err
	}
	if err := w.code(store, blobs, needed, &s); err != nil {
		return err
	}
	s.Bytes, s.SHA256 = w.n, hex.EncodeToString(w.hash.Sum(nil))
	s.sign(info.Ring)
	last, err := lastBytes(s)
	if err == nil {
		_, err = w.Write(last)
	}
	return err
}

// rows writes all rows, and returns which code they name.
func (w *writer) rows(store *sqlstore.Store, s *Summary) ([]blob.Sum, error) {
	c, needed := newChunks(w), &sums{}
	err := store.Dump(w.ctx, func(table string, columns []string, values []any) error {
		if err := needed.of(table, columns, values); err != nil {
			return err
		}
		return c.add(table, values)
	})
	if err == nil {
		err = c.flush()
	}
	s.Rows = c.counts
	return needed.list(), err
}

// of adds the code that a row names.
func (s *sums) of(table string, columns []string, values []any) error {
	if table != "functions" {
		return nil
	}
	i := slices.Index(columns, "sum")
	if i < 0 {
		return broken("the functions have no code")
	}
	name, ok := values[i].(string)
	if !ok || name == "" {
		return nil
	}
	sum, err := blob.ParseSum(name)
	if err != nil {
		return broken("a function's code: %w", err)
	}
	return s.add(sum)
}

// opened is a piece of code on its way into the archive.
type opened struct {
	sum  blob.Sum
	blob blob.Blob
	err  error
}

// code writes the code, in the order of names.
func (w *writer) code(store *sqlstore.Store, blobs blob.Store, needed []blob.Sum, s *Summary) (err error) {
	ctx, cancel := context.WithCancel(w.ctx)
	coming := openAhead(ctx, blobs, needed)
	defer func() { // closes what was opened and is not needed any more
		cancel()
		for one := range coming {
			if o := <-one; o.err == nil {
				o.blob.Close()
			}
		}
	}()
	for one := range coming {
		o := <-one
		if o.err == nil {
			s.CodeBytes += o.blob.Size()
			s.Code++
			o.err = errors.Join(w.piece(o), o.blob.Close())
		}
		if o.err != nil {
			return nameUsers(w.ctx, store, o.sum, o.err)
		}
	}
	return w.ctx.Err()
}

// openAhead opens code, a few pieces at once, and sends it in its order.
func openAhead(ctx context.Context, blobs blob.Store, needed []blob.Sum) <-chan chan opened {
	coming := make(chan chan opened, ahead)
	go func() {
		defer close(coming)
		for _, sum := range needed {
			one := make(chan opened, 1)
			select {
			case coming <- one:
			case <-ctx.Done():
				return
			}
			go func() {
				b, err := blobs.Open(ctx, sum)
				one <- opened{sum, b, err}
			}()
		}
	}()
	return coming
}

// piece writes a piece of code. What is written is hashed once more: it may be
// altered after it was opened.
func (w *writer) piece(o opened) error {
	if o.blob.Size() > maxCode {
		return fmt.Errorf("it has %d bytes, and no archive can hold more than %d", o.blob.Size(), maxCode)
	}
	h := sha256.New()
	err := writeEntry(w.tar, codeFolder+o.sum.String(), o.blob.Size(), io.TeeReader(o.blob, h))
	if errors.Is(err, io.EOF) || err == nil && blob.Sum(h.Sum(nil)) != o.sum {
		err = blob.ErrCorrupt
	}
	return err
}

// CodeError is the error of code that is missing or damaged. What says whose
// code it is and what to do, and may be shown to anybody; the text of the error
// may show where code is kept.
type CodeError struct {
	What   string
	reason error
}

// Error returns What and the reason.
func (e *CodeError) Error() string { return e.What + ": " + e.reason.Error() }

// Unwrap returns the reason.
func (e *CodeError) Unwrap() error { return e.reason }

// nameUsers makes a CodeError of missing or damaged code.
func nameUsers(ctx context.Context, store *sqlstore.Store, sum blob.Sum, err error) error {
	if ctx.Err() != nil || !errors.Is(err, blob.ErrNotFound) && !errors.Is(err, blob.ErrCorrupt) {
		return fmt.Errorf("the code %s: %w", sum, err)
	}
	fault := "is not there"
	if errors.Is(err, blob.ErrCorrupt) {
		fault = "is damaged"
	}
	users, readErr := store.CodeUsers(ctx, sum.String(), 1)
	switch {
	case readErr != nil:
		return &CodeError{fmt.Sprintf("the code %s %s", sum, fault), errors.Join(err, readErr)}
	case len(users) == 0:
		return &CodeError{fmt.Sprintf(
			"the code %s %s: it was replaced while the backup was made; make the backup again", sum, fault), err}
	}
	f := users[0]
	return &CodeError{fmt.Sprintf(
		"the code of function %s in environment %s of %s %s: deploy it again, then make the backup",
		f.Name, f.Env, f.Account, fault), err}
}
