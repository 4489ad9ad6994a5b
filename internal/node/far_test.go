package node_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/opentcb/opentcb/internal/node"
	"github.com/opentcb/opentcb/internal/seal"
	"github.com/opentcb/opentcb/internal/testserver"
	"github.com/opentcb/opentcb/internal/wirescript"
)

func TestMain(m *testing.M) { testserver.Main(m) }

// farStorage is storage that several servers can share.
type farStorage struct {
	database, blobs string
	bucket          string
	file            func(sum string) string // where the bucket keeps code
}

func newFarStorage(t *testing.T, server *testserver.S3) *farStorage {
	bucket := server.Bucket()
	return &farStorage{
		database: testserver.PostgresURL(t), blobs: server.URL(bucket, "code"), bucket: bucket,
		file: func(sum string) string { return server.File(bucket, "code/"+sum[:2]+"/"+sum) },
	}
}

var hexText = regexp.MustCompile(`\\x([0-9a-f]{2})+`)

// rows is every row of every table, bytes as they are.
func (f *farStorage) rows() ([]byte, error) {
	db, err := sql.Open("pgx", f.database)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	var all string
	err = db.QueryRow("SELECT database_to_xml(false, false, '')::text || query_to_xml('SELECT records::text FROM audit UNION ALL SELECT records::text FROM refused_calls', false, false, '')::text").Scan(&all)
	return hexText.ReplaceAllFunc([]byte(all), func(text []byte) []byte {
		raw, _ := hex.DecodeString(string(text[2:]))
		return raw
	}), err
}

// TestWireOnPostgres plays every wire script against a server on Postgres and
// a bucket.
func TestWireOnPostgres(t *testing.T) {
	scripts, err := wirescript.Load(wirescript.Scripts)
	if err != nil {
		t.Fatal(err)
	}
	bucket := testserver.StartS3(t)
	for _, script := range scripts {
		t.Run(script.Name, func(t *testing.T) {
			t.Parallel()
			play(t, startBenchOn(t, newFarStorage(t, bucket)).target(), script)
		})
	}
}

// TestBlobRedirect follows a link that leads on to the bucket: the bytes are
// the bucket's, the address is good for as long as the link, and what was
// replaced in the bucket is refused here (DF-11).
//
// Proves: DF-7, DF-8, DF-11
func TestBlobRedirect(t *testing.T) {
	bucket := testserver.StartS3(t)
	far := newFarStorage(t, bucket)
	b := startBenchOn(t, far)
	b.cfg.BlobRedirect = true
	if _, err := b.restart(); err != nil {
		t.Fatal(err)
	}
	link, sum := protectedLink(t, b)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	to, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || resp.StatusCode != http.StatusFound ||
		!strings.Contains(far.blobs, url.QueryEscape(to.Host)) && !strings.Contains(far.blobs, to.Host) {
		t.Fatalf("status %d, Location of host %q, want the bucket's", resp.StatusCode, to.Host)
	}
	// Both addresses open the code: nobody on the way keeps the bucket's, and the
	// bucket does not hear of ours.
	if h := resp.Header; h.Get("Referrer-Policy") != "no-referrer" || !strings.Contains(h.Get("Cache-Control"), "no-store") {
		t.Errorf("Referrer-Policy %q, Cache-Control %q", h.Get("Referrer-Policy"), h.Get("Cache-Control"))
	}
	if life := to.Query().Get("X-Amz-Expires"); life != "600" && life != "599" {
		t.Errorf("the address is good for %s s, want what was left of the link's 600", life)
	}
	if got := sumOfGet(t, http.DefaultClient, link); got != sum {
		t.Errorf("followed, the link gives %s, want %s", got, sum)
	}
	if strings.Contains(b.log.String(), "X-Amz-Signature") {
		t.Error("the log shows the address")
	}
	bucket.Replace(far.bucket, "code/"+sum[:2]+"/"+sum, []byte("other bytes"))
	resp, err = client.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode < 500 {
		t.Errorf("damaged code: status %d", resp.StatusCode)
	}
}

// protectedLink uploads code as a platform, and returns a link to it and its
// checksum.
func protectedLink(t *testing.T, b *bench) (link, sum string) {
	t.Helper()
	const platform, app = "wx00000000000000c1", "wx00000000000000a1"
	err := operator{b}.Apply(`
platforms: [{appid: wx00000000000000c1, secret: some-secret-of-one, verify_ticket: ticket@@@one}]
miniprograms: [{appid: wx00000000000000a1}]
environments: [{id: test-777bb9, appid: wx00000000000000a1}]
authorizations: [{platform: wx00000000000000c1, appid: wx00000000000000a1, permission_sets: [18, 49], refresh_token: refreshtoken@@@one}]
functions: [{env: test-777bb9, name: hello}]
`)
	if err != nil {
		t.Fatal(err)
	}
	call := func(path, body string) map[string]any {
		resp, err := http.Post(b.node.APIURL()+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var answer map[string]any
		if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
			t.Fatal(err)
		}
		return answer
	}
	component := call("/cgi-bin/component/api_component_token", `{"component_appid":"`+platform+`","component_appsecret":"some-secret-of-one","component_verify_ticket":"ticket@@@one"}`)
	authorizer := call("/cgi-bin/component/api_authorizer_token?component_access_token="+fmt.Sprint(component["component_access_token"]),
		`{"component_appid":"`+platform+`","authorizer_appid":"`+app+`","authorizer_refresh_token":"refreshtoken@@@one"}`)
	token := "?access_token=" + fmt.Sprint(authorizer["authorizer_access_token"])
	var code bytes.Buffer
	z := zip.NewWriter(&code)
	w, _ := z.Create("index.js")
	_, _ = io.WriteString(w, "exports.main = async () => 1")
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	body, _ := json.Marshal(map[string]any{
		"EnvId": "test-777bb9", "FunctionName": "hello", "CodeSecret": call("/tcb/getcodesecret"+token, "{}")["codesecret"],
		"ZipFile": base64.StdEncoding.EncodeToString(code.Bytes()), "Handler": "index.main",
	})
	signed := call("/tcb/getuploadsignature"+token, `{"hashed_payload":"`+fmt.Sprintf("%x", sha256.Sum256(body))+`"}`)
	req, _ := http.NewRequest("POST", b.node.APIURL()+"/", bytes.NewReader(body))
	for line := range strings.SplitSeq(fmt.Sprint(signed["headers"]), "\r\n") {
		if name, value, ok := strings.Cut(line, ":"); ok && !strings.EqualFold(name, "Host") {
			req.Header.Set(name, strings.TrimSpace(value))
		} else if ok {
			req.Host = strings.TrimSpace(value)
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	answer := call("/tcb/downloadfunction"+token, `{"env":"test-777bb9","function_name":"hello"}`)
	if answer["url"] == nil {
		t.Fatalf("downloadfunction: %v; the upload answered %s", answer, text)
	}
	return fmt.Sprint(answer["url"]), fmt.Sprint(answer["checksum"])
}

// sumOfGet is the SHA-256 of what an address gives.
func sumOfGet(t *testing.T, client *http.Client, address string) string {
	t.Helper()
	resp, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	h := sha256.New()
	if _, err := io.Copy(h, resp.Body); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// TestMasterKey gives the key in each way, and another key.
func TestMasterKey(t *testing.T) {
	master := seal.FormatMasterKey(seal.NewMasterKey())
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(master), 0o600); err != nil {
		t.Fatal(err)
	}
	database := testserver.PostgresURL(t)
	blobs := "file://" + filepath.ToSlash(t.TempDir())
	start := func(change func(*node.Config)) error {
		cfg := node.Default()
		cfg.Listen, cfg.AdminListen = "127.0.0.1:0", "127.0.0.1:0"
		cfg.Data, cfg.Database, cfg.Blobs = filepath.Join(t.TempDir(), "data"), database, blobs
		change(&cfg)
		n, err := node.Start(t.Context(), cfg)
		if err == nil {
			err = n.Shutdown(context.Background())
		}
		return err
	}
	for what, change := range map[string]func(*node.Config){
		"file":     func(c *node.Config) { c.MasterKeyFile = file },
		"variable": func(c *node.Config) { c.MasterKey = master },
		"command":  func(c *node.Config) { c.MasterKeyCommand = "cat '" + file + "'" },
	} {
		if err := start(change); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	other := seal.FormatMasterKey(seal.NewMasterKey())
	for what, c := range map[string]struct {
		change func(*node.Config)
		says   string
	}{
		"another key":             {func(c *node.Config) { c.MasterKey = other }, "give the right one"},
		"no key":                  {func(*node.Config) {}, "is missing, and the database needs the one with the id"},
		"a command that fails":    {func(c *node.Config) { c.MasterKeyCommand = "exit 3" }, "exit status 3"},
		"a command without a key": {func(c *node.Config) { c.MasterKeyCommand = "echo hello" }, "what --master-key-command prints"},
	} {
		err := start(c.change)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", what, err, c.says)
		}
		if err != nil && (strings.Contains(err.Error(), strings.TrimSpace(master)) ||
			strings.Contains(err.Error(), strings.TrimSpace(other)) || strings.Contains(err.Error(), testserver.Password)) {
			t.Errorf("%s: the error shows a secret: %v", what, err)
		}
	}
}
