#!/usr/bin/env bash
# Runs every test there is, from cold. Needs Go and Node; installs or names the rest. CI and
# `make test` are this.
set -eu -o pipefail
cd "$(dirname "$0")/../.."
infra/test/tools.sh
infra/test/servers.sh
export PATH=$PATH:/usr/sbin

step() { printf '\n== %s (%ss)\n' "$*" "$SECONDS"; }

# Where there is memory enough, it is taken for time. The servers of the tests keep their files in
# it: what is killed here are processes, and those leave their files behind on any file system, so
# that a disk would only be waited for.
export GOTMPDIR=${TMPDIR:-/tmp}
gib() { { df --output=avail -B1G /dev/shm | tail -n 1; } 2>/dev/null || echo 0; }
if [ "$(gib)" -ge 6 ] && [ "$(awk '/^MemAvailable/ {print int($2 / 1048576)}' /proc/meminfo)" -ge 8 ]; then
  shm=$(mktemp -d -p /dev/shm hubbub-test.XXXXXX)
  export TMPDIR=$shm
  export GOGC=400 # with the race detector, collecting takes a third of the time
fi

log=$(mktemp -p "$GOTMPDIR")
beside=
trap 'kill -- "-$beside" 2>/dev/null || true; rm -rf "$log" "${shm:-$log}"' EXIT

# What runs beside the tests in Go: it fills the time in which those wait for servers that fail and
# recover.
apart() {
  step "configuration files"
  infra/test/configs.sh
  step "rules and dashboards, compose files, Swarm stack and chart"
  (cd infra/test/deploy && GOWORK=off go test -count=1 ./...)
  step "the page: install, build, check, test"
  make --no-print-directory web/dist/index.html
  (cd web && npm run --silent check && npm test --silent)
  # What follows does not mind to get the time that is left.
  renice -n 10 -p $BASHPID >/dev/null
  step "go test, what the race detector is too slow for: as many rooms as there may be, and more kinds of servers"
  go test -count=1 -vet=off -run 'TestChurn$|^(TestConformance|TestNothingIsLeft)$/^(in-process|sentinels)$' ./libs/bus/{natsbus,redisbus}
  step "each module on its own, as its container builds it"
  for m in $(sed -n 's,^\t\./,,p' go.work); do
    (cd $m && GOWORK=off go build ./...)
  done
  make --no-print-directory build-hubbub
  step "lint"
  make --no-print-directory lint
  step "what ran beside is done"
}

# A process group of its own, to be ended with all that it has started.
set -m
apart >"$log" 2>&1 &
beside=$!
set +m

step "go test -race"
# The longest first, and three at a time, since they wait much. Nothing is taken for passed that
# passed before: what these tests run against is not all known to Go. golangci-lint vets. The race
# detector would wait a second at the end of each process for goroutines that are left; ours have
# ended by then.
GORACE=atexit_sleep_ms=50 go test -race -count=1 -p 3 -vet=off -timeout 10m ./libs/bus/{natsbus,redisbus} \
  ./services/hubbub/... ./libs/... ./services/{directory,edge,history,presence}/... ./infra/test/mutate

wait "$beside" || {
  cat "$log"
  exit 1
}
cat "$log"

# A browser is a session of its own, for which niceness counts nothing: it would take half of the
# machine from the others.
step "the page in Chromium, on the real server"
(cd web && HUBBUB_BIN="$PWD/../bin/hubbub" npm run --silent e2e)

step "all passed"
