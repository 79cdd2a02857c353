# aptfleet: build, test and try it. "make demo" and "make test" are all a
# newcomer needs; both install what they use (as root, on Debian 12).

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X github.com/aptfleet/aptfleet/controller/cli.version=$(VERSION)

.PHONY: build demo test lint bench
.DEFAULT_GOAL := build

build: ## bin/aptfleet
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./controller/cmd/...

demo: build ## the main job on a small fleet of real hosts, before your eyes
	integration/lab/install
	$(GO) run ./integration/demo

test: lint ## everything, the fleet tests included
	$(GO) test ./...

lint:
	@test -z "$$(gofmt -l .)" || { gofmt -l . ; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

bench: build ## measure aptfleet beside its peers; SUBJECTS="ping publish" for some of it
	./integration/bench/peers.sh
	$(GO) run ./integration/bench $(SUBJECTS)
