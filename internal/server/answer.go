package server

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// jsonType is the content type of every API answer (EN-2).
var jsonType = []string{"application/json; charset=utf-8"}

// smallAnswer is what net/http holds back until the handler ends, and then
// sends with its length: setting it ourselves would cost more.
const smallAnswer = 2048

// encoder is a reusable buffer and the JSON encoder that writes into it.
type encoder struct {
	bytes.Buffer
	json *json.Encoder
}

var encoders = sync.Pool{New: func() any {
	e := &encoder{}
	e.json = json.NewEncoder(&e.Buffer)
	e.json.SetEscapeHTML(false) // EN-8: a signed address stays readable
	return e
}}

// answer writes a JSON object with its length (EN-1, EN-2).
func (s *Server) answer(w http.ResponseWriter, status int, v any) {
	e := encoders.Get().(*encoder)
	defer encoders.Put(e)
	e.Reset()
	if text, ok := appendPlain(e.AvailableBuffer(), v); ok {
		_, _ = e.Write(text) // a buffer takes all
	} else if err := e.json.Encode(v); err != nil {
		panic(err) // the types of package tcb always encode
	} else {
		e.Truncate(e.Len() - 1) // the encoder ends with a line break
	}
	h := w.Header()
	h["Content-Type"], h["Date"] = jsonType, s.dates.header(time.Now())
	if e.Len() >= smallAnswer {
		h["Content-Length"] = []string{strconv.Itoa(e.Len())}
	}
	w.WriteHeader(status)
	_, _ = w.Write(e.Bytes()) // the caller has gone away: nobody to tell
}

// dates makes the Date header once a second: net/http writes it anew for each
// answer, which is a fiftieth of a call that is answered from memory.
type dates struct{ latest atomic.Pointer[date] }

type date struct {
	second int64
	header []string
}

// header returns the header of that time. Nobody may change it.
func (d *dates) header(now time.Time) []string {
	second := now.Unix()
	if known := d.latest.Load(); known != nil && known.second == second {
		return known.header
	}
	made := &date{second, []string{now.UTC().Format(http.TimeFormat)}}
	d.latest.Store(made)
	return made.header
}

// failure is the envelope of an error (EN-4): the code's text, the detail,
// the rid. An error that is not of package cloud is a bug, and shows nothing
// of itself (EN-5).
func failure(err error, rid string) tcb.Status {
	code, detail := cloud.CodeOf(err), ""
	if e, ok := errors.AsType[*cloud.Error](err); ok {
		detail = e.Detail
	}
	msg := code.Text()
	if detail != "" {
		msg += ": " + detail
	}
	return tcb.Status{ErrCode: code, ErrMsg: msg + " rid: " + rid}
}

// ridMaker makes request ids: the time in seconds, a number drawn at start,
// and a count, mixed so that it tells nobody how busy the server is. No two
// are alike within one process (EN-4).
type ridMaker struct {
	process [4]byte
	mask    uint32
	count   atomic.Uint32
}

func newRIDMaker() *ridMaker {
	m := &ridMaker{}
	var seed [8]byte
	rand.Read(seed[:])
	copy(m.process[:], seed[:4])
	m.mask = binary.BigEndian.Uint32(seed[4:])
	return m
}

// next returns the id of a request that came at that time.
func (m *ridMaker) next(at time.Time) string {
	var raw [12]byte
	binary.BigEndian.PutUint32(raw[:4], uint32(at.Unix()))
	copy(raw[4:8], m.process[:])
	// An odd factor maps the 2^32 counts onto 2^32 numbers, one to one.
	binary.BigEndian.PutUint32(raw[8:], m.count.Add(1)*0x9E3779B1^m.mask)
	var out [26]byte
	hex.Encode(out[:8], raw[:4])
	out[8] = '-'
	hex.Encode(out[9:17], raw[4:8])
	out[17] = '-'
	hex.Encode(out[18:], raw[8:])
	return string(out[:])
}
