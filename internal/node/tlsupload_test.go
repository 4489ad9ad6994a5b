package node_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/opentcb/opentcb/internal/node"
)

// TestCertificateIsReplacedUnderAnUpload: an upload that is under way when another
// certificate is taken up goes on and is answered; new connections get that one.
//
// Proves: TL-1
func TestCertificateIsReplacedUnderAnUpload(t *testing.T) {
	t.Parallel()
	for _, version := range []int{1, 2} {
		t.Run(fmt.Sprintf("HTTP/%d", version), func(t *testing.T) {
			s := startSecureBench(t, func(cfg *node.Config) { cfg.Limits.UploadGrace = time.Hour })
			_, developer := s.clientsBy(s.client(version))
			key, err := developer.GetCodeSecret(t.Context())
			s.ok(err)
			code := zipOf("index.js", "lib/other.js")
			body := fmt.Sprintf(`{"CodeSecret":%q,"EnvId":"env-one","FunctionName":"hello","Handler":"index.main",`+
				`"InstallDependency":"FALSE","ZipFile":%q}`, key, base64.StdEncoding.EncodeToString(code))
			long := strings.Repeat(" ", 100_000) + body // of which a little is sent each moment
			header, err := developer.GetUploadSignature(t.Context(), fmt.Sprintf("%x", sha256.Sum256([]byte(long))))
			s.ok(err)
			from, to := io.Pipe()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.node.APIURL()+"/", from)
			s.ok(err)
			req.Header, req.Host, req.ContentLength = header, header.Get("Host"), int64(len(long))
			answered := make(chan string, 1)
			go func() {
				resp, err := s.client(version).Do(req)
				if err != nil {
					answered <- err.Error()
					return
				}
				defer resp.Body.Close()
				text, err := io.ReadAll(resp.Body)
				answered <- fmt.Sprint(resp.StatusCode, err, string(text))
			}()
			replaced := make(chan struct{})
			go func() {
				sent, more := 0, 50 // pieces after another certificate is there
				for ; more > 0 && sent < 90_000; sent += 10 {
					_, _ = io.WriteString(to, long[sent:sent+10])
					time.Sleep(20 * time.Millisecond)
					select {
					case <-replaced:
						more--
					default:
					}
				}
				_, _ = io.WriteString(to, long[sent:])
				to.Close()
			}()
			cert, certKey := s.authority.Issue(time.Now().Add(48 * time.Hour))
			s.await("another certificate", cert, certKey, 48*time.Hour, false)
			if len(answered) > 0 {
				t.Fatalf("answered before it was sent: %s", <-answered)
			}
			close(replaced)
			if got := <-answered; !strings.HasPrefix(got, "200 <nil>") || strings.Contains(got, "Error") {
				t.Errorf("the upload was answered %s", got)
			}
		})
	}
}
