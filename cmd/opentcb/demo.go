package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed" // for demoLines
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/opentcb/opentcb/internal/admin"
	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/node"
	"github.com/opentcb/opentcb/internal/secretfile"
	"github.com/opentcb/opentcb/tcb"
)

// The demo world. Its secrets are not secret: only this machine can reach the
// listeners, unless the developer says otherwise.
const (
	demoPlatform = "wx00000000000000c1"
	demoSecret   = "demo-platform-secret"
	demoTicket   = "ticket@@@demo"
	demoMini     = "wx00000000000000a1"
	demoRefresh  = "refreshtoken@@@demo"
	demoEnv      = "demo-1a2b3c"
	demoFunction = "hello"
	demoCall     = "/wxa/msg_sec_check" // what the demo's code may call

	demoEventToken = "DemoEventToken"
	demoEventKey   = "DemoEventKey0000000000000000000000000000000"

	demoWorld = `platforms:
  - appid: ` + demoPlatform + `
    secret: ` + demoSecret + `
    verify_ticket: ` + demoTicket + `
    name: Demo platform
    permission_sets: [18, 49]
miniprograms:
  - appid: ` + demoMini + `
    name: First demo shop
  - appid: wx00000000000000a2
    name: Second demo shop
environments:
  - id: ` + demoEnv + `
    appid: ` + demoMini + `
    api_whitelist: ["` + demoCall + `"]
  - id: demo-4d5e6f
    appid: wx00000000000000a2
  - id: batch-7a8b9c
    platform: ` + demoPlatform + `
authorizations:
  - platform: ` + demoPlatform + `
    appid: ` + demoMini + `
    permission_sets: [18, 49]
    refresh_token: ` + demoRefresh + `
functions:
  - env: ` + demoEnv + `
    name: ` + demoFunction + `
`

	demoProfile = `profiles:
  demo:
    base_url: %s
    platform: ` + demoPlatform + `
    secret: {value: ` + demoSecret + `}
    ticket: {value: ` + demoTicket + `}
    miniprograms:
      - appid: ` + demoMini + `
        refresh_token: {value: ` + demoRefresh + `}
`

	demoCode = `// The demo's function. With call it calls that interface, as far as the whitelist lets it.
exports.main = async ({ name, call }) => {
  if (!call) return { hello: name || "world" };
  const { OPENTCB_API_URL: api, WX_CLOUDBASE_ACCESSTOKEN: token } = process.env;
  const answer = await fetch(api + call + "?cloudbase_access_token=" + token, { method: "POST", body: "{}" });
  return answer.json();
};
`
)

// The files of the demo, in a folder of the data folder.
const (
	demoFolder   = "demo"
	demoFile     = "world.yaml"
	demoDone     = "done"          // the demo world was applied, and its function uploaded
	demoUpload   = "upload.json"   // the body that the upload line sends
	demoZip      = "hello.zip"     // what the download line writes
	demoProfiles = "profiles.yaml" // for the commands that call the interfaces
)

// demo drives the demo world over the wire, as a platform would.
type demo struct {
	dir            string
	url            string
	intercept      string // address of the proxy for clients of the real platform
	token          string // authorizer_access_token
	componentToken string // component_access_token
	preAuthCode    string // pre_auth_code, for the consent page
	runtime        string // cloudbase_access_token

	events   string // where events are pushed to; "": nowhere
	admin    *admin.Client
	upstream string // "" if there is none
	noRunner string // why no function is run; "" if they are
	zip      []byte // the function's code
	upload   string // SHA-256 of the upload's body
	set      string // the body of a set that fits what is stored
}

// check returns an error if the data folder, or one of the files that are written
// or read in it, may be somebody else's, such as one that came with a repository.
func (d *demo) check() error {
	data := filepath.Dir(d.dir)
	info, err := os.Lstat(data)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && !info.IsDir() {
		return fmt.Errorf("%s is no folder", data)
	}
	if err := errors.Join(err, node.CheckData(data)); err != nil {
		return err
	}
	root, err := os.OpenRoot(data)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, name := range []string{
		"", demoFile, demoFunction, demoFunction + "/index.js", demoDone, demoUpload, demoZip, demoProfiles,
	} {
		err := secretfile.IsOrdinary(root, filepath.Join(demoFolder, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// isFirstStart reports whether no earlier start has completed the demo.
func (d *demo) isFirstStart() (bool, error) {
	_, err := os.Stat(filepath.Join(d.dir, demoDone))
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("cannot read the data folder: %w: run opentcb dev in another folder, or choose one with --data",
			err)
	}
	return false, nil
}

// begun reports whether an earlier start began to write the demo.
func (d *demo) begun() bool {
	_, err := os.Stat(d.dir)
	return err == nil
}

// writeWorld writes the world file and the function's code, and returns the
// file's path.
func (d *demo) writeWorld() (string, error) {
	if err := os.MkdirAll(filepath.Join(d.dir, demoFunction), 0o700); err != nil {
		return "", err
	}
	return filepath.Join(d.dir, demoFile), errors.Join(
		d.write(demoFile, []byte(demoWorld)),
		d.write(filepath.Join(demoFunction, "index.js"), []byte(demoCode)),
	)
}

// begin gets the tokens for the lines and, at the first start, uploads the
// function, so that there is something to download. It returns the lines.
func (d *demo) begin(ctx context.Context, first bool) (string, error) {
	for _, step := range []func(context.Context) error{
		d.credentials, d.runtimeToken, d.writeUpload, d.writeProfiles, d.prepareSet,
	} {
		if err := step(ctx); err != nil {
			return "", err
		}
	}
	if first {
		err := d.uploadFunction(ctx)
		if err == nil {
			err = d.write(demoDone, nil)
		}
		if err != nil {
			return "", err
		}
	}
	return d.lines()
}

// credentials gets the Mini Program's token as a platform does: with its ticket
// its own token, and with that the Mini Program's.
func (d *demo) credentials(ctx context.Context) error {
	component, err := (&tcb.Client{BaseURL: d.url}).ComponentToken(ctx, demoPlatform, demoSecret, demoTicket)
	if err != nil {
		return err
	}
	owner := &tcb.Client{BaseURL: d.url, Tokens: tcb.StaticToken(component.ComponentAccessToken)}
	authorizer, err := owner.AuthorizerToken(ctx, demoPlatform, demoMini, demoRefresh)
	if err != nil {
		return err
	}
	d.componentToken, d.token = component.ComponentAccessToken, authorizer.AuthorizerAccessToken
	preAuth, err := owner.CreatePreAuthCode(ctx, demoPlatform)
	d.preAuthCode = preAuth.PreAuthCode
	return err
}

func (d *demo) client() *tcb.Client {
	return &tcb.Client{BaseURL: d.url, Tokens: tcb.StaticToken(d.token)}
}

// runtimeToken gets the token that code in the environment would have.
func (d *demo) runtimeToken(ctx context.Context) error {
	token, err := d.admin.CloudbaseToken(ctx, demoEnv)
	d.runtime = token.Token
	return err
}

// writeUpload writes the upload's body, which holds the code protection key.
func (d *demo) writeUpload(ctx context.Context) error {
	key, err := d.client().GetCodeSecret(ctx)
	if err != nil {
		return err
	}
	var zip bytes.Buffer
	if err := tcb.ZipFolder(&zip, filepath.Join(d.dir, demoFunction), tcb.ZipOptions{}); err != nil {
		return err
	}
	d.zip = zip.Bytes()
	body, err := json.Marshal(map[string]any{
		"CodeSecret": key, "EnvId": demoEnv, "FunctionName": demoFunction,
		"Handler": "index.main", "ZipFile": d.zip, "InstallDependency": false,
	})
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	d.upload = hex.EncodeToString(sum[:])
	return d.write(demoUpload, body)
}

// writeProfiles writes the profile of the commands that call the interfaces.
func (d *demo) writeProfiles(context.Context) error {
	return d.write(demoProfiles, fmt.Appendf(nil, demoProfile, d.url))
}

// write writes a file that others may not read, and that is no link.
func (d *demo) write(name string, text []byte) error {
	root, err := os.OpenRoot(d.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return secretfile.Write(root, name, text)
}

// pushTo lets the demo's platform have its events at a URL; "" leaves it as it is.
func (d *demo) pushTo(ctx context.Context, eventURL string) error {
	p, err := d.admin.Platform(ctx, demoPlatform)
	if err == nil && eventURL != "" {
		p, err = d.admin.ChangePlatform(ctx, demoPlatform, cloud.PlatformChange{Events: cloud.Given([]cloud.EventSetting{
			{URL: eventURL, Token: demoEventToken, AESKey: demoEventKey},
		})})
	}
	if r, ok := errors.AsType[*admin.Refusal](err); ok && r.Member == "events" {
		return usageError{fmt.Errorf("--event-url: %s", r.Message)}
	}
	if err == nil && len(p.Events) > 0 {
		d.events = p.Events[0].URL
	}
	return err
}

// prepareSet makes the body of a set with the version that is stored, so that
// the line works. Pasted again it is the same set, and works too.
func (d *demo) prepareSet(ctx context.Context) error {
	now, err := d.client().GetCloudAccessToken(ctx, demoEnv)
	d.set = fmt.Sprintf(`{"action":"set","env":"%s","open":true,"api_whitelist":["%s","/cgi-bin/message/*"],"version":%d}`,
		demoEnv, demoCall, now.Version)
	return err
}

// uploadFunction uploads what the upload line sends.
func (d *demo) uploadFunction(ctx context.Context) error {
	upload := tcb.CodeUpload{Env: demoEnv, Function: demoFunction, Handler: "index.main"}
	_, err := d.client().UploadFunction(ctx, upload, bytes.NewReader(d.zip))
	return err
}

//go:embed demo.tmpl
var demoLines string

// lines returns what dev prints once the server is ready. Every line that does
// not begin with # can be pasted into a shell.
func (d *demo) lines() (string, error) {
	file := func(name string) string { return quote(filepath.Join(d.dir, name)) }
	var text strings.Builder
	page := template.Must(template.New("demo").Option("missingkey=error").Parse(demoLines))
	err := page.Execute(&text, map[string]string{
		"Intercept": d.intercept, "Folder": quote(filepath.Dir(d.dir)),
		"URL": d.url, "Admin": d.admin.URL, "Upstream": d.upstream, "NoRunner": d.noRunner,
		"Events": d.events, "EventToken": demoEventToken, "EventKey": demoEventKey, "Data": filepath.Dir(d.dir),
		"Platform": demoPlatform, "Secret": demoSecret, "Ticket": demoTicket, "Mini": demoMini, "Refresh": demoRefresh,
		"PreAuthCode": d.preAuthCode, "Token": d.token, "ComponentToken": d.componentToken, "Runtime": d.runtime,
		"Env": demoEnv, "Function": demoFunction, "Call": demoCall, "Set": d.set,
		"UploadFile": file(demoUpload), "UploadSum": d.upload, "Zip": file(demoZip), "Profiles": file(demoProfiles),
	})
	return text.String(), err
}

// quote makes a path one word of a shell's.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
