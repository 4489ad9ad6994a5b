package runner

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// call is an event, as loader.js gets it.
type call struct {
	ID      uint64            `json:"id"`
	Handler string            `json:"handler"`
	Event   json.RawMessage   `json:"event"`
	Vars    map[string]string `json:"vars,omitempty"` // variables of the process; none if they are as before
	Name    string            `json:"name"`
	Env     string            `json:"env"`
	RID     string            `json:"rid"`
	Memory  int               `json:"memory"`  // MiB
	Timeout int64             `json:"timeout"` // milliseconds
}

// reply is what loader.js answers: Result or Error.
type reply struct {
	ID     uint64          `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *Failure        `json:"error"`
}

// maxReply bounds a frame of loader.js, in bytes: a result, and what stands around it. A
// failure is smaller.
const maxReply = 1<<20 + 4<<10

// errFrame is a frame that loader.js never sends: the function has written one.
var errFrame = errors.New("the process answered something else than a frame")

// writeFrame writes a length, 4 bytes with the highest first, and JSON.
func writeFrame(w io.Writer, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	frame := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(text)), uint32(len(text)))
	_, err = w.Write(append(frame, text...))
	return err
}

func readFrame(r io.Reader) (reply, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return reply{}, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > maxReply {
		return reply{}, errFrame
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(r, text); err != nil {
		return reply{}, err
	}
	var a reply
	if err := json.Unmarshal(text, &a); err != nil {
		return reply{}, fmt.Errorf("%w: %w", errFrame, err)
	}
	if a.Result == nil && a.Error == nil {
		return reply{}, errFrame
	}
	return a, nil
}
