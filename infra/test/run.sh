#!/usr/bin/env bash
# Runs every test there is, from cold. Needs Go and Node; installs or names the rest. CI and `make test` are this.
set -eu -o pipefail
cd "$(dirname "$0")/../.."
infra/test/tools.sh
infra/test/servers.sh
export PATH=$PATH:/usr/sbin

step() { printf '\n== %s (%ss)\n' "$*" "$SECONDS"; }

# The page is built and its code tested beside the checks of the rest; the output comes after that of the tests in Go.
page() {
  step "the page: install, build, check, test"
  make --no-print-directory web/dist/index.html
  (cd web && npm run --silent check && npm test --silent)
}
log=$(mktemp)
set -m # in a process group of its own, to be ended with all that it has started
page >"$log" 2>&1 &
page=$!
set +m
trap 'kill -- -$page 2>/dev/null || true; rm -f "$log"' EXIT

step "configuration files"
infra/test/configs.sh

step "lint"
make --no-print-directory lint

step "each module on its own, as its container builds it"
for m in libs services/directory services/edge services/history services/presence services/hubbub infra/bench; do
  (cd $m && GOWORK=off go build ./...)
done
for os in darwin windows; do
  (cd services/edge && GOWORK=off GOOS=$os go build ./...)
done

step "go test -race"
# The longest first: what mostly waits for servers that fail and recover then runs beside the rest.
# golangci-lint has vetted already. The race detector would wait a second at the end of each process for goroutines that
# are left; ours have ended by then.
GORACE=atexit_sleep_ms=50 go test -race -vet=off -timeout 10m ./libs/bus/{natsbus,redisbus} \
  ./services/hubbub/... ./libs/... ./services/{directory,edge,history,presence}/... ./infra/bench/...

step "go test, with as many rooms as the race detector is too slow for"
go test -vet=off -run 'TestChurn$' ./libs/bus/{natsbus,redisbus}

code=0
wait $page || code=$?
cat "$log"
[ $code = 0 ]

step "the page in Chromium, on the real server"
make --no-print-directory build-hubbub
(cd web && HUBBUB_BIN="$PWD/../bin/hubbub" npm run --silent e2e)

step "all passed"
