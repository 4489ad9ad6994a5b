package node

import (
	"log/slog"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/server"
)

// Config is what an operator can set of a server. Default returns one that
// works.
type Config struct {
	Listen       string // address of the API listener
	AdminListen  string // address of the admin listener
	Data         string // data folder
	Database     string // postgres://…; "": SQLite in the data folder
	Blobs        string // file:///DIR or s3://…; "": a folder in the data folder
	BlobRedirect bool   // links lead on to the bucket, which must be s3://

	// The master key comes from one of these; none: the file master-key in the
	// data folder, made at first start.
	MasterKeyFile    string
	MasterKey        string // the key itself, 32 bytes in base64
	MasterKeyCommand string // run by the shell; prints the key

	AdminToken string // "": admin-token in the data folder, made at first start
	World      string // world file to apply before the first request; "": none
	PublicURL  string // how callers reach the API; "": as each did
	LinkLife   time.Duration
	Upstream   string // where allowed cloud calls are forwarded to; "": they are answered with success

	ReadHeaderTimeout time.Duration // for a request's header to arrive
	ReadTimeout       time.Duration // for a call's body to arrive
	WriteTimeout      time.Duration // for a call to be answered
	IdleTimeout       time.Duration // between two calls on one connection
	TransferTimeout   time.Duration // for one upload, download or cloud call
	UpstreamTimeout   time.Duration // of the upstream without progress, until its answer begins
	ShutdownTimeout   time.Duration // for calls under way to finish
	MaxConnections    int           // at once, on the API listener
	MaxUploads        int           // at once
	MaxHeaderBytes    int           // of one request
	CacheRows         int           // of each kind kept in memory

	Log *slog.Logger
	Now func() time.Time // default time.Now
}

// Default returns the settings of a server whose operator sets none.
func Default() Config {
	return Config{
		Listen:      "127.0.0.1:8080",
		AdminListen: "127.0.0.1:8081",
		Data:        "opentcb-data",
		LinkLife:    cloud.DefaultLinkLife,

		// The same time for both is one deadline to set for a call, not two.
		ReadHeaderTimeout: 20 * time.Second,
		ReadTimeout:       20 * time.Second,
		WriteTimeout:      time.Minute,
		IdleTimeout:       2 * time.Minute,
		TransferTimeout:   server.DefaultTransferTime,
		UpstreamTimeout:   server.DefaultUpstreamTime,
		ShutdownTimeout:   30 * time.Second,
		MaxConnections:    10000,
		MaxUploads:        server.DefaultUploads,
		MaxHeaderBytes:    16 << 10,
		CacheRows:         cloud.DefaultCacheRows,

		Log: slog.New(slog.DiscardHandler),
		Now: time.Now,
	}
}
