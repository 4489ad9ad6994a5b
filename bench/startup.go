package main

import (
	"time"
)

const (
	startUps        = 5
	startUpPrograms = 100_000         // in the database, unless -miniprograms asks for more
	settled         = 5 * time.Second // from ready to idle
)

// startUpData is the data folder that start-up and idle memory are measured on.
func (s *session) startUpData() (dir string, n int, err error) {
	n = max(startUpPrograms, s.miniprograms)
	if s.control {
		return "", n, nil
	}
	dir, err = s.data(n)
	return dir, n, err
}

// startUp measures the time from the start of the process to its ready line.
func startUp(s *session) ([]row, error) {
	dir, n, err := s.startUpData()
	if err != nil {
		return nil, err
	}
	r := row{Name: "start-up", Figure: plain, Unit: "ms", Goal: goal{"<", 50}}
	if n > startUpPrograms {
		r.Goal.Limit = 1000
	}
	r.note("on a database of %d Mini Programs", n)
	for range startUps {
		server, err := s.startOn(dir)
		if err != nil {
			return nil, err
		}
		r.add(milliseconds(server.ready), 0)
		if err := server.stop(); err != nil && !s.control {
			return nil, err
		}
	}
	return []row{r}, nil
}

// idleMemory measures what a server that was asked nothing holds in memory.
func idleMemory(s *session) ([]row, error) {
	dir, n, err := s.startUpData()
	if err != nil {
		return nil, err
	}
	server, err := s.startOn(dir)
	if err != nil {
		return nil, err
	}
	defer server.stop()
	time.Sleep(settled)
	mib, err := residentMiB(server.pid())
	r := row{Name: "memory idle", Figure: plain, Unit: "MiB", Goal: goal{"<", 32}}
	r.note("on a database of %d Mini Programs, %v after ready", n, settled)
	r.add(mib, 0)
	return []row{r}, err
}

// memoryAfter measures what the server holds after all that went before.
func memoryAfter(s *session) ([]row, error) {
	real, err := residentMiB(s.real.pid())
	if err != nil {
		return nil, err
	}
	base, err := residentMiB(s.base.pid())
	r := row{Name: "memory after load", Figure: difference, Unit: "MiB"}
	r.note("every one of %d Mini Programs was used", s.miniprograms)
	r.add(real, base)
	return []row{r}, err
}
