// Package proxytest holds the tests of the proxy configurations of
// docs/proxies: a real proxy, running the file that the page shows, asks a
// real server's /decide (CC-7), or stands before it, and an upstream records
// what it sees. All of it is in the tests; nothing imports the package.
//
//	stand_test.go     the server, the upstream and the proxy, put together
//	world_test.go     the world that the server serves, and setting a permission
//	upstream_test.go  the upstream, and what it saw
//	process_test.go   starting and stopping a proxy
//	wire_test.go      requests byte for byte, and their answers
//	relay_test.go     counting the connections between proxy and server
//	calls_test.go     what every proxy must do with calls
//	forged_test.go    what a caller may not make a proxy believe
//	outage_test.go    what a proxy does when one behind it is away
//	nginx_test.go     nginx
//	caddy_test.go     Caddy
//	front_test.go     nginx, Caddy and HAProxy before the server itself
//	frontcalls_test.go  calls through those, and a function of 50 MiB
//	envoy_test.go     what Envoy would ask: no Envoy runs
//
// The test of a proxy that is not installed is skipped, or fails if
// OPENTCB_TEST_ALL is set; with -short both are skipped.
package proxytest
