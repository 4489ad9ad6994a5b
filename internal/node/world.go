package node

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/codezip"
	"github.com/opentcb/opentcb/internal/secretfile"
	"github.com/opentcb/opentcb/internal/world"
	"github.com/opentcb/opentcb/internal/yamlfile"
)

// WorldFile is a world file whose code was added.
type WorldFile struct {
	Text  []byte            // the file as it is
	World cloud.World       // what it says
	Code  map[string]string // the SHA-256 of each zip, by its name in the file
}

// StandardInput is the name of a world file that is read from there. Zips that it names
// are looked for in the working folder.
const StandardInput = "-"

func readWorldText(file string) ([]byte, error) {
	if file == StandardInput {
		return io.ReadAll(io.LimitReader(os.Stdin, yamlfile.MaxBytes+1))
	}
	return yamlfile.ReadFile(file)
}

// ReadWorld reads a world file and calls add with each zip that it names, a
// folder as the zip of its content. add returns the zip's SHA-256. What is
// wrong with the file is a words.Faults.
func ReadWorld(file string, add func(zip io.Reader) (string, error)) (WorldFile, error) {
	text, err := readWorldText(file)
	if err != nil {
		return WorldFile{}, fmt.Errorf("world file: %w", err)
	}
	w, err := world.Parse(text, file)
	if err != nil {
		return WorldFile{}, err
	}
	code := map[string]string{}
	for _, f := range w.Functions {
		if f.Zip == "" || code[f.Zip] != "" {
			continue
		}
		path := f.Zip
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(file), path)
		}
		if code[f.Zip], err = addZip(path, add); err != nil {
			return WorldFile{}, fmt.Errorf("%s:%d: function %s: %w", file, f.Line, f.Name, err)
		}
	}
	w.AddSums(code)
	return WorldFile{text, w, code}, nil
}

func addZip(path string, add func(io.Reader) (string, error)) (string, error) {
	zip, err := codezip.ReadSource(path, admin.MaxCode, codezip.Without{})
	if err != nil {
		return "", err
	}
	return add(bytes.NewReader(zip))
}

// applyWorld applies a world file to the rules, and logs what it says and did not
// bring about.
func applyWorld(ctx context.Context, svc *cloud.Service, file string, log *slog.Logger) error {
	if info, err := os.Stat(file); err == nil && secretfile.Check(file, info) != nil {
		log.Warn("others can read or change the world file, which holds secrets", "file", file, "mend", "chmod 600")
	}
	read, err := ReadWorld(file, func(zip io.Reader) (string, error) {
		draft, err := svc.NewCode(ctx)
		if err != nil {
			return "", err
		}
		defer draft.Discard()
		if _, err := io.Copy(draft, zip); err != nil {
			return "", err
		}
		return svc.AddCode(ctx, svc.OperatorCaller("start"), draft)
	})
	if err != nil {
		return err
	}
	read.World.Options.Start = true
	outcome, err := svc.Apply(ctx, svc.OperatorCaller("start"), read.World)
	if err != nil {
		return fmt.Errorf("world file %s cannot be applied:\n%w", file, err)
	}
	for _, left := range outcome.Left {
		log.Warn("not applied of the world file", "item", left.Item, "what", left.Change)
	}
	return nil
}
