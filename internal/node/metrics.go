package node

import (
	"runtime"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Describe implements prometheus.Collector. What there is to tell depends on the
// storage, so nothing is promised.
func (n *Node) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector. It waits for nothing: what has to be
// measured was measured before.
func (n *Node) Collect(to chan<- prometheus.Metric) {
	m := metrics{to}
	m.gauge("build_info", "The program's version, always 1.", 1,
		"version", strings.TrimPrefix(Version(), "opentcb "), "go", runtime.Version())
	testMode := 0.0
	if n.cfg.TestMode {
		testMode = 1
	}
	m.gauge("test_mode", "1 while the server is in test mode, 0 otherwise.", testMode)
	if n.cfg.LogLost != nil {
		m.counter("log_lines_lost_total",
			"Lines of the log that were lost, because its reader was away or too slow.", n.cfg.LogLost())
	}
	m.counter("heads_refused_total", "Requests refused because their header had too many lines.",
		n.refusedHeads())
	uploads, most := n.stack.Load().server.Uploads()
	m.gauge("uploads", "Uploads under way.", float64(uploads))
	m.gauge("uploads_limit", "How many uploads may be under way.", float64(most))
	running, most := n.stack.Load().server.Invocations()
	m.gauge("invocations", "Calls that wait for a function.", float64(running))
	m.gauge("invocations_limit", "How many may wait of one environment.", float64(most))
	for name, l := range n.namedPorts() {
		m.gauge("connections", "Open connections, by listener.", float64(l.open.Load()), "listener", name)
		m.gauge("connections_limit", "How many connections may be open, by listener.", float64(cap(l.slots)), "listener", name)
		if l.cert != nil {
			m.collectTLS(name, l)
		}
	}
	streams, mostStreams := n.stack.Load().server.Streams()
	m.gauge("streams", "Requests of HTTP/2 under way at the interfaces.", float64(streams))
	m.gauge("streams_limit", "How many requests of HTTP/2 may be under way.", float64(mostStreams))
	n.collectRules(m)
	n.collectStorage(m)
}

// collectTLS tells how TLS is on a listener.
func (m metrics) collectTLS(name string, l *port) {
	stale := 0.0
	if l.cert.stale.Load() {
		stale = 1
	}
	m.gauge("certificate_expiry_seconds", "When the certificate in use expires, in Unix time, by listener.",
		float64(l.cert.expires.Load()), "listener", name)
	m.gauge("certificate_stale", "1 while the files of the certificate hold what cannot be used, by listener.",
		stale, "listener", name)
	m.counter("tls_handshakes_failed_total", "Connections that did not get as far as to speak TLS, by listener.",
		uint64(l.secure.failed.Load()), "listener", name)
	m.counter("streams_refused_total", "Requests of HTTP/2 refused because their connection had too many, by listener.",
		uint64(l.crowded.Load()), "listener", name)
}

// collectRules tells what the rules have in memory.
func (n *Node) collectRules(m metrics) {
	u := n.stack.Load().cloud.Usage()
	for kind, rows := range u.Rows {
		m.gauge("cached_rows", "Rows in memory, by kind.", float64(rows), "kind", kind)
	}
	m.gauge("cached_rows_limit", "How many rows of each kind may be in memory.", float64(u.RowLimit))
	m.gauge("audit_backlog", "Audit records that wait to be written.", float64(u.Records))
	m.gauge("audit_backlog_limit", "How many audit records may wait; reads are refused beyond.", float64(u.RecordsMax))
	m.counter("code_storage_faults_total", "What the bucket or folder of code could not do.", u.CodeFaults)
}

// collectStorage tells how the database is, and how large what is stored is.
func (n *Node) collectStorage(m metrics) {
	store := n.storage.Store
	m.counter("rows_altered_total", "Rows refused because they were altered outside of the server.", store.Refused())
	m.counter("changes_without_standby_total",
		"Changes answered -1 because the database had no synchronous standby.", store.Alone())
	m.counter("database_faults_total", "Reads and changes that the database could not do.", store.Faults())
	for name, pool := range store.Pools() {
		m.gauge("database_connections", "Connections to the database in use, by what for.", float64(pool.InUse), "pool", name)
		m.gauge("database_connections_limit", "How many there may be, by what for.", float64(pool.MaxOpenConnections), "pool", name)
		m.counter("database_connection_waits_total", "How often one was waited for.", uint64(pool.WaitCount), "pool", name)
	}
	now := n.usage.last()
	if now.measured {
		m.gauge("database_bytes", "Size of the database.", float64(now.sizes.Database))
		m.gauge("database_log_bytes", "Size of SQLite's log.", float64(now.sizes.Log))
		m.gauge("pushes_waiting", "Pushes that are to be delivered yet, by any server.", float64(now.counts.Pushes))
		m.gauge("code_bytes", "Size of all functions' code, each piece once.", float64(now.sizes.Code))
	}
	if free, ok := freeBytes(n.storage.data.path); ok {
		m.gauge("disk_free_bytes", "Room on the disk of the data folder.", float64(free))
	}
	if now.backup != 0 {
		age := n.cfg.Now().Sub(time.UnixMilli(now.backup))
		m.gauge("backup_age_seconds", "Time since everything was backed up last.", age.Seconds())
	}
}

// metrics sends metrics to whoever collects them.
type metrics struct{ to chan<- prometheus.Metric }

func (m metrics) gauge(name, help string, value float64, labels ...string) {
	m.send(prometheus.GaugeValue, name, help, value, labels)
}

func (m metrics) counter(name, help string, value uint64, labels ...string) {
	m.send(prometheus.CounterValue, name, help, float64(value), labels)
}

// send sends a metric. labels are names and values in turn.
func (m metrics) send(kind prometheus.ValueType, name, help string, value float64, labels []string) {
	var names, values []string
	for i := 0; i < len(labels); i += 2 {
		names, values = append(names, labels[i]), append(values, labels[i+1])
	}
	m.to <- prometheus.MustNewConstMetric(prometheus.NewDesc("opentcb_"+name, help, names, nil), kind, value, values...)
}
