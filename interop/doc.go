// Package interop holds tests in which clients of the real platform, written
// by others, do the whole flow against the opentcb server: component token,
// query-auth, refresh, protected upload, and the three interfaces.
//
//	silenceper/   github.com/silenceper/wechat/v2, a Go test
//	easywechat/   node-easywechat, a Node test
//	testdata/     the world and the code that both use
//	run.sh        installs what they need and runs both
//
// The module is one of its own, so that the server's go.mod stays short.
package interop
