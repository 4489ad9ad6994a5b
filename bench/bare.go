package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
)

// bareOrders tell the bare server what to answer.
type bareOrders struct {
	Answers map[string]string // path → fixed answer
	Zip     string            // path of the file that GET /zip answers
}

// bare is the floor that the real server is held against: net/http, the token
// out of the query, the body read and not looked at, a fixed answer of the same
// size. It serves until it is killed.
func bare(in io.Reader, out io.Writer) error {
	var orders bareOrders
	if err := json.NewDecoder(in).Decode(&orders); err != nil {
		return err
	}
	mux := http.NewServeMux()
	for path, answer := range orders.Answers {
		mux.HandleFunc(path, fixed(answer))
	}
	mux.HandleFunc("/zip", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, orders.Zip)
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "ready api=http://%s\n", listener.Addr())
	return http.Serve(listener, mux)
}

func fixed(answer string) http.HandlerFunc {
	body, size := []byte(answer), strconv.Itoa(len(answer))
	return func(w http.ResponseWriter, r *http.Request) {
		token := r.URL.Query().Get("access_token")
		if _, err := io.ReadAll(r.Body); err != nil || token == "" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Content-Length", size)
		w.Write(body)
	}
}
