#!/bin/sh
# Builds and runs one service, and again each time one of its sources changes:
# `infra/dev/watch.sh edge`. The containers of docker-compose.override.yml run it; it also works
# without them, from the root of the checkout. Variables:
#   OUT           folder of the program that is built (/opt/hubbub)
#   HUBBUB_DELVE  on: the program is built for a debugger and runs under Delve, which listens at DELVE_LISTEN (:2345)
set -eu
service=$1
out=${OUT:-/opt/hubbub}
mkdir -p "$out"
export GOWORK=off GOBIN="$out"
flags="-mod=readonly -buildvcs=false"
run="$out/service"
if [ "${HUBBUB_DELVE:-off}" = on ]; then
  GOFLAGS=-mod=mod go install github.com/go-delve/delve/cmd/dlv@v1.27.2
  flags="$flags '-gcflags=hubbub.internal/...=-N -l'"
  run="infra/dev/debug.sh $out/dlv ${DELVE_LISTEN:-:2345} $out/service"
else
  flags="$flags -trimpath"
fi
# The build cache keeps it: only the first time takes long.
[ -x "$out/air" ] || GOFLAGS=-mod=mod go install github.com/air-verse/air@v1.67.4
export GOFLAGS="$flags"
# If the build fails, the old program goes on running. A new one starts when the old one has ended,
# which takes an edge as long as --drain.
exec "$out/air" -c /dev/null -root . -tmp_dir "$out" \
  -build.cmd "cd services/$service && go build -o $out/service ./cmd/$service" \
  -build.full_bin "exec $run" \
  -build.include_dir "libs,services/$service" -build.exclude_dir testdata \
  -build.include_ext "go,mod,sum,sql,txt,json" -build.exclude_regex "_test\.go$" \
  -build.delay 200 -build.send_interrupt true -build.kill_delay 10s -build.stop_on_error false \
  -misc.clean_on_exit false -log.main_only false -screen.clear_on_rebuild false
