// Package opentcb is the root of OpenTCB, the cloud-development interfaces of
// WeChat's third-party platforms, self-hosted. It holds no code: it is the map.
//
//	tcb/                  the wire contract: codes, requests, answers; the client, its tokens and transfers
//	opentcbtest/          the real server inside a Go test
//	cmd/opentcb/          one binary: server, quick start, commands
//	internal/node/        puts a server together: opens, listens, drains
//	internal/server/      HTTP: /tcb/*, /cgi-bin/component/*, uploads, download links, cloud calls
//	internal/intercept/   a proxy for clients whose host is fixed in their code
//	internal/gateway/     forwards cloud calls that were allowed
//	internal/invoke/      has functions run by a runtime
//	internal/admin/       the operator's REST interface, and its client
//	internal/cloud/       every rule: who may do what, and what is recorded
//	internal/sqlstore/    the rows of the rules, on SQLite and on PostgreSQL
//	internal/blob/        code storage: what it promises, and a folder that keeps it
//	internal/s3blob/      code storage in a bucket
//	internal/backup/      one archive of everything
//	internal/world/       reads a world file
//	internal/yamlfile/    reads YAML that people write: every fault at once, with its line
//	internal/profile/     a platform's secrets and Mini Programs, and clients of the interfaces
//	internal/fleet/       brings many Mini Programs to what a file says
//	internal/agent/       keeps a runtime's token fresh in a file
//	internal/runner/      runs functions on Node.js
//	internal/seal/        encryption at rest, tokens that cannot be forged
//	internal/secretfile/  files that hold a secret: who else can read them
//	internal/tc3/         the TC3-HMAC-SHA256 signature
//	internal/whitelist/   entries of api_whitelist, and which paths they admit
//	internal/clock/       the clock of a server in test mode
//	internal/codezip/     what an uploaded zip may be
//	internal/consent/     the page on which a merchant lets a platform act
//	internal/push/        the envelope of events that a platform receives
//	internal/delivery/    pushes them: what is due, to whom there is room
//	internal/relay/       receives them for others: passes them on, hands out the ticket
//	internal/words/       texts of others made harmless, mistyped names, faults of files
//	internal/journal/     the latest calls of a server in test mode
//	internal/inject/      which calls get a fault, in test mode
//	internal/stall/       ends an exchange that has stopped moving
//	internal/throttle/    slows those who try secrets
//	internal/wirescript/  the wire as text: scripts/ and their player
//	internal/storetest/   the exam of every store
//	internal/blobtest/    the exam of every code storage
//	internal/testserver/  PostgreSQL and S3 servers for tests
//	internal/soaktest/    the real binary under hardship
//	internal/proxytest/   the real binary behind the proxies of docs/proxies.md
//	bench/                speed, against baselines in the same run
//	interop/              clients that were not written for this server
//	docs/                 design, operating, divergences, one page for each interface
//
// Transport, rules, store: a request passes through server, cloud and sqlstore
// in this order and nothing skips one. layers_test.go says who may import
// whom. An interface is found by its wire name: git ls-files | grep
// getcodesecret shows handler, contract, wire script and page.
package opentcb
