package node

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/codezip"
	"github.com/opentcb/opentcb/internal/world"
)

// ReadWorld reads a world file and calls add with each zip that it names, a
// folder as the zip of its content. add returns the zip's SHA-256; the result
// gives it by the name in the file.
func ReadWorld(file string, add func(zip io.Reader) (string, error)) (*world.World, map[string]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, nil, fmt.Errorf("world file: %w", err)
	}
	defer f.Close()
	w, err := world.Read(f, file)
	if err != nil {
		return nil, nil, err
	}
	code := map[string]string{}
	for _, fn := range w.Functions {
		if fn.Zip == "" || code[fn.Zip] != "" {
			continue
		}
		path := fn.Zip
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(file), path)
		}
		if code[fn.Zip], err = addZip(path, add); err != nil {
			return nil, nil, fmt.Errorf("%s:%d: function %s: %w", file, fn.Line, fn.Name, err)
		}
	}
	return w, code, nil
}

func addZip(path string, add func(io.Reader) (string, error)) (string, error) {
	zip, err := OpenZip(path)
	if err != nil {
		return "", err
	}
	defer zip.Close()
	return add(zip)
}

// OpenZip opens a zip, or makes one from a folder as it is read.
func OpenZip(path string) (io.ReadCloser, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return os.Open(path)
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(codezip.FromFolder(w, path)) }()
	return r, nil
}

// applyWorld applies a world file to the rules.
func applyWorld(ctx context.Context, svc *cloud.Service, file string) error {
	w, code, err := ReadWorld(file, func(zip io.Reader) (string, error) {
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
	if _, err := svc.Apply(ctx, svc.OperatorCaller("start"), admin.Rules(w, code)); err != nil {
		return fmt.Errorf("world file %s cannot be applied:\n%w", file, err)
	}
	return nil
}
