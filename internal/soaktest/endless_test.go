//go:build linux

package soaktest

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"time"
)

// No server takes more of a body than this before it ends the connection: the
// largest is an upload of 20 MiB, and then there are the buffers between.
const (
	tooMuch    = 64 << 20
	endsWithin = time.Minute
)

// endlessChunks sends a body in chunks that never ends.
func endlessChunks(ctx context.Context, d door) error {
	chunk := bytes.Repeat([]byte(" "), 64<<10)
	return pour(ctx, d, "Transfer-Encoding: chunked\r\n", "", fmt.Appendf(nil, "%x\r\n%s\r\n", len(chunk), chunk))
}

// endlessLength announces a terabyte and sends it.
func endlessLength(ctx context.Context, d door) error {
	return pour(ctx, d, "Content-Length: 1099511627776\r\n", `{"env":"`, bytes.Repeat([]byte("a"), 64<<10))
}

// endlessCode is a JSON body whose ZipFile never ends.
func endlessCode(ctx context.Context, d door) error {
	piece := []byte(base64.StdEncoding.EncodeToString(newZip(1, 48<<10)[:48<<10]))
	return pour(ctx, d, "Content-Length: 1099511627776\r\n", `{"FunctionName":"code","ZipFile":"`, piece)
}

// endlessNesting opens arrays and never closes one.
func endlessNesting(ctx context.Context, d door) error {
	return pour(ctx, d, "Content-Length: 1099511627776\r\n", `{"env":`, bytes.Repeat([]byte("["), 64<<10))
}

// endlessHeaders sends header lines that never end.
func endlessHeaders(ctx context.Context, d door) error {
	return pourRaw(ctx, d, d.head, []byte("X-More: "+strings.Repeat("a", 8000)+"\r\n"))
}

// oversized sends a body that is well formed and larger than any may be.
func oversized(ctx context.Context, d door) error {
	size := 2 << 20
	if d.name == "upload" {
		size = 30 << 20
	}
	body := `{"env":"none","FunctionName":"code","ZipFile":"` + strings.Repeat("A", size) + `"}`
	conn, err := d.dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(endsWithin))
	io.WriteString(conn, fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", d.head, len(body), body))
	conn.CloseWrite()
	_, err = judge(conn)
	if err != nil {
		return fmt.Errorf("oversized body to %s: %w", d.name, err)
	}
	return nil
}

func pour(ctx context.Context, d door, length, begin string, piece []byte) error {
	return pourRaw(ctx, d, d.head+length+"\r\n"+begin, piece)
}

// pourRaw sends without end, and expects that the server makes one.
func pourRaw(ctx context.Context, d door, head string, piece []byte) error {
	conn, err := d.dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(endsWithin))
	began := time.Now()
	_, err = io.WriteString(conn, head)
	sent := 0
	for err == nil && ctx.Err() == nil {
		var n int
		n, err = conn.Write(piece)
		if sent += n; sent > tooMuch {
			return fmt.Errorf("%s takes more than %d bytes of what never ends", d.name, tooMuch)
		}
	}
	if time.Since(began) >= endsWithin {
		return fmt.Errorf("%s: after %d bytes and %v what never ends is not ended", d.name, sent, endsWithin)
	}
	return nil
}
