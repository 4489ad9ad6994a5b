package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// examples has for each command that does something what help and the manual show of it:
// lines that can be typed as they are, but for the names in them.
var examples = map[string]string{
	"dev":     "opentcb dev\nopentcb dev --event-url http://127.0.0.1:9000/events\nopentcb dev --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 --data /tmp/tcb",
	"serve":   "opentcb serve --world world.yaml\nopentcb serve --data /var/lib/opentcb --listen 0.0.0.0:8080 --public-url https://tcb.example.com",
	"version": "opentcb version",

	"reset":            "opentcb reset",
	"snapshot save":    "opentcb snapshot save before-upload",
	"snapshot restore": "opentcb snapshot restore before-upload",
	"snapshot list":    "opentcb snapshot list",
	"snapshot remove":  "opentcb snapshot remove before-upload",

	"clock show":    "opentcb clock show",
	"clock freeze":  "opentcb clock freeze\nopentcb clock freeze 2026-01-31T15:04:05Z",
	"clock advance": "opentcb clock advance 3h",
	"clock real":    "opentcb clock real",

	"intercept env": "eval \"$(opentcb intercept env)\"\nopentcb intercept env --shell fish | source\nopentcb intercept env --shell powershell | Invoke-Expression",

	"relay": "opentcb relay --platform wx00000000000000c1 --config relay.yaml --data /var/lib/relay",

	"platform list":        "opentcb platform list\nopentcb platform list --json",
	"platform show":        "opentcb platform show wx00000000000000c1",
	"platform add":         "opentcb platform add wx00000000000000c1 --name \"Acme services\" --sets 18,49",
	"platform set":         "opentcb platform set wx00000000000000c1 --sets 18,49,64\nopentcb platform set wx00000000000000c1 --name \"\"\nopentcb platform set wx00000000000000c1 --quotas getcodesecret.day=1000,all.minute=600 --ip-whitelist 192.0.2.0/24",
	"platform disable":     "opentcb platform disable wx00000000000000c1",
	"platform enable":      "opentcb platform enable wx00000000000000c1",
	"platform remove":      "opentcb platform remove wx00000000000000c1\nopentcb platform remove wx00000000000000c1 --yes",
	"miniprogram list":     "opentcb miniprogram list",
	"miniprogram show":     "opentcb miniprogram show wx00000000000000a1",
	"consent-code":         "opentcb consent-code wx00000000000000a1 --expires 30d\nopentcb consent-code wx00000000000000a1 --list\nopentcb consent-code wx00000000000000a1 --revoke",
	"miniprogram add":      "opentcb miniprogram add wx00000000000000a1 --name \"Noodle shop\" --principal \"Noodles Ltd\"",
	"miniprogram set":      "opentcb miniprogram set wx00000000000000a1 --cloud=false",
	"miniprogram disable":  "opentcb miniprogram disable wx00000000000000a1",
	"miniprogram enable":   "opentcb miniprogram enable wx00000000000000a1",
	"miniprogram remove":   "opentcb miniprogram remove wx00000000000000a1",
	"environment list":     "opentcb environment list --appid wx00000000000000a1",
	"environment show":     "opentcb environment show test-777bb9",
	"environment add":      "opentcb environment add test-777bb9 --appid wx00000000000000a1 --allow /wxa/msg_sec_check",
	"environment set":      "opentcb environment set test-777bb9 --open=false\nopentcb environment set test-777bb9 --allow '/cgi-bin/*' --allow /wxa/msg_sec_check",
	"environment remove":   "opentcb environment remove test-777bb9",
	"authorization list":   "opentcb authorization list --platform wx00000000000000c1 --in-force=true",
	"authorization show":   "opentcb authorization show wx00000000000000c1 wx00000000000000a1",
	"authorization add":    "opentcb authorization add wx00000000000000c1 wx00000000000000a1 --sets 18,49",
	"authorization remove": "opentcb authorization remove wx00000000000000c1 wx00000000000000a1 --yes",
	"function list":        "opentcb function list test-777bb9",
	"function show":        "opentcb function show test-777bb9 login",
	"function remove":      "opentcb function remove test-777bb9 login",
	"world":                "opentcb world > world.yaml",
	"apply":                "opentcb apply world.yaml --dry-run\nopentcb apply world.yaml\ncat world.yaml | opentcb apply -",
	"authorize":            "opentcb authorize wx00000000000000c1 wx00000000000000a1 --sets 18,49",
	"revoke":               "opentcb revoke wx00000000000000c1 wx00000000000000a1",
	"deploy":               "opentcb deploy test-777bb9 login ./login\nopentcb deploy test-777bb9 login login.zip --handler index.main",
	"ticket":               "opentcb ticket wx00000000000000c1",
	"push list":            "opentcb push list wx00000000000000c1\nopentcb push list wx00000000000000c1 --state given_up --json",
	"push ticket":          "opentcb push ticket wx00000000000000c1",
	"push again":           "opentcb push again wx00000000000000c1 00065f1c2d3e4f50",
	"whitelist suggest":    "opentcb whitelist suggest test-777bb9 --allowed-only",
	"whitelist try":        "opentcb whitelist try test-777bb9 whitelist.txt",
	"whitelist history":    "opentcb whitelist history test-777bb9",
	"whitelist restore":    "opentcb whitelist restore test-777bb9 3",
	"explain":              "opentcb explain 65f1c0de-4c1d5f3a-2f0a5b71",
	"profile init":         "opentcb profile init",
	"profile list":         "opentcb profile list",
	"profile check":        "opentcb profile check --profile acme",
	"getcodesecret":        "opentcb getcodesecret --appid wx00000000000000a1\nopentcb getcodesecret --reveal",
	"createfunction":       "opentcb createfunction test-777bb9 login",
	"listfunctions":        "opentcb listfunctions test-777bb9 --json",
	"uploadfunction":       "opentcb uploadfunction test-777bb9 login ./login --create",
	"downloadfunction":     "opentcb downloadfunction test-777bb9 login --out login.zip\nopentcb downloadfunction test-777bb9 login --unpack ./login",
	"runner":               "opentcb runner --env test-777bb9=test-777bb9.credential --secret-file runtime-secret --user functions",
	"invokecloudfunction":  "opentcb invokecloudfunction test-777bb9 login '{\"user\":\"Zhang\"}'",
	"uploadfuncconfig":     "opentcb uploadfuncconfig test-777bb9 login '{\"timeout\":5,\"environment\":[{\"key\":\"GREETING\",\"value\":\"hi\"}]}'\nopentcb uploadfuncconfig test-777bb9 login - --type 3",
	"getfuncconfig":        "opentcb getfuncconfig test-777bb9 login",
	"conformance":          "opentcb conformance --profile acme --env test-777bb9\nopentcb conformance --profile acme --clause UT-6 --write test-777bb9",
	"fleet plan":           "opentcb fleet plan fleet.yaml",
	"fleet apply":          "opentcb fleet apply fleet.yaml\nopentcb fleet apply fleet.yaml --resume --rate 50",
	"fleet drift":          "opentcb fleet drift fleet.yaml --json",
	"fleet backup":         "opentcb fleet backup ./code --workers 16",
	"env-credential":       "opentcb env-credential test-777bb9 --expires 90d",
	"agent":                "opentcb agent test-777bb9 --out /run/tcb/token",
	"token cloudbase":      "opentcb token cloudbase test-777bb9",
	"status":               "opentcb status\nopentcb status --json",
	"audit":                "opentcb audit --since 24h",
	"admin-token create":   "opentcb admin-token create nightly-report --role auditor --expires 90d",
	"admin-token list":     "opentcb admin-token list",
	"admin-token revoke":   "opentcb admin-token revoke nightly-report",
	"admin-token rotate":   "opentcb admin-token rotate --overlap 1h",
	"log-level":            "opentcb log-level\nopentcb log-level debug",
	"backup":               "opentcb backup opentcb-2026-01-31.tar",
	"backup verify":        "opentcb backup verify opentcb-2026-01-31.tar",
	"restore":              "opentcb restore opentcb-2026-01-31.tar --data ./restored",
	"scrub":                "opentcb scrub",
	"gc":                   "opentcb gc --dry-run",
	"fault add":            "opentcb fault add getcodesecret --errcode -1 --times 2\nopentcb fault add upload --lose-answer --times 1\nopentcb fault add --probability 0.5 --seed 7 --delay 50ms-400ms",
	"fault list":           "opentcb fault list",
	"fault clear":          "opentcb fault clear\nopentcb fault clear 2",
	"journal":              "opentcb journal --follow\nopentcb journal --interface usecloudaccesstoken --errcode 40097",
	"journal wait":         "opentcb journal wait --interface getcodesecret --count 2 --timeout 10s",
	"journal har":          "opentcb journal har calls.har",

	"usecloudaccesstoken get":  "opentcb usecloudaccesstoken get test-777bb9",
	"usecloudaccesstoken set":  "opentcb usecloudaccesstoken set test-777bb9 --open=true --allow '/cgi-bin/*'",
	"usecloudaccesstoken edit": "opentcb usecloudaccesstoken edit test-777bb9",
}

// setExample gives a command its examples.
func setExample(cmd *cobra.Command) {
	_, name, _ := strings.Cut(cmd.CommandPath(), " ")
	if text := examples[name]; text != "" {
		cmd.Example = "  " + strings.ReplaceAll(text, "\n", "\n  ")
	}
}
