#!/usr/bin/env bash
# Brings the compose files up for real, on an engine of its own (engine.sh), with each bus: images
# are built from the Dockerfile, on base images that infra/airgap makes where none can be pulled;
# people talk through nginx while a service is scaled and containers are killed; what is started
# late is waited for. With IMAGES_ARE_THERE=yes, those in ENGINE_DATA are not built again.
# `make test-containers` is this. It needs root and Docker's programs.
set -eu -o pipefail
cd "$(dirname "$0")/../.."
if [ -z "${ENGINE_NET:-}" ]; then exec infra/test/engine.sh "$0" "$@"; fi
export DOCKER_BUILDKIT=1 COMPOSE_DOCKER_CLI_BUILD=1 COMPOSE_PROJECT_NAME=hubbub-test HUBBUB_PORT=9080
compose=docker-compose
say() { printf '\n== %s (%ss)\n' "$*" "$SECONDS"; }
fail() {
  for c in $(docker ps -aq); do docker inspect -f '-- {{.Name}}, which is {{.State.Status}}, last said:' "$c" && docker logs --tail 15 "$c" 2>&1 | cut -c1-400; done >&2 || true
  echo "FAILED: $*" >&2
  exit 1
}

say "base images"
missing=()
for i in golang:1.26-bookworm node:22-bookworm-slim nginx:1.29-bookworm redis:7.4-bookworm gcr.io/distroless/static-debian12:nonroot mongo:8.0 \
  "$(grep -o 'nats:[0-9.]*-alpine' docker-compose.nats.yml)"; do
  docker image inspect "$i" >/dev/null 2>&1 || timeout 60 docker pull -q "$i" >/dev/null 2>&1 || missing+=("$i")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "cannot be pulled, and are made here: ${missing[*]}"
  infra/airgap/images.sh --ferretdb $(printf '%s\n' "${missing[@]}" | sed -E 's#^gcr.io/distroless/##; s#-debian12##; s#:.*##')
fi

if [ -z "${IMAGES_ARE_THERE:-}" ]; then
say "images"
make -s images COMMIT=test DATE=2026-01-01T00:00:00Z VERSION=9.9.9 TAG=latest
for s in edge history presence directory hubbub; do
  docker run --rm --network none "hubbub/$s" --version | tee /dev/stderr | grep -q '9.9.9 (commit test of 2026-01-01' || fail "$s does not say its version"
  docker image inspect -f '{{.Config.User}} {{index .Config.Labels "org.opencontainers.image.licenses"}}' "hubbub/$s" | grep -q '^65532.* Apache-2.0$' || fail "$s is not as it should be"
done
fi
echo "compressed: $(docker save hubbub/edge | gzip | wc -c) bytes of edge"

secrets=secrets
[ -e secrets/redis_url ] || made=yes
infra/secrets.sh >/dev/null # also those that a later release has added
down() { $compose "${files[@]}" down --volumes --timeout 1 >/dev/null 2>&1 || true; }
files=()
trap 'down; [ -z "${made:-}" ] || rm -rf secrets' EXIT

load() { $ENGINE_NET bin/hubbub load --url http://127.0.0.1:9080 --sockets 100 --users 40 --rooms 5 --room-size 20 --rate 30 --ramp 50 --duration "$1" "${@:2}"; }
# healthy N: until N containers are healthy.
healthy() {
  for _ in $(seq 240); do
    [ "$(docker ps --filter health=healthy --format x | wc -l)" -ge "$1" ] && return
    sleep 0.5
  done
  docker ps -a
  fail "not all is healthy"
}
[ -x bin/hubbub ] || make -s build-hubbub

for bus in redis nats; do
  files=(-f docker-compose.yml)
  [ $bus = redis ] || files+=(-f docker-compose.nats.yml)
  # FerretDB has no users: where it stands in for MongoDB, the services are told of no login.
  kill=(history presence directory bus mongo)
  if docker run --rm --entrypoint sh mongo:8.0 -c 'command -v ferretdb' >/dev/null 2>&1; then
    files+=(-f infra/test/docker-compose.ferretdb.yml)
    echo "FerretDB stands in for MongoDB: logins of the store are not tried"
  fi
  say "up, on $bus"
  began=$SECONDS
  $compose "${files[@]}" up -d --no-build 2>&1 | tail -n 3
  healthy 7
  $ENGINE_NET curl -fsS -o /dev/null http://127.0.0.1:9080/ || fail "the page is not there"
  echo "chatting after $((SECONDS - began)) s"
  [ $bus = redis ] || ! docker ps --format '{{.Image}}' | grep -q redis || fail "Redis runs beside NATS"
  for c in $(docker ps -q --filter name=edge --filter name=history --filter name=presence --filter name=directory); do
    docker inspect -f '{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.Config.User}}' "$c" | grep -q '^true \[ALL\] 65532' || fail "$c is not hardened"
  done
  say "people talk, on $bus: three edges, back to one, and every container killed once"
  $compose "${files[@]}" up -d --no-build --scale edge=3 >/dev/null 2>&1
  healthy 9
  load 40s >/tmp/load.$$ 2>&1 & talking=$!
  sleep 8
  $compose "${files[@]}" up -d --no-build --scale edge=1 >/dev/null 2>&1
  for s in "${kill[@]}"; do
    docker kill "$($compose "${files[@]}" ps -q $s)" >/dev/null
    $compose "${files[@]}" up -d --no-build --no-deps $s >/dev/null 2>&1
    sleep 2
  done
  wait $talking || { grep -v '^load ' /tmp/load.$$; fail "load on $bus"; }
  grep -v '^load ' /tmp/load.$$ | tail -n 25
  rm -f /tmp/load.$$
  say "the bus comes late, on $bus"
  $compose "${files[@]}" stop -t 1 bus edge history >/dev/null 2>&1
  $compose "${files[@]}" up -d --no-build --no-deps edge history >/dev/null 2>&1
  for _ in $(seq 60); do $compose "${files[@]}" logs history 2>&1 | grep -q 'waiting for the bus' && break; sleep 0.5; done
  $compose "${files[@]}" logs history 2>&1 | grep -m 1 'waiting for the bus' || fail "history does not say that it waits"
  $compose "${files[@]}" up -d --no-build bus >/dev/null 2>&1
  healthy 7
  down
done
say "all passed"
