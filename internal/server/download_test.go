package server

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/opentcb/opentcb/tcb"
)

// link asks downloadfunction for a link to the function's code.
func (f *fixture) link(t *testing.T, token, url string) string {
	t.Helper()
	var answer tcb.DownloadFunctionResponse
	w := f.post(t, url+"/tcb/downloadfunction?access_token="+token, `{"env":"`+env+`","function_name":"`+function+`"}`, &answer)
	if answer.ErrCode != tcb.OK {
		t.Fatalf("downloadfunction: %s", w.Body)
	}
	return answer.URL
}

// stored is the file of the one blob that is stored.
func (f *fixture) stored(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(f.code, "[0-9a-f][0-9a-f]", "*"))
	if must(t, err); len(files) != 1 {
		t.Fatalf("stored: %q", files)
	}
	return files[0]
}

// flip changes one byte of a file in place; done twice it mends it.
func flip(file string, at int64) error {
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		return err
	}
	b[0] ^= 1
	_, err = f.WriteAt(b[:], at)
	return err
}

// slowGet asks for a link's code, reads the head and a little of the body,
// calls midway, and reads on. It returns the length that was announced, and
// what of the body came.
func slowGet(t *testing.T, link, ranges string, midway func()) (announced, came int64, err error) {
	t.Helper()
	host, path, _ := strings.Cut(strings.TrimPrefix(link, "http://"), "/")
	conn, err := net.Dial("tcp", host)
	must(t, err)
	defer conn.Close()
	must(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	must(t, conn.(*net.TCPConn).SetReadBuffer(16<<10)) // so that the server cannot run ahead
	r, err := http.NewRequest("GET", "http://"+host+"/"+path, nil)
	must(t, err)
	if ranges != "" {
		r.Header.Set("Range", ranges)
	}
	must(t, r.Write(conn))
	resp, err := http.ReadResponse(bufio.NewReader(conn), r)
	must(t, err)
	if resp.StatusCode >= 300 {
		return 0, 0, fmt.Errorf("status %s", resp.Status)
	}
	came, err = io.CopyN(io.Discard, resp.Body, 4<<10)
	must(t, err)
	midway()
	rest, err := io.Copy(io.Discard, resp.Body)
	return resp.ContentLength, came + rest, err
}

// TestAlteredMidway alters the stored code while it is being sent, whole and
// in ranges: the answer breaks off, is logged and counted.
//
// Proves: DF-11
func TestAlteredMidway(t *testing.T) {
	s := newFixture(t, Config{})
	ts := httptest.NewServer(s)
	defer ts.Close()
	token, size := s.token(t), int64(8<<20)
	s.upload(t, token, ts.URL, zipOf(t, noise(int(size))))
	link, file := s.link(t, token, ts.URL), s.stored(t)
	all := []string{"", "bytes=0-", fmt.Sprintf("bytes=1000-%d", size-1000), fmt.Sprintf("bytes=0-%d,%d-%d", size/2, size/2+10, size-5)}
	for _, ranges := range all {
		announced, came, err := slowGet(t, link, ranges, func() {})
		if err != nil || came != announced {
			t.Errorf("untouched, %q: %d of %d bytes: %v", ranges, came, announced, err)
		}
	}
	time.Sleep(2100 * time.Millisecond) // a file that rests is trusted by its times
	for i, ranges := range all {
		for _, at := range []int64{100, size - 2000} { // sent by then, and not
			broken := int(s.corrupt(t))
			announced, came, err := slowGet(t, link, ranges, func() { must(t, flip(file, at)) })
			if !errors.Is(err, io.ErrUnexpectedEOF) || came >= announced {
				t.Errorf("byte %d altered, %q: %d of %d bytes: %v", at, ranges, came, announced, err)
			}
			s.waitCorrupt(t, broken+1)
			if _, came, err := slowGet(t, link, ranges, func() {}); err == nil || came > 0 {
				t.Errorf("afterwards, %q: %d bytes: %v", ranges, came, err)
			}
			must(t, flip(file, at))
		}
		if announced, came, err := slowGet(t, link, ranges, func() {}); err != nil || came != announced {
			t.Errorf("%d: mended: %d of %d bytes: %v", i, came, announced, err)
		}
	}
	if !strings.Contains(s.log.String(), `interface=download errcode=-1000`) {
		t.Error("the log does not tell")
	}
}

// corrupt is how many downloads were refused or broken off.
func (f *fixture) corrupt(t *testing.T) float64 {
	t.Helper()
	var m dto.Metric
	must(t, f.metrics.corrupt.Write(&m))
	return m.GetCounter().GetValue()
}

// waitCorrupt waits for the server to count what the client has seen.
func (f *fixture) waitCorrupt(t *testing.T, n int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); int(f.corrupt(t)) < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%v downloads are counted, want %d", f.corrupt(t), n)
		}
	}
}
