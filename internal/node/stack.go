package node

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/delivery"
	"github.com/opentcb/opentcb/internal/server"
)

// stack is what stands on the storage: the rules and both interfaces, with all
// that they have in memory. A server in test mode replaces it whole when what is
// stored is put back, so that nothing in memory is of another state.
type stack struct {
	cloud  *cloud.Service
	server *server.Server // nil until the world is applied
	admin  *admin.Server
	pushes *delivery.Worker
}

// newRules puts the rules on the storage.
func (n *Node) newRules() *stack {
	return &stack{cloud: cloud.New(cloud.Config{
		Store: n.storage.Store, Blobs: n.storage.Blobs, Ring: n.storage.Ring, Presign: n.storage.presign,
		CloudbaseTokens: n.cfg.Limits.CloudbaseTokens, RuntimeWaits: n.cfg.Limits.RuntimeWaits,
		CacheRows: n.cfg.Limits.CacheRows, RowLife: n.storage.rowLife(), LinkLife: n.cfg.Limits.LinkLife,
		Interfaces:   server.CountedInterfaces(),
		InvalidToken: n.cfg.invalidToken(), Now: n.cfg.Now, Jumped: n.cfg.jumped, Random: n.random("keys"),
		RandomFor: n.randomFor(), Log: n.cfg.Log,
	})}
}

// addInterfaces puts the interfaces on the rules, and begins to push.
func (n *Node) addInterfaces(s *stack) {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	reg.MustRegister(n)
	s.server = server.New(server.Config{
		Cloud: s.cloud, Log: n.cfg.Log, Registry: reg, PublicURL: n.cfg.publicURL(),
		FalseSecrets: n.cfg.Limits.FalseSecrets, OpenConsent: n.cfg.OpenConsent,
		TrustedProxies: n.trusted,
		Uploads:        n.cfg.Limits.MaxUploads, UploadGrace: n.cfg.Limits.UploadGrace, UploadRate: n.cfg.Limits.UploadRate,
		BodyBytes:    n.cfg.Limits.MaxBodyBytes,
		Streams:      n.cfg.Limits.MaxAllStreams,
		TransferTime: n.cfg.Limits.TransferTimeout,
		Upstream:     n.upstream, UpstreamTime: n.cfg.Limits.UpstreamTimeout,
		Runtime: n.cfg.Runtime, RuntimeSecret: n.secret,
		InvokeTime: n.cfg.Limits.InvokeTimeout, Invocations: n.cfg.Limits.Invocations,
		TestMode: n.cfg.TestMode, Clock: n.testNow(), Random: n.random("rids"), Bench: n.bench(),
	})
	s.admin = admin.New(admin.Config{
		Cloud: s.cloud, First: n.token, Metrics: reg, Registry: reg, FalseTokens: n.cfg.Limits.FalseSecrets,
		LogLevel: n.cfg.LogLevel, Status: n.status, TestMode: n.cfg.TestMode, Clock: n.Clock(), Tests: n, Random: n.random("admin rids"),
		PublicURL: n.cfg.publicURL(), APIURL: n.APIURL(), Faults: n.bench().Faults(), Journal: n.bench().Journal(),
		Log: n.cfg.Log, Backup: backupOf(n.storage, s.cloud, n.cfg, n.usage.measureAgain),
	})
	s.pushes = delivery.New(delivery.Config{
		Cloud: s.cloud, Log: n.cfg.Log, Registry: reg, Roots: n.roots, Jumped: n.cfg.jumped, OneByOne: n.cfg.Seed != "",
		Faults: n.bench().Faults(), Journal: n.bench().Journal(),
	})
}

// close ends the rules, which write what they have in memory. A request that comes to
// the stack late, when another has its place, waits for nothing.
func (s *stack) close() error {
	if s.server != nil {
		s.server.Close()
		s.admin.EndWaits()
		s.pushes.Close()
	}
	return s.cloud.Close()
}
