package main

import (
	"bytes"
	"strconv"
	"strings"
)

// The parts of an answer that the load looks for. Go's server writes the
// header's name in this form.
var (
	errcodeZero   = []byte(`"errcode":0`)
	contentLength = []byte("\r\nContent-Length: ")
	endOfHead     = []byte("\r\n\r\n")
)

// request is a request that was cut at its placeholders once, so that making
// one is a few copies.
type request struct {
	get        bool
	head, body template
}

// newRequest makes a POST of a path that carries a token, a GET of any other.
func newRequest(host, path, header, body string) request {
	r := request{get: !strings.Contains(path, "{token}"), body: newTemplate(body)}
	method := "POST "
	if r.get {
		method = "GET "
	}
	head := method + path + " HTTP/1.1\r\nHost: " + host + "\r\n"
	if header != "" {
		head += header + "\r\n"
	}
	if body != "" {
		head += "Content-Type: application/json\r\n"
	}
	r.head = newTemplate(head)
	return r
}

// appendTo appends the request for one target.
func (r *request) appendTo(out []byte, t *target, version int64) []byte {
	out = r.head.appendTo(out, t, version)
	if !r.get {
		out = append(out, "Content-Length: "...)
		out = strconv.AppendInt(out, int64(r.body.size(t, version)), 10)
		out = append(out, "\r\n"...)
	}
	out = append(out, "\r\n"...)
	return r.body.appendTo(out, t, version)
}

// template is a text in literal pieces, each followed by a placeholder's value.
type template []piece

type piece struct{ literal, placeholder string }

func newTemplate(text string) template {
	var t template
	for {
		literal, rest, found := strings.Cut(text, "{")
		name, after, closed := strings.Cut(rest, "}")
		switch {
		case !found:
			return append(t, piece{literal: text})
		case closed && strings.Contains(" token env function version ", " "+name+" "):
			t, text = append(t, piece{literal, name}), after
		default: // a brace of the JSON
			t, text = append(t, piece{literal: literal + "{"}), rest
		}
	}
}

func (t template) appendTo(out []byte, to *target, version int64) []byte {
	for _, p := range t {
		out = append(out, p.literal...)
		switch p.placeholder {
		case "token":
			out = append(out, to.Token...)
		case "env":
			out = append(out, to.Env...)
		case "function":
			out = append(out, to.Function...)
		case "version":
			out = strconv.AppendInt(out, version, 10)
		}
	}
	return out
}

// size is the length of what appendTo appends.
func (t template) size(to *target, version int64) int {
	var scratch [512]byte
	return len(t.appendTo(scratch[:0], to, version))
}

// head looks for the end of an answer's header and takes its status, where the
// body starts, and the body's size: -1 where the header does not say (EN-2).
func head(in []byte) (status, start, size int, ok bool) {
	end := bytes.Index(in, endOfHead)
	if end < len("HTTP/1.1 200") {
		return 0, 0, 0, false
	}
	status, _ = strconv.Atoi(string(in[9:12]))
	at := bytes.Index(in[:end], contentLength)
	if at < 0 {
		return status, end + len(endOfHead), -1, true
	}
	for _, digit := range in[at+len(contentLength) : end] {
		if digit < '0' || digit > '9' {
			break
		}
		size = size*10 + int(digit-'0')
	}
	return status, end + len(endOfHead), size, true
}
