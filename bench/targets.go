package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
)

// target is one Mini Program that the load may name: its access token, its
// environment, and a function of it with uploaded code ("" where it has none).
type target struct {
	Token, Env, Function string
}

// writeTargets writes a file that readTargets reads, which only this user can read.
func writeTargets(path string, targets []target) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(file, 1<<20)
	for _, t := range targets {
		fmt.Fprintf(out, "%s\t%s\t%s\n", t.Token, t.Env, t.Function)
	}
	return errors.Join(out.Flush(), file.Close())
}

// readTargets reads them. No file is one empty target, for requests that name
// none.
func readTargets(path string) ([]target, error) {
	if path == "" {
		return []target{{}}, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var targets []target
	for line := range strings.Lines(string(text)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) != 3 {
			return nil, fmt.Errorf("%s: a line of %d fields", path, len(fields))
		}
		targets = append(targets, target{fields[0], fields[1], fields[2]})
	}
	if len(targets) == 0 {
		return nil, fmt.Errorf("%s is empty", path)
	}
	return targets, nil
}
