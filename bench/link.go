package main

import (
	"archive/zip"
	"errors"
	"io"
	"math/rand/v2"
	"net/url"
)

// largeFunction is the function, in the first target's environment, whose code
// is largeZip bytes.
const (
	largeFunction = "large"
	largeZip      = 50 << 20
)

// linkConnections is how many downloads are under way at once.
const linkConnections = 4

// link measures the bytes per second of a download link (DF-8) against
// http.ServeFile of the same bytes. Each pair takes a fresh link.
func link(s *session) ([]row, error) {
	r := row{Name: "link of 50 MiB", Figure: ratio, Unit: "MB/s", Goal: goal{">=", 0.9}}
	for pair := range s.pairs {
		path := "/zip"
		if !s.control {
			text, _, err := s.link()
			if err != nil {
				return nil, err
			}
			address, err := url.Parse(text)
			if err != nil {
				return nil, errors.New("a link that cannot be parsed (DF-7)")
			}
			path = address.RequestURI()
		}
		real, err := s.load(s.linkOrders(s.real, path))
		if err != nil {
			return nil, err
		}
		base, err := s.load(s.linkOrders(s.base, "/zip"))
		if err != nil {
			return nil, err
		}
		r.add(real.bytesPerSecond()/1e6, base.bytesPerSecond()/1e6)
		r.watch(real, base)
		s.progress("link %d/%d: %.3f; real %s; bare %s", pair+1, s.pairs,
			real.bytesPerSecond()/base.bytesPerSecond(), real, base)
	}
	return []row{r}, nil
}

func (s *session) linkOrders(to *server, path string) loadOrders {
	return loadOrders{
		Address: to.api, ServerPID: to.pid(), Path: path, Discard: true,
		Connections: linkConnections, WarmUp: s.warmUp, Duration: s.duration,
	}
}

// writeZip writes a zip of about that size that does not compress.
func writeZip(to io.Writer, size int64) error {
	archive := zip.NewWriter(to)
	entry, err := archive.CreateHeader(&zip.FileHeader{Name: "index.js", Method: zip.Store})
	if err != nil {
		return err
	}
	if _, err := io.CopyN(entry, rand.NewChaCha8([32]byte{1}), size); err != nil {
		return err
	}
	return archive.Close()
}
