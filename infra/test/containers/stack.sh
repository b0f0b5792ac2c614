# Shared by the parts of containers.sh, which source it: a stack of compose files, and load through
# it.

# Which Compose, and which of the files.
compose=docker-compose
files=(-f docker-compose.yml)
stack() { $compose "${files[@]}" "$@"; }
url=http://127.0.0.1:9080

could_not=()
cannot() {
  echo "cannot: $*"
  could_not+=("$*")
}
say() { printf '\n== %s (%ss)\n' "$*" "$SECONDS"; }
fail() {
  for c in $(docker ps -aq); do
    docker inspect -f '-- {{.Name}}, which is {{.State.Status}}, last said:' "$c"
    docker logs --tail 12 "$c" 2>&1 | cut -c1-300
  done >&2 || true
  tail -n 5 "$work"/*.log >&2 2>/dev/null || true
  echo "FAILED: $*" >&2
  exit 1
}

# quiet COMMAND…: prints the command's output only if it fails.
quiet() {
  "$@" >"$work/quiet" 2>&1 || { tail -n 40 "$work/quiet" >&2; fail "$*"; }
}
# within SECONDS COMMAND…: repeats the command until it succeeds; fails after that time.
within() {
  local until=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $until ] || fail "timed out: $*"
    sleep 0.5
  done
}
up() { quiet stack up -d --no-build "$@"; }
down() { stack down --volumes --remove-orphans --timeout 1 >/dev/null 2>&1 || true; }
# all_healthy: succeeds if every container runs, and is healthy if it has a health check.
all_healthy() {
  local state=(--filter status=created --filter status=restarting --filter status=exited --filter status=dead)
  [ -z "$(docker ps -aq "${state[@]}")$(docker ps -q --filter health=starting --filter health=unhealthy)" ] && [ -n "$(docker ps -q)" ]
}
healthy() { within 600 all_healthy; }
# of SERVICE: prints the ids of the service's containers.
of() { docker ps -q --filter "label=com.docker.compose.service=$1"; }
get() { $ENGINE_NET curl -fsS -o /dev/null "$@"; }

# load DURATION FLAG…: runs load and checks its verdict. Later flags win over earlier ones.
load() {
  [ -x bin/hubbub ] || make -s build-hubbub
  local d=$1
  shift
  ${run:-} $ENGINE_NET bin/hubbub load --url "$url" --sockets 100 --users 40 --rooms 5 --room-size 20 --rate 10 --ramp 50 --duration "$d" "$@"
}
# talk DURATION FLAG…: the same in the background, until talked.
talk() {
  run=exec load "$@" >"$work/load" 2>&1 & # exec, so that a signal ends the load itself
  talking=$!
}
# talked: waits for the load of talk, prints its report, keeps it in $work/report, and fails unless
# its verdict is good.
talked() {
  local ended=0
  wait "$talking" || ended=$?
  grep -vE '^(load|time|sockets [0-9]+ of [0-9]+ \()|^$' "$work/load" | tee "$work/report"
  [ $ended = 0 ] && grep -q '^verdict  *good' "$work/report" || fail "the load"
}

# ferretdb: where FerretDB stands in for MongoDB, the services use no login, since it has no users.
ferretdb() {
  [ -z "${stands_in:-}" ] || { files+=(-f infra/test/docker-compose.ferretdb.yml); return; }
  if docker run --rm --entrypoint sh mongo:8.0 -c 'command -v ferretdb' >/dev/null 2>&1; then
    stands_in=yes
    cannot "logins of MongoDB: FerretDB stands in for it, and knows no users"
    files+=(-f infra/test/docker-compose.ferretdb.yml)
  fi
}

# compose_v2: sets $v2 to Compose v2: the machine's, or one built from its module.
compose_v2() {
  v2="docker compose"
  $v2 version >/dev/null 2>&1 && return
  local version=v2.40.3 dir
  v2=$PWD/.cache/compose-$version/docker-compose
  [ ! -x "$v2" ] || return 0
  echo "compose v2 is made from its Go module"
  dir=$(cd "$work" && go mod download -json "github.com/docker/compose/v2@$version" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
  cp -r "$dir" "$work/compose"
  chmod -R u+w "$work/compose"
  (cd "$work/compose" && GOWORK=off CGO_ENABLED=0 GOFLAGS=-trimpath go build -mod=mod -ldflags "-X github.com/docker/compose/v2/internal.Version=$version" -o "$v2" ./cmd)
}
