package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// bareOrders are the answers of the bare server.
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
	mux.HandleFunc("/decide", fixedDecision)
	mux.HandleFunc("/zip", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, orders.Zip)
	})
	return serveBare(out, mux)
}

// fixedDecision takes the token out of the header that the real server reads,
// and gives an answer of the same size.
func fixedDecision(w http.ResponseWriter, r *http.Request) {
	const answer = `{"errcode":0,"errmsg":"ok"}`
	_, query, _ := strings.Cut(r.Header.Get("X-Original-URI"), "?")
	values, err := url.ParseQuery(query)
	if err != nil || values.Get("cloudbase_access_token") == "" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(answer)))
	h.Set("X-Opentcb-Errcode", "0")
	h.Set("X-Opentcb-Uri", callPath)
	h.Set("X-Wx-Appid", benchPlatform)
	h.Set("X-Wx-Env", "bench-0000000")
	io.WriteString(w, answer)
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
