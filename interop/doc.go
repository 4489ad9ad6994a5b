// Package interop holds tests in which clients of the real platform, written
// by others, do the whole flow against the opentcb server: component token,
// query-auth, refresh, protected upload, and the three interfaces.
//
//	silenceper/   github.com/silenceper/wechat/v2, a Go test
//	node/         npm's node-easywechat, the whole flow; co-wechat-open-api and
//	              wechat-component, which renew a token by themselves;
//	              tencentcloud-sdk-nodejs-scf, uploads; wechat-crypto, which opens
//	              pushes; functions that bring wx-server-sdk, run by the runner;
//	              and a client of the
//	              admin interface that swagger-typescript-api makes of its
//	              OpenAPI document. runtime.js is a runtime as an operator may
//	              write one, and its test has a client upload and invoke
//	testdata/     the world and the code that all use
//	run.sh        installs what they need and runs all
//
// The module is one of its own, so that the server's go.mod stays short.
package interop
