package node

import (
	"errors"
	"reflect"
	"time"

	"github.com/spf13/pflag"
)

// Limits bound what clients can take of a server, in time, number and size.
// Each field is a limit, and the only place in the code that names it: its
// tags are its flag, its default, and the help text of the flag. docs/operating.md
// has a line for each.
type Limits struct {
	LinkLife          time.Duration `flag:"link-ttl" default:"10m" help:"how long a download link is good"` // DF-8
	ReadHeaderTimeout time.Duration `flag:"read-header-timeout" default:"20s" help:"for a request's header to arrive"`
	ReadTimeout       time.Duration `flag:"read-timeout" default:"20s" help:"for a call to arrive whole"`
	WriteTimeout      time.Duration `flag:"write-timeout" default:"1m" help:"for a call to be answered"`
	IdleTimeout       time.Duration `flag:"idle-timeout" default:"2m" help:"between two calls on one connection"`
	TransferTimeout   time.Duration `flag:"transfer-timeout" default:"10m" help:"for one upload, download or cloud call"`
	UpstreamTimeout   time.Duration `flag:"upstream-timeout" default:"10s" help:"for the upstream to go on with a cloud call, until its answer begins"`
	ShutdownTimeout   time.Duration `flag:"shutdown-timeout" default:"30s" help:"for calls under way to finish at the end"`
	InvokeTimeout     time.Duration `flag:"invoke-timeout" default:"5s" help:"how long a call waits for a function; that goes on"` // IV-7
	Invocations       int           `flag:"invocations" default:"64" help:"functions of one environment that are run at once; further ones are told to try again"`
	MaxConnections    int           `flag:"max-connections" default:"10000" help:"connections at once; further ones wait"`
	MaxStreams        int           `flag:"max-streams" default:"100" help:"requests at once on one connection of HTTP/2; further ones are refused there"`
	MaxAllStreams     int           `flag:"max-all-streams" default:"10000" help:"requests at once on all connections of HTTP/2; further ones are told to try again"`
	MaxUploads        int           `flag:"max-uploads" default:"64" help:"uploads at once, a quarter of them of one platform; further ones are told to try again"`
	UploadGrace       time.Duration `flag:"upload-grace" default:"5s" help:"how long an upload may be slower than the least rate"`
	UploadRate        int           `flag:"upload-rate" default:"65536" help:"least rate of an upload, in bytes a second"`
	MaxBodyBytes      int           `flag:"max-body-bytes" default:"67108864" help:"bodies of calls in memory at once, in bytes; callers without a token get a quarter"`
	FalseSecrets      int           `flag:"false-secrets" default:"10" help:"false secrets of a platform, or admin tokens, from one address in a minute, before further ones are slowed"`
	CloudbaseTokens   int           `flag:"cloudbase-tokens" default:"600" help:"tokens that the runtimes of one environment get in a minute"`
	RuntimeWaits      int           `flag:"runtime-waits" default:"1000" help:"requests of the runtimes of one environment that wait for a change at once"`
	MaxHeaderBytes    int           `flag:"max-header-bytes" default:"16384" help:"size of a request's header"`
	MaxHeaderLines    int           `flag:"max-header-lines" default:"100" help:"lines of a request's header"`
	MaxSnapshots      int           `flag:"max-snapshots" default:"100" help:"snapshots of a server in test mode"`
	CacheRows         int           `flag:"cache-rows" default:"1048576" help:"rows of each kind kept in memory"`
}

// AddFlags adds a flag for each limit, whose default is the limit's value now.
func (l *Limits) AddFlags(f *pflag.FlagSet) {
	v := reflect.ValueOf(l).Elem()
	for i, field := range reflect.VisibleFields(v.Type()) {
		name, help := field.Tag.Get("flag"), field.Tag.Get("help")
		switch limit := v.Field(i).Addr().Interface().(type) {
		case *time.Duration:
			f.DurationVar(limit, name, *limit, help)
		case *int:
			f.IntVar(limit, name, *limit, help)
		}
	}
}

// defaultLimits returns the defaults of the tags.
func defaultLimits() Limits {
	var l Limits
	flags := pflag.NewFlagSet("limits", pflag.ContinueOnError)
	l.AddFlags(flags)
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Limits]()) {
		if err := flags.Set(field.Tag.Get("flag"), field.Tag.Get("default")); err != nil {
			panic(err) // a tag is wrong: no test gets past here
		}
	}
	return l
}

// check returns an error that names each limit that is not above 0; nil if all
// are.
func (l Limits) check() error {
	var faults []error
	v := reflect.ValueOf(l)
	for i, field := range reflect.VisibleFields(v.Type()) {
		if v.Field(i).Int() <= 0 {
			faults = append(faults, errors.New("--"+field.Tag.Get("flag")+" must be more than 0"))
		}
	}
	return errors.Join(faults...)
}
