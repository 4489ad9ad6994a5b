// Package opentcb is the root of OpenTCB, the cloud-development interfaces of
// WeChat's third-party platforms, self-hosted. It holds no code: it is the map.
//
//	tcb/                  the wire contract: codes, requests, answers
//	cmd/opentcb/          one binary: server, quick start, operator's commands
//	internal/node/        puts a server together: opens, listens, drains
//	internal/server/      HTTP: /tcb/*, /cgi-bin/component/*, uploads, download links
//	internal/admin/       the operator's REST interface, and its client
//	internal/cloud/       every rule: who may do what, and what is recorded
//	internal/sqlstore/    the rows of the rules, on SQLite
//	internal/blob/        code storage: what it promises, and a folder that keeps it
//	internal/seal/        encryption at rest, tokens that cannot be forged
//	internal/tc3/         the TC3-HMAC-SHA256 signature
//	internal/whitelist/   entries of api_whitelist
//	internal/codezip/     what an uploaded zip may be
//	internal/world/       reads a world file
//	internal/storetest/   the exam of every store
//	internal/blobtest/    the exam of every code storage
//	internal/wirescript/  the wire as text: scripts/ and their player
//	internal/soaktest/    the real binary under hardship
//	bench/                how fast, against baselines in the same run
//	interop/              clients that were not written for this server
//
// Transport, rules, store: a request passes through server, cloud and sqlstore
// in this order and nothing skips one. layers_test.go says who may import
// whom. An interface is found by its wire name: git ls-files | grep
// getcodesecret shows handler, contract, wire script and page.
package opentcb
