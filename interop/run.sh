#!/bin/sh
# Runs the tests of the clients that others wrote against the real server.
# Takes the binary from OPENTCB_BIN (an absolute path), or builds it. Any
# failure ends it with a status other than 0; nothing is skipped.
set -eu
cd "$(dirname "$0")"

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
	if [ "$(id -u)" != 0 ]; then
		echo "interop: node and npm are needed: install Debian's nodejs and npm" >&2
		exit 1
	fi
	apt-get install -y --no-install-recommends nodejs npm
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
if [ -z "${OPENTCB_BIN:-}" ]; then
	OPENTCB_BIN=$scratch/opentcb
	(cd .. && CGO_ENABLED=0 go build -o "$OPENTCB_BIN" ./cmd/opentcb)
fi
export OPENTCB_BIN

echo "interop: silenceper/wechat"
go vet ./...
go test -count=1 -timeout 5m ./...

echo "interop: npm's clients"
cd node
npm ci
for sdk in sdk2 sdk4; do # functions that bring it
	npm ci --prefix "$sdk" --ignore-scripts --no-bin-links
done
npm test
