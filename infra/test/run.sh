#!/usr/bin/env bash
# Runs all tests from a fresh clone. Needs Go and Node.js; installs what else is missing, or names
# it. CI and `make test` run it.
set -eu -o pipefail
cd "$(dirname "$0")/../.."
infra/test/tools.sh
infra/test/servers.sh
export PATH=$PATH:/usr/sbin

step() { printf '\n== %s (%ss)\n' "$*" "$SECONDS"; }

# With enough memory, the servers of the tests keep their files in it, which saves time. The tests
# kill processes and not the machine, so that files survive on any file system. What Go builds may be
# too much for memory. It stays on the disk, by Go's configuration file: T.TempDir would prefer the
# GOTMPDIR of the environment.
disk=${TMPDIR:-/tmp}
log=$(mktemp -p "$disk")
cat "$(go env GOENV)" 2>/dev/null >"$log.env" || true
echo "GOTMPDIR=$disk" >>"$log.env"
export GOENV=$log.env
gib() { { df --output=avail -B1G /dev/shm | tail -n 1; } 2>/dev/null || echo 0; }
shm=
if [ "$(gib)" -ge 6 ] && [ "$(awk '/^MemAvailable/ {print int($2 / 1048576)}' /proc/meminfo)" -ge 8 ]; then
  # Of the same name each time, since Go keeps results by the environment; another if it is in use.
  shm=/dev/shm/hubbub-test-$UID
  exec 8>>"$shm.lock"
  flock -n 8 && rm -rf "$shm" && mkdir -m 700 "$shm" || shm=$(mktemp -d -p /dev/shm hubbub-test.XXXXXX)
  export TMPDIR=$shm
  export GOGC=400 # with the race detector, collecting takes a third of the time
fi
beside=
trap 'kill -- "-$beside" 2>/dev/null || true; rm -rf "$log"* "${shm:-$log}"' EXIT

# gotest INPUTS ARG...: a package that has passed is not tested again until something changes that
# its tests depend on. Go knows the code, the environment, and the files of the module that are
# opened. For what else there is, namely INPUTS, which are other files of the repository, and the
# servers, stands what is skipped, which is nothing. -vet=off: golangci-lint vets.
gotest() {
  local inputs
  inputs=$({
    git rev-parse --git-dir >/dev/null 2>&1 || date +%s%N # nothing is known
    git ls-files -zco --exclude-standard -- $1 | xargs -0 sha256sum
    redis-server --version
    nginx -v
  } 2>&1 | sha256sum | cut -c1-16)
  shift
  go test -skip "^inputs $inputs\$" -vet=off -timeout 15m "$@"
}
# What the tests of libs and the services open outside of their modules (services/hubbub/rules).
outside='docs/edge.md docs/roles.md infra/test/ferretdb'
# Those of services/hubbub may open anything but the page's sources.
anything='. :!*.go :!web :!CHANGELOG.md :!docs/decisions'

# versions MODULE: prints the modules that a module is built from. go list fails if one is missing.
versions() {
  (cd "$1" && go list -deps -test -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}{{end}}{{end}}' ./... | { grep -v ^hubbub.internal/ || true; } | sort -u)
}

# packages programs: prints the packages of services/hubbub whose tests mostly start programs or
# read the repository. packages others: prints the rest. Every night the workflow runs all of them
# with the race detector.
packages() {
  local programs='/services/hubbub(/(e2e|rules|rigs|imports)(/|$)|$)'
  case $1 in
    programs) go list ./services/hubbub/... | grep -E "$programs" ;;
    others) go list ./services/hubbub/... | grep -v -E "$programs" ;;
  esac
}

# Runs beside the Go tests, and fills the time in which those wait for servers to fail and recover.
apart() {
  step "configuration files"
  infra/test/configs.sh
  step "rules and dashboards, compose files, Swarm stack and chart"
  (cd infra/test/deploy && GOWORK=off go test -count=1 ./...)
  step "the page: install, build, check, test"
  make --no-print-directory web/dist/index.html
  (cd web && npm run --silent check && npm test --silent)
  step "go test, without the race detector: tests that start programs"
  go test -count=1 -p 2 -vet=off -timeout 15m $(packages programs) ./infra/test/mutate
  # The rest runs at low priority.
  renice -n 10 -p $BASHPID >/dev/null
  step "go test, what the race detector is too slow for: as many rooms as there may be, and more kinds of servers"
  gotest "$outside" -run 'TestChurn$|^(TestConformance|TestNothingIsLeft)$/^(in-process|sentinels)$' ./libs/bus/{natsbus,redisbus}
  step "each module on its own, as its container builds it: of the same versions as in the workspace"
  for m in $(sed -n 's,^\t\./,,p' go.work); do
    versions "$m" >"$log.workspace"
    GOWORK=off versions "$m" >"$log.alone"
    diff "$log.workspace" "$log.alone" || { echo "$m: run \`make tidy\`" >&2; return 1; }
  done
  make --no-print-directory build-hubbub
  step "lint"
  make --no-print-directory lint
  step "what ran beside is done"
}

# A process group of its own, so that the script can kill it with its children.
set -m
apart >"$log" 2>&1 &
beside=$!
set +m

step "go test -race"
# The longest packages first, and two at a time, since they wait a lot and others run beside them.
# atexit_sleep_ms: the race detector would wait a second for goroutines at the end of each process;
# ours have ended by then. gcflags: SQLite is C that was translated to Go, keeps its data outside of
# Go's memory, and takes twice the time with the race detector in it.
export GORACE=atexit_sleep_ms=50
race='-race -gcflags=modernc.org/sqlite/lib=-race=false -p 2'
gotest "$outside" $race ./libs/bus/{natsbus,redisbus} ./libs/... ./services/{directory,edge,history,notify,presence}/...
gotest "$anything" $race $(packages others)

wait "$beside" || {
  cat "$log"
  exit 1
}
cat "$log"

# A browser runs in a session of its own, to which niceness does not apply: it would take half of
# the machine from the Go tests, so it runs after them.
step "the page in Chromium, on the real server"
(cd web && HUBBUB_BIN="$PWD/../bin/hubbub" npm run --silent e2e)

step "all passed"
