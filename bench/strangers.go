package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// strangerOrders say whom strangers bother, and whether their bodies come at
// once or a byte at a time.
type strangerOrders struct {
	Address string
	Fast    bool
}

// Each stranger sends a byte, or a request, this often.
const (
	strangerCount = 2000
	strangerTact  = time.Second
	strangerBody  = 16 << 10
)

// strangers are callers without a token, each on a connection of its own, with
// a body that a call without a token may have: a guess of a secret, a false
// token, an upload without a signature, and no interface at all.
func strangers(in io.Reader, out io.Writer) error {
	var orders strangerOrders
	if err := json.NewDecoder(in).Decode(&orders); err != nil {
		return err
	}
	var connected, running sync.WaitGroup
	connected.Add(strangerCount)
	faults := make(chan error, strangerCount)
	for i := range strangerCount {
		running.Go(func() {
			ready := sync.OnceFunc(connected.Done)
			time.Sleep(strangerTact * time.Duration(i) / strangerCount)
			for {
				if err := stranger(orders, i, ready); err != nil {
					faults <- err
				}
			}
		})
	}
	go func() {
		connected.Wait()
		fmt.Fprintf(out, "ready api=http://%s\n", orders.Address)
	}()
	return <-faults
}

// stranger keeps to one connection until the server ends it.
func stranger(orders strangerOrders, i int, ready func()) error {
	conn, err := net.Dial("tcp", orders.Address)
	if err != nil {
		return err
	}
	defer conn.Close()
	path := []string{
		"/cgi-bin/component/api_component_token", "/tcb/getcodesecret?access_token=none", "/", "/none",
	}[i%4]
	begin := fmt.Sprintf(`{"component_appid":"wx%016x","component_appsecret":"s","component_verify_ticket":"t","x":"`, i)
	body := begin + strings.Repeat("x", strangerBody-len(begin)-2) + `"}`
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", path, orders.Address, len(body))
	answers := bufio.NewReader(conn)
	if !orders.Fast {
		head += body[:1000]
		body = body[1000:]
		if _, err := io.WriteString(conn, head); err != nil {
			return nil
		}
	}
	for n := 0; n < len(body); n++ {
		ready()
		time.Sleep(strangerTact)
		if !orders.Fast {
			if _, err := io.WriteString(conn, body[n:n+1]); err != nil {
				return nil // the server has had enough
			}
			continue
		}
		if _, err := io.WriteString(conn, head+body); err != nil {
			return nil
		}
		answer, err := http.ReadResponse(answers, nil)
		if err != nil {
			return nil
		}
		if _, err := io.Copy(io.Discard, answer.Body); err != nil {
			return nil
		}
	}
	return nil
}
