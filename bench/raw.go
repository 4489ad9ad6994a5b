package main

import (
	"errors"
	"io/fs"
	"os"
	"time"
)

// rawOrders say what is written without a server, and for how long.
type rawOrders struct {
	Path             string // of the database or file
	MiniPrograms     int    // in the database
	WarmUp, Duration time.Duration
}

// rawReport is what was written in the measured time.
type rawReport struct {
	Writes   uint64
	Seconds  float64
	P50, P99 time.Duration // of one synced write
}

func (r rawReport) perSecond() float64 { return float64(r.Writes) / r.Seconds }

// timed repeats a synced write of n rows: for the warm-up, then measured.
func timed(orders rawOrders, n int, write func() error) (rawReport, error) {
	var latencies histogram
	first := time.Now().Add(orders.WarmUp)
	last := first.Add(orders.Duration)
	for began := time.Now(); began.Before(last); {
		if err := write(); err != nil {
			return rawReport{}, err
		}
		ended := time.Now()
		if began.After(first) {
			latencies.add(ended.Sub(began))
		}
		began = ended
	}
	return rawReport{
		Writes: latencies.count * uint64(n), Seconds: time.Since(first).Seconds(),
		P50: latencies.quantile(0.5), P99: latencies.quantile(0.99),
	}, nil
}

// rawSync appends 4 KiB to a file and syncs it, again and again: what a durable
// change costs at the least.
func rawSync(orders rawOrders) (rawReport, error) {
	file, err := os.OpenFile(orders.Path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return rawReport{}, err
	}
	defer file.Close()
	page := make([]byte, 4<<10)
	return timed(orders, 1, func() error {
		if _, err := file.Write(page); err != nil {
			return err
		}
		return file.Sync()
	})
}

// removeDatabase removes an SQLite database and what stands beside it.
func removeDatabase(path string) error {
	var faults []error
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); !errors.Is(err, fs.ErrNotExist) {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}
