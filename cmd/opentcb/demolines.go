package main

import (
	"fmt"
	"path/filepath"
	"strings"
)

func (d *demo) path(path string) string { return path + "?access_token=" + d.token }

// lines is what dev prints once the server is ready. Every line that does not
// begin with # can be pasted into a shell, in any order.
func (d *demo) lines() string {
	call := func(name, body string) string {
		line := "curl -sw '\\n' '" + d.url + d.path("/tcb/"+name) + "'"
		if body != "" {
			line += " -d '" + body + "'"
		}
		return line
	}
	function := fmt.Sprintf(`{"env":"%s","function_name":"%s"}`, demoEnv, demoFunction)
	zip := quote(filepath.Join(d.dir, demoZip))
	return strings.Join([]string{
		"",
		"# The interfaces are at " + d.url + ", the admin interface is at " + d.admin.URL + ".",
		"# Paste these lines into another shell, in any order. The access tokens are good for 2 hours.",
		"",
		"# getcodesecret: the code protection key",
		call("getcodesecret", "{}"),
		"",
		"# usecloudaccesstoken: which interfaces may code in the environment call? And: allow these",
		call("usecloudaccesstoken", `{"action":"get","env":"`+demoEnv+`"}`),
		call("usecloudaccesstoken", d.set),
		"",
		"# A call of code in the environment, with its cloudbase_access_token: good for 30 minutes,",
		"# 'opentcb token cloudbase " + demoEnv + "' prints another. " + d.whereCallsGo(),
		"curl -sw '\\n' '" + d.url + demoCall + "?cloudbase_access_token=" + d.cloud + "' -d '{\"content\":\"hello\"}'",
		"",
		"# Upload code: have the exact body signed, then send it with the headers that come back",
		call("getuploadsignature", `{"hashed_payload":"`+d.upload+`"}`) +
			` | sed 's/.*"headers":"\([^"]*\)".*/\1/' | xargs -0 printf '%b' | curl -sw '\n' '` + d.url + `/' -H @- --data-binary @` + quote(filepath.Join(d.dir, demoUpload)),
		"",
		"# downloadfunction: get a link to the code and its checksum; download it and check it",
		call("downloadfunction", function),
		call("downloadfunction", function) +
			` | sed 's/.*"url":"\([^"]*\)","checksum":"\([^"]*\)".*/\1 \2/' | { read -r url sum; curl -sf "$url" -o ` + zip + ` && echo "$sum  "` + zip + ` | sha256sum -c; }`,
		"",
		"# The commands that call the interfaces, and a fleet of them, know the demo by its profile:",
		"# opentcb usecloudaccesstoken get " + demoEnv + " --profiles " + quote(filepath.Join(d.dir, demoProfiles)),
		"",
		"# Ctrl-C stops the server. Its data stay in " + filepath.Dir(d.dir) + ".",
		"",
	}, "\n")
}

// whereCallsGo says what becomes of calls that are allowed.
func (d *demo) whereCallsGo() string {
	if d.upstream == "" {
		return "Without --upstream, a call that is allowed is answered with success."
	}
	return "What is allowed goes to " + d.upstream + "."
}

// quote makes a path one word of a shell's.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
