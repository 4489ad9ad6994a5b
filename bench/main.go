package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
)

// roles are the parts that run in a process of their own. A role reads its
// orders as JSON from standard input, so that no token is seen in a list of
// processes.
var roles = map[string]func(io.Reader, io.Writer) error{
	"bare":      bare,
	"echo":      echo,
	"backend":   backend,
	"proxy":     bareProxy,
	"load":      role(load),
	"strangers": strangers,
	"siege":     siege,
	"rawsets":   role(rawSets),
	"rawsync":   role(rawSync),
}

// options are the flags of the command line.
type options struct {
	miniprograms int
	pairs        int
	duration     time.Duration
	warmUp       time.Duration
	connections  int
	only         string
	keep         string
	json         bool
	control      bool

	scale, active, cacheRows int    // of the comparison of a large world with a small one
	database                 string // where both are; "" for SQLite
}

func main() {
	if len(os.Args) == 2 {
		if run, ok := roles[os.Args[1]]; ok {
			exit(run(os.Stdin, os.Stdout))
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exit(bench(ctx, readOptions()))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func readOptions() options {
	var o options
	flag.IntVar(&o.miniprograms, "miniprograms", 10_000, "`number` of Mini Programs in the database")
	flag.IntVar(&o.pairs, "pairs", 5, "how many pairs are measured")
	flag.DurationVar(&o.duration, "duration", 3*time.Second, "how long each half of a pair is measured")
	flag.DurationVar(&o.warmUp, "warmup", time.Second, "how long load runs before the measured time")
	flag.IntVar(&o.connections, "connections", 64, "connections of the load on reads")
	flag.StringVar(&o.only, "only", "", "measure only these, comma-separated: "+strings.Join(measurementNames(), ", "))
	flag.StringVar(&o.keep, "keep", "", "keep the data in this `folder`, and use what is there")
	flag.BoolVar(&o.json, "json", false, "print one JSON value in place of the table")
	flag.BoolVar(&o.control, "control", false, "measure a second bare server in place of the real one")
	flag.IntVar(&o.scale, "scale", 1_000_000, "-only scale: `number` of Mini Programs in the large world")
	flag.IntVar(&o.active, "active", smallWorld, "-only scale: how many of them make calls")
	flag.IntVar(&o.cacheRows, "cache-rows", cloud.DefaultCacheRows, "-only scale: rows of each kind that the servers keep in memory")
	flag.StringVar(&o.database, "database", "", "-only scale: `URL` of a Postgres server on which databases may be made; SQLite without it")
	flag.Parse()
	if flag.NArg() > 0 || o.pairs < 1 || o.miniprograms < 1 || o.connections < 1 {
		flag.Usage()
		os.Exit(2)
	}
	return o
}
