# aptfleet: build it, try it, test it. "make demo" and "make test" are all that a
# newcomer needs; both install what they use (as root, on Debian 12).

GO       ?= go
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo 0)
LDFLAGS  := -s -w -X github.com/aptfleet/aptfleet/controller/cli.version=$(VERSION)
FUZZTIME ?= 20s
CHAOS    ?= 100

# Go does not ask git about what it builds: in a clone of somebody else (one that is mounted in a
# container, say) git does not answer, and the build would fail. VERSION is enough, and may be 0.
export GOFLAGS := $(strip $(shell $(GO) env GOFLAGS) -buildvcs=false)

# The agent goes on every host: small, and it has no use for HTTP/2, nor for the
# speed of functions that are put into others.
AGENTFLAGS := -trimpath -tags nethttpomithttp2 -gcflags all=-l -ldflags '-s -w -X main.version=$(VERSION)'
ARCHITECTURES := amd64 arm64

.PHONY: build agent demo test integration race lint fuzz bench chaos deb tools
.DEFAULT_GOAL := build

build: ## bin/aptfleet
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./controller/cmd/aptfleet

demo: build ## the main job on a small fleet of this machine, before your eyes
	integration/lab/install
	$(GO) run ./integration/demo

# Stories mostly wait for their hosts, so more of them go on at once than there are cores.
STORIES := -parallel 4 -timeout 60m

test: build lint tools ## everything, the fleet tests included
	$(GO) test $(STORIES) ./...

integration: build tools ## only what runs on hosts
	$(GO) test $(STORIES) ./integration/...

race: tools ## all but the fleet tests, under the race detector
	$(GO) test -race -timeout 25m $$($(GO) list ./... | grep -v /integration)

lint:
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "gofmt these: $$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

fuzz: ## every fuzz target for FUZZTIME
	@for package in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			echo "$$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$package || exit 1; \
		done; \
	done

bench: build ## against the targets, with the peers beside it; SUBJECTS="ping jobs" for some, SUBJECTS=agenthour for an agent's real hour
	integration/bench/peers.sh
	$(GO) run ./integration/bench $(SUBJECTS)

chaos: build tools ## 200 rollouts, half of them killed, half cut off; SEED=1 for the dice of an earlier run
	$(GO) test ./integration -run '^TestChaos$$' -v -timeout 3h -chaos $(CHAOS) $(if $(SEED),-chaos.seed $(SEED))

agent: ## bin/ARCHITECTURE/aptfleet-agent, for every architecture of hosts
	for arch in $(ARCHITECTURES); do \
		CGO_ENABLED=0 GOARCH=$$arch $(GO) build $(AGENTFLAGS) -o bin/$$arch/ ./agent/cmd/aptfleet-agent || exit 1; \
	done

deb: build agent ## aptfleet's own packages
	$(GO) run ./controller/cmd/manual '$(VERSION)' packaging/self/build/man
	mkdir -p packaging/self/build/completions
	for shell in bash zsh fish; do bin/aptfleet completion $$shell >packaging/self/build/completions/$$shell || exit 1; done
	bin/aptfleet build packaging/self/aptfleet.toml --out bin
	for arch in $(ARCHITECTURES); do \
		bin/aptfleet build packaging/self/aptfleet-agent.toml --architecture $$arch --out bin || exit 1; \
	done

tools: # what the tests hold us against
	integration/lab/install openssh-server sudo gpgv sqv lintian debhelper dpkg-dev apt-utils strace shellcheck ansible-core \
		procps curl man-db qemu-user-static
