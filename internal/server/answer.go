package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"sync"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/tcb"
)

// jsonType is the content type of every API answer (EN-2).
var jsonType = []string{"application/json; charset=utf-8"}

// noStore keeps answers, many of which hold secrets, out of every cache.
var noStore = []string{"no-store"}

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
func answer(w http.ResponseWriter, status int, v any) {
	e := encoders.Get().(*encoder)
	defer encoders.Put(e)
	e.Reset()
	if err := e.json.Encode(v); err != nil {
		panic(err) // the types of package tcb always encode
	}
	e.Truncate(e.Len() - 1) // the encoder ends with a line break
	h := w.Header()
	h["Content-Type"], h["Cache-Control"] = jsonType, noStore
	if e.Len() >= smallAnswer {
		h["Content-Length"] = []string{strconv.Itoa(e.Len())}
	}
	w.WriteHeader(status)
	_, _ = w.Write(e.Bytes()) // fails if the caller has gone away
}

// failure is the envelope of an error (EN-4): the code's text, the detail,
// the rid. An error that is not of package cloud is a bug, and shows nothing
// of itself (EN-5).
func failure(err error, rid string) tcb.Status {
	code := codeOf(err)
	msg := code.Text()
	made, isInjected := errors.AsType[*injectedError](err)
	switch detail := detailOf(err); {
	case isInjected:
		msg = made.msg
	case detail == "":
	case code == tcb.FunctionTimeout: // whose text says how long that was
		msg = detail
	case code == tcb.UnregisteredAddress: // which was seen without a colon
		msg += " " + detail
	default:
		msg += ": " + detail
	}
	return tcb.Status{ErrCode: code, ErrMsg: msg + " rid: " + rid}
}

// codeOf returns the errcode of an outcome.
func codeOf(err error) tcb.Code {
	if made, ok := errors.AsType[*injectedError](err); ok {
		return made.code
	}
	return cloud.CodeOf(err)
}

// detailOf returns what an error says to the caller; "" if that is nothing
// beyond its code.
func detailOf(err error) string {
	if e, ok := errors.AsType[*cloud.Error](err); ok {
		return e.Detail
	}
	return ""
}
