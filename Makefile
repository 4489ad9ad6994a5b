# The commands of a developer of this project. "make check" is for every change,
# "make test" is what CI runs.

GO          ?= go
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME    ?= 30s

# The race detector watches all but SQLite itself, which is C translated to Go with locks
# of its own, and its pointers are not checked: that takes longer than everything else.
# A package with generic functions must be watched, or others get its copy of them.
RACE = -race -gcflags='modernc.org/...=-d=checkptr=0' -gcflags='modernc.org/sqlite/lib=-race=false'

# The systems that it builds for.
SYSTEMS     ?= linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

.PHONY: check test build systems lint unit servers interop nodes bench fuzz soak

# About a minute: the tests that need no other server and no hardship.
check: lint
	$(GO) test -short ./...
	$(GO) -C bench test -short ./...

# Everything: some twenty minutes on two cores.
test: lint
	+$(MAKE) -j3 unit interop systems

build:
	CGO_ENABLED=0 $(GO) build -o bin/opentcb ./cmd/opentcb

# Tests and all build and vet everywhere. Each system takes a minute or two the
# first time, and then seconds.
systems:
	@for s in $(SYSTEMS); do \
		echo "build and vet: $$s"; \
		GOOS=$${s%/*} GOARCH=$${s#*/} $(GO) build ./... && GOOS=$${s%/*} GOARCH=$${s#*/} $(GO) vet ./... || exit 1; \
	done

lint:
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "these files are not formatted: run gofmt -w ."; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags soak ./internal/soaktest
	$(GO) run $(STATICCHECK) ./...
	cd bench && $(GO) vet ./... && $(GO) run $(STATICCHECK) ./...

# Every test under the race detector, and the coverage of the rules and of the wire,
# which must not fall below 85 %.
unit: servers
	OPENTCB_TEST_ALL=1 $(GO) test $(RACE) -timeout 45m -coverpkg=./internal/cloud,./internal/server -coverprofile=coverage.out ./...
	./coverage.sh coverage.out 85 internal/cloud internal/server
	$(GO) -C bench test $(RACE) ./...

# The servers that the tests need besides Go's, from Debian's packages.
servers:
	./servers.sh

# Clients that were not written for this server do what they do.
interop:
	./interop/run.sh

# The runner under each Node.js that it is said to work with.
nodes:
	@dir=$$(mktemp -d) && trap 'rm -rf $$dir' EXIT && chmod 755 $$dir && for v in 18 22 24 26; do \
		npm install --silent --no-audit --no-fund --prefix $$dir/$$v node@$$v && \
		PATH=$$dir/$$v/node_modules/node/bin:$$PATH $(GO) test -count=1 ./internal/runner || exit 1; \
	done

bench:
	$(GO) -C bench run .

fuzz:
	FUZZTIME=$(FUZZTIME) ./fuzz.sh

# The long form of the tests under hardship.
soak:
	./servers.sh soak
	OPENTCB_SOAK=1 $(GO) test -tags soak -timeout 90m -v ./internal/soaktest
