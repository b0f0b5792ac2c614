# Hubbub. `make help` lists the targets.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

MODULES := $(shell sed -n 's,^\t\./,,p' go.work)
SERVICES := directory edge history notify presence
GO ?= go
GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
# -trimpath keeps the checkout's path out of what Go compiles, so that all checkouts on a machine
# share one build cache.
export GOFLAGS := $(strip $(GOFLAGS) -trimpath)

# What --version prints: a tag such as v1.2.3, and the commit with its date. Empty: what Go finds in
# the checkout.
VERSION ?= $(patsubst v%,%,$(shell git describe --tags --exact-match --match 'v[0-9]*' 2>/dev/null))
COMMIT ?= $(shell git rev-parse HEAD 2>/dev/null)$(shell git diff --quiet HEAD 2>/dev/null || [ $$? != 1 ] || echo +changes)
DATE ?= $(shell TZ=UTC git log -1 --format=%cd --date=format-local:%Y-%m-%dT%H:%M:%SZ 2>/dev/null)
BUILD := hubbub.internal/libs/buildinfo
# -s -w: without what a debugger reads, which takes the linker a third of its time.
STAMP = -ldflags '-s -w -X $(BUILD).version=$(VERSION) -X $(BUILD).commit=$(COMMIT) -X $(BUILD).date=$(DATE)'

# Where `make run` listens and keeps its data, and the parts it uses; empty means the embedded ones.
LISTEN ?= $(or $(HUBBUB_LISTEN),:9080)
OPS_LISTEN ?= $(or $(HUBBUB_OPS_LISTEN),127.0.0.1:9081)
DATA ?= $(or $(HUBBUB_DATA),data)
BUS ?= $(HUBBUB_BUS)
STORE ?= $(HUBBUB_STORE)

WEB_SOURCES := $(shell find web -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -not -path '*/test-results/*' 2>/dev/null)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

.PHONY: run
run: tools build-hubbub web/dist/index.html ## run everything in one process: http://localhost:9080 (BUS=redis://… STORE=mongodb://… swap the parts)
	@exec env $(if $(BUS),HUBBUB_BUS='$(BUS)') $(if $(STORE),HUBBUB_STORE='$(STORE)') \
		bin/hubbub up --listen '$(LISTEN)' --ops-listen '$(OPS_LISTEN)' --data '$(DATA)' --web web/dist

.PHONY: test
test: ## every test there is, and lint; installs what the tests need, or says what is missing
	@infra/test/run.sh

.PHONY: check
check: web/node_modules/.package-lock.json ## build, lint, and run the tests that need no server: what to run between two edits
	@$(GO) build work
	@infra/test/quick.sh
	@cd web && npm run --silent check && npm test --silent
	@$(MAKE) --no-print-directory lint

# The buses that `make drill` breaks: one with a single server, one with three.
NODES ?= 1 3

.PHONY: drill
drill: build-hubbub ## break a cluster of processes in every way we know while people talk in it, on each bus of 1 and 3 servers (NODES=1 DRILL="--seed 2 --outage 10s")
	@for nodes in $(NODES); do for bus in redis nats; do bin/hubbub drill --bus $$bus --bus-nodes $$nodes $(DRILL); done; done

.PHONY: soak
soak: build-hubbub ## let a crowd talk and reconnect for 10 minutes, and say whether memory and open files stay flat (SOAK="--bus nats --duration 1h")
	@bin/hubbub soak $(SOAK)

.PHONY: drill-presence
drill-presence: ## break edges, presence replicas and the bus with the intervals that are shipped, on both buses: every agreement within its bound
	@cd services/hubbub && HUBBUB_DRILL=1 $(GO) test -count 1 -timeout 15m -run 'TestPresence$$' -v ./e2e | grep -v '^=== '

.PHONY: million
million: ## hold a million sockets on 52 edges of this machine for a minute, with a room of 10,000 (SOCKETS=100000 BUS=nats)
	@f=$$(ulimit -Hn); [ "$$f" != unlimited ] || f=20000; ulimit -n $$f; \
		cd services/hubbub && SOCKETS=$(or $(SOCKETS),1000000) BUS='$(BUS)' $(GO) test -count 1 -timeout 60m -run 'TestMillion$$' -v ./rigs/load

.PHONY: soak-edge
soak-edge: ## churn on one edge with as many sockets as the file limit allows, or SOCKETS=n
	@n=$(SOCKETS); f=$$(ulimit -Hn); [ "$$f" != unlimited ] || f=1000000; ulimit -n $$f; \
		n=$${n:-$$(( f > 11000 ? 10000 : (f - 1000) / 25 * 25 ))}; echo "$$n sockets"; \
		cd services/edge && SOAK=$$n $(GO) test -count 1 -timeout 30m -run 'TestSoak$$' -v .

.PHONY: bench-edge
bench-edge: tools ## measure the edge beside Centrifugo, nats-server, Socket.IO and a bare write(2), 12 minutes (BENCH="--short": one or two)
	@$(GO) build -o .cache/bench/bench ./services/hubbub/rigs/edgebench && .cache/bench/bench $(BENCH)

.PHONY: bench-page
bench-page: build-hubbub web/dist/index.html ## measure the page in a Chromium that is slowed down 4 times: keys, scrolling, rows, the start with 500 rooms, some minutes (MESSAGES=4000 ROOMS=50 ONLY=type|scroll|start)
	@cd web && HUBBUB_BIN="$$PWD/../bin/hubbub" MESSAGES='$(or $(MESSAGES),100000)' ROOMS='$(or $(ROOMS),500)' ONLY='$(ONLY)' npx vitest run --config vitest.bench.config.ts

.PHONY: screenshots
screenshots: build-hubbub web/dist/index.html ## take the pictures of docs/screens.md
	@cd web && HUBBUB_BIN="$$PWD/../bin/hubbub" npx vitest run --config vitest.shots.config.ts

.PHONY: bench-bus
bench-bus: build-hubbub ## measure Redis and NATS, with the settings that we ship, as the bus of Hubbub (URL=redis://… measures another, BENCH="--backlog 50000")
	@bin/hubbub bench-bus $(if $(URL),--url '$(URL)') $(BENCH)

.PHONY: crash-bus
crash-bus: build-hubbub ## append a million entries to each bus while it is killed 20 times, and count them (CRASH="--count 100000 --seed 2")
	@for bus in redis nats; do bin/hubbub crash-bus --bus $$bus $(CRASH); done

.PHONY: lint
lint: ## vet, lint, and check that go.mod files are tidy
	@for m in $(MODULES); do (cd $$m && GOWORK=off $(GO) mod tidy -diff) || exit 1; done
	@# All at once, so that what they share is loaded once; compiled as the tests are, so that one finds what the other did.
	@GOFLAGS= $(GO) run -exec 'env "GOFLAGS=$(GOFLAGS) -race -gcflags=modernc.org/sqlite/lib=-race=false"' $(GOLANGCI) run $(MODULES:%=./%/...)
	@for os in darwin windows; do echo "vet for $$os"; (cd services/edge && GOOS=$$os $(GO) vet ./...); done

.PHONY: tidy
tidy: ## tidy every go.mod and the workspace
	@$(GO) work sync
	@for m in $(MODULES); do (cd $$m && GOWORK=off $(GO) mod tidy); done

# Packages whose own tests need no server, so that trying a fault takes seconds.
FAST := ./libs/auth ./libs/api/... ./libs/bus/consume ./libs/chat ./libs/daemon ./services/presence/roster ./services/presence/peers \
	./services/presence/replica ./services/history ./services/history/store/sqlite ./services/notify/... ./services/directory ./services/directory/store/memory \
	./services/directory/store/sqlite ./services/edge/internal/conn ./services/edge/internal/fanout \
	./services/edge/internal/session ./services/edge/internal/rooms ./services/edge/internal/protocol

.PHONY: mutate
mutate: ## put small faults into packages, one at a time, and print how many their tests notice (PKG="./libs/auth" COUNT=100 SEED=1 MUTATE="-budget 10m")
	@$(GO) run ./infra/test/mutate -count $(or $(COUNT),100) -seed $(or $(SEED),1) $(MUTATE) $(or $(PKG),$(FAST))

.PHONY: bench-presence
bench-presence: ## measure a presence replica of a million sessions
	@cd services/presence && $(GO) test -run '^$$' -bench Million -benchtime 1x -cpu 1 ./replica

.PHONY: build
build: build-hubbub web/dist/index.html ## build every binary into bin/ and the page into web/dist
	@for s in $(SERVICES); do (cd services/$$s && $(GO) build $(STAMP) -o $(CURDIR)/bin/$$s ./cmd/$$s); done

.PHONY: build-hubbub
build-hubbub:
	@cd services/hubbub && $(GO) build $(STAMP) -o $(CURDIR)/bin/hubbub ./cmd/hubbub

.PHONY: test-containers
test-containers: ## bring the compose files up on a Docker engine of its own, with each bus, and let a crowd talk while parts of it are killed
	@infra/test/containers.sh

.PHONY: docs
docs: ## write what is made from code: docs/configuration.md, docs/metrics.md, the tables of docs/roles.md, and nginx's table of routes
	@cd services/hubbub && HUBBUB_UPDATE_DOCS=1 $(GO) test -count=1 -run '^(Test(Configuration|Metrics|Roles)(Is|Are)Documented|TestTableOfNGINX)$$' . ./up

.PHONY: secrets
secrets: ## make the passwords, URLs and users that the compose files take, in the folder secrets; those that are there stay
	@infra/secrets.sh

# The timestamp of files in an image, for engines whose BuildKit reads it.
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null)

# Where base images, modules and packages come from without the Internet: see the Dockerfile.
IMAGES ?= edge history presence notify directory nginx hubbub

.PHONY: images
images: ## build the images (IMAGES="edge nginx" TAG=1.2.3)
	@for i in $(IMAGES); do \
		case $$i in nginx) what="--target nginx";; hubbub) what="--target hubbub --build-arg SERVICE=hubbub";; *) what="--build-arg SERVICE=$$i";; esac; \
		DOCKER_BUILDKIT=1 docker build $$what --build-arg VERSION='$(VERSION)' --build-arg COMMIT='$(COMMIT)' --build-arg DATE='$(DATE)' $(IMAGE_ARGS) \
			-t hubbub/$$i:$(or $(TAG),$(VERSION),latest) . || exit 1; done

.PHONY: tools
tools:
	@infra/test/tools.sh

web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	@cd web && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

web/dist/index.html: web/node_modules/.package-lock.json $(WEB_SOURCES)
	@cd web && npm run --silent build
