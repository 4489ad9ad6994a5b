//go:build unix

package node_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/clock"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/delivery"
	"github.com/opentcb/opentcb/internal/node"
)

// startMoving starts a server whose clock stands where it is moved.
func startMoving(b *testing.B) (*admin.Client, func(time.Duration)) {
	cfg := node.Default()
	cfg.Listen, cfg.AdminListen, cfg.Data = "127.0.0.1:0", "127.0.0.1:0", filepath.Join(b.TempDir(), "data")
	cfg.TestMode, cfg.Clock = true, clock.Setting{Mode: clock.Frozen, At: time.Now()}.String()
	n, err := node.Start(context.Background(), cfg)
	check(b, err)
	b.Cleanup(func() { check(b, n.Shutdown(context.Background())) })
	return &admin.Client{URL: n.AdminURL(), Token: n.AdminToken()}, func(by time.Duration) {
		_, err := n.Clock().Advance(by)
		check(b, err)
	}
}

// arrivals starts an address that tells of each push and answers success.
func arrivals(b *testing.B) (url string, came chan struct{}) {
	came = make(chan struct{}, 1<<16)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		came <- struct{}{}
		io.WriteString(w, "success")
	}))
	b.Cleanup(srv.Close)
	return srv.URL, came
}

// BenchmarkTickets pushes the tickets of 1,000 platforms, each to an address of its
// own, all due at one moment.
func BenchmarkTickets(b *testing.B) {
	const platforms = 1000
	n, move := startMoving(b)
	url, came := arrivals(b)
	var world strings.Builder
	world.WriteString("platforms:\n")
	for i := range platforms {
		fmt.Fprintf(&world, "  - {appid: wx%016x, secret: the-secret-of-%d, events: [{url: \"%s/%d\", token: %s, aes_key: %s}]}\n",
			i, i, url, i, pushToken, pushAESKey)
	}
	if _, err := n.Apply(b.Context(), []byte(world.String()), nil); err != nil {
		b.Fatal(err)
	}
	for range platforms {
		<-came
	}
	before := cpuTime(b) // of server and receivers together
	for b.Loop() {
		move(10 * time.Minute)
		for range platforms {
			<-came
		}
	}
	pushed := float64(b.N * platforms)
	b.ReportMetric(pushed/b.Elapsed().Seconds(), "pushes/s")
	b.ReportMetric(float64(cpuTime(b)-before)/1000/pushed, "cpu-us/push")
}

// BenchmarkBarePosts is what an HTTP request to such an address costs by itself: the
// same body to the same receiver, as many at once, with a connection for each as
// pushes have it, and with connections that are kept.
func BenchmarkBarePosts(b *testing.B) {
	for name, kept := range map[string]bool{"a connection each": false, "kept": true} {
		b.Run(name, func(b *testing.B) {
			url, came := arrivals(b)
			by := delivery.NewSender(nil)
			by.DisableKeepAlives, by.MaxIdleConnsPerHost = !kept, cloud.MaxPushes
			b.Cleanup(by.CloseIdleConnections)
			body := bytes.Repeat([]byte("x"), 460) // as long as that of a ticket
			places := make(chan struct{}, cloud.MaxPushes)
			before := cpuTime(b)
			for b.Loop() {
				places <- struct{}{}
				go func() {
					defer func() { <-places }()
					if d := delivery.Send(b.Context(), by, cloud.Letter{URL: url, Body: body}); !d.OK {
						b.Error(d.Fault)
					}
					<-came
				}()
			}
			for range cloud.MaxPushes {
				places <- struct{}{}
			}
			b.ReportMetric(float64(cpuTime(b)-before)/1000/float64(b.N), "cpu-us/post")
		})
	}
}

// BenchmarkConsentToDelivery is the time from the operator's consent to the event at
// the receiver.
func BenchmarkConsentToDelivery(b *testing.B) {
	n, _ := startMoving(b)
	url, came := arrivals(b)
	if _, err := n.Apply(b.Context(), []byte(pushWorld), nil); err != nil {
		b.Fatal(err)
	}
	_, err := n.ChangePlatform(b.Context(), pushPlatform, cloud.PlatformChange{Events: cloud.Given([]cloud.EventSetting{
		{URL: url, Token: pushToken, AESKey: pushAESKey},
	})})
	if err != nil {
		b.Fatal(err)
	}
	<-came
	var took []time.Duration
	for sets := 1; b.Loop(); sets++ {
		began := time.Now()
		if _, err := n.Authorize(b.Context(), pushPlatform, pushMini, []int{1 + sets%9000}); err != nil {
			b.Fatal(err)
		}
		<-came
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}
