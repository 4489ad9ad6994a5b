package main

// spoilt is the part of the server's core that, going elsewhere, makes a rate
// no longer the server's own.
const spoilt = 0.05

// caution keeps the worst of what spoils a rate, over all runs of a row.
type caution struct {
	idle   float64 // of the core: the load did not keep the server busy
	others float64 // of the core: other processes took it
}

// watch looks at the two runs of a pair that should keep the server busy.
func (r *row) watch(reports ...loadReport) {
	r.watchOthers(reports...)
	for _, report := range reports {
		r.caution.idle = max(r.caution.idle, report.coreIdle())
	}
}

// watchOthers looks only for other processes.
func (r *row) watchOthers(reports ...loadReport) {
	for _, report := range reports {
		r.caution.others = max(r.caution.others, 1-report.coreIdle()-report.serverBusy())
	}
}

// noteCautions notes what was found.
func (r *row) noteCautions() {
	if r.caution.idle > spoilt {
		r.note("CAUTION: the server's core was idle for up to %.0f %% of a run; the load, not the server, was the bottleneck",
			100*r.caution.idle)
	}
	if r.caution.others > spoilt {
		r.note("CAUTION: other processes took up to %.0f %% of the server's core", 100*r.caution.others)
	}
}
