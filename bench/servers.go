package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// startServers starts the pair that the load is run against, and touches every
// Mini Program once, so that what follows finds the state of a server that has
// been up for a while.
func (s *session) startServers() error {
	targets, err := s.startReal()
	if err != nil {
		return err
	}
	s.first = targets[0]
	if s.bareOrders, err = s.learn(targets); err != nil {
		return err
	}
	if s.base, err = s.startBare(s.bareOrders); err != nil {
		return err
	}
	s.progress("every Mini Program once")
	return s.touchAll()
}

// startReal fills the database, starts the server under test on it and writes
// the targets, of which it returns those with a function.
func (s *session) startReal() ([]target, error) {
	dir, err := s.data(s.miniprograms)
	if err != nil {
		return nil, err
	}
	s.progress("issuing tokens")
	targets, calls, err := makeTargets(s.ctx, dir, s.miniprograms)
	if err != nil {
		return nil, err
	}
	if err := copyDatabase(filepath.Join(dir, databaseFile), s.path(rawDatabase)); err != nil {
		return nil, err
	}
	if s.backend, err = s.startRole(loadCPU, "backend", nil); err != nil {
		return nil, err
	}
	if s.real, err = s.startOn(dir, "--upstream", "http://"+s.backend.api); err != nil {
		return nil, err
	}
	var downloads []target
	for _, t := range targets {
		if t.Function != "" {
			downloads = append(downloads, t)
		}
	}
	return downloads, errors.Join(
		writeTargets(s.path("targets"), targets),
		writeTargets(s.path("downloads"), downloads),
		writeTargets(s.path("calls"), calls))
}

// data is the data folder with n Mini Programs, filled when it is first asked
// for; with -keep, in the first run.
func (s *session) data(n int) (string, error) {
	dir := s.path(fmt.Sprintf("data-%d", n))
	filled := dir + ".filled"
	if _, err := os.Stat(filled); err == nil {
		return dir, nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	s.progress("writing %d Mini Programs", n)
	if err := fill(s.ctx, dir, n); err != nil {
		return "", err
	}
	return dir, os.WriteFile(filled, nil, 0o600)
}

// startOn starts the server under test on a data folder.
func (s *session) startOn(dir string, more ...string) (*server, error) {
	if s.control {
		return s.startBare(controlOrders(s.path("big.zip")))
	}
	return startServer(s.ctx, s.log, nil, s.binary,
		append([]string{"serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data", dir}, more...)...)
}

func (s *session) startBare(orders bareOrders) (*server, error) {
	return s.startRole(serverCPU, "bare", orders)
}

// startRole starts one of this program's own servers on a core.
func (s *session) startRole(cpu int, name string, orders any) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return startServerAt(s.ctx, cpu, s.log, orders, self, name)
}

func (s *session) stopServers() {
	for _, server := range []*server{s.base, s.real, s.backend} {
		if server != nil {
			server.stop()
		}
	}
}

// learn asks the real server each question once: the bare one then gives the
// same answers, and serves a copy of the large function's code.
func (s *session) learn(targets []target) (bareOrders, error) {
	if s.control {
		return controlOrders(s.path("big.zip")), makeZip(s.path("big.zip"))
	}
	orders := bareOrders{Answers: map[string]string{}, Zip: s.path("big.zip")}
	for _, r := range readCalls {
		answer, err := s.ask(r, targets[0])
		if err != nil {
			return orders, fmt.Errorf("%s: %w", r.name, err)
		}
		orders.Answers["/tcb/"+r.name] = string(answer)
	}
	link, checksum, err := s.link()
	if err != nil {
		return orders, err
	}
	return orders, s.download(link, orders.Zip, checksum)
}

// link asks for a download link to the large function.
func (s *session) link() (url, checksum string, err error) {
	large := s.first
	large.Function = largeFunction
	text, err := s.ask(downloadfunction, large)
	if err != nil {
		return "", "", err
	}
	var answer struct{ URL, Checksum string }
	err = json.Unmarshal(text, &answer)
	return answer.URL, answer.Checksum, err
}

// ask makes one call of the real server with the standard client.
func (s *session) ask(c call, t target) ([]byte, error) {
	url := "http://" + s.real.api + strings.ReplaceAll(c.path(), "{token}", t.Token)
	body := newTemplate(c.body).appendTo(nil, &t, 0)
	answer, err := s.fetch(http.MethodPost, url, body)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && !bytes.Contains(text, errcodeZero) {
		err = fmt.Errorf("the server answers %s", text)
	}
	return bytes.TrimSpace(text), err
}

func (s *session) download(url, path, checksum string) error {
	answer, err := s.fetch(http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	hash := sha256.New()
	_, err = io.Copy(io.MultiWriter(file, hash), answer.Body)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != checksum {
		return fmt.Errorf("the link's bytes have the hash %s, not %s (DF-2)", got, checksum)
	}
	return nil
}

// fetch leaves the address out of its errors: it may hold a token.
func (s *session) fetch(method, url string, body []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(s.ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("an address that cannot be parsed")
	}
	client := http.Client{Timeout: time.Minute}
	answer, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", method, errors.Unwrap(err))
	}
	return answer, nil
}
