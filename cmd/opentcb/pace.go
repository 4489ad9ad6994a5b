package main

import (
	"net/http"
	"time"

	"golang.org/x/time/rate"
)

// callTime is how long a call may take; one of a fleet, once it is its turn.
const callTime = 30 * time.Second

// pacedHTTP returns an HTTP client for so many workers, which together make no
// more than perSecond requests; 0 is no limit.
func pacedHTTP(transport *http.Transport, workers, perSecond int) *http.Client {
	transport = transport.Clone()
	transport.MaxIdleConnsPerHost = workers
	if perSecond == 0 {
		return &http.Client{Transport: transport, Timeout: callTime}
	}
	// The timeout runs while a call waits for its turn.
	turn := time.Duration(workers) * time.Second / time.Duration(perSecond)
	limit := rate.NewLimiter(rate.Limit(perSecond), 1)
	return &http.Client{Transport: paced{limit, transport}, Timeout: callTime + 2*turn}
}

// paced sends requests at a bounded rate.
type paced struct {
	limit *rate.Limiter
	next  http.RoundTripper
}

func (p paced) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := p.limit.Wait(r.Context()); err != nil {
		return nil, err
	}
	return p.next.RoundTrip(r)
}
