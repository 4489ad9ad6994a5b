//go:build linux

package soaktest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"time"
)

// slowUpload sends code for over a second, and more than half of it after the
// server was told to stop.
func (h *stopTest) slowUpload(began chan<- struct{}) error {
	c := newClient(h.s.api, h.token)
	defer c.close()
	code := newZip(rand.Uint64(), 3<<20)
	body := uploadBody(h.env, "slow", h.key, code)
	header, err := c.sign(body)
	if err != nil {
		began <- struct{}{}
		return err
	}
	var head bytes.Buffer
	fmt.Fprintf(&head, "POST / HTTP/1.1\r\nContent-Length: %d\r\n", len(body))
	header.Write(&head)
	head.WriteString("\r\n")
	res, answer, err := h.slowly(head.Bytes(), body, began)
	if err != nil {
		return err
	}
	return decodeUpload(res.StatusCode, answer)
}

// slowCall does the same with a small body.
func (h *stopTest) slowCall(began chan<- struct{}) error {
	head, body, _ := strings.Cut(h.get(), "\r\n\r\n")
	res, answer, err := h.slowly([]byte(head+"\r\n\r\n"), []byte(body), began)
	if err != nil {
		return err
	}
	h.gets.Add(1)
	return decode(res.StatusCode, answer, nil)
}

// slowly sends a request with its body in ten pieces.
func (h *stopTest) slowly(head, body []byte, began chan<- struct{}) (*http.Response, []byte, error) {
	conn, err := net.Dial("tcp", h.address())
	if err == nil {
		defer conn.Close()
		_, err = conn.Write(head)
	}
	for i := range 10 {
		if i == 1 {
			began <- struct{}{}
		}
		if err == nil {
			_, err = conn.Write(body[len(body)*i/10 : len(body)*(i+1)/10])
		}
		time.Sleep(120 * time.Millisecond)
	}
	if err != nil {
		return nil, nil, err
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return nil, nil, err
	}
	answer, err := io.ReadAll(res.Body)
	return res, answer, err
}

// slowDownload reads code for over a second.
func (h *stopTest) slowDownload(began chan<- struct{}) error {
	c := newClient(h.s.api, h.token)
	defer c.close()
	link, _, err := c.link(h.env, "large")
	var res *http.Response
	if err == nil {
		res, err = c.http.Get(link)
	}
	began <- struct{}{}
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var code bytes.Buffer
	for err == nil {
		time.Sleep(50 * time.Millisecond)
		_, err = io.CopyN(&code, res.Body, 512<<10)
	}
	if err != io.EOF || sumOf(code.Bytes()) != h.large {
		return fmt.Errorf("after %d bytes: %v", code.Len(), err)
	}
	return nil
}
