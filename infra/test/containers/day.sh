# An operator's day: start, scale, kill, restart, stop, and start again. containers.sh sources it.

# chat: four people talk for a moment.
chat() { load 1s --sockets 4 --users 4 --rooms 1 --room-size 4 >"$work/chat" 2>&1; }
# waits SERVICE FOR: succeeds if the service's log says that it waits for the bus or the store.
waits() { stack logs "$1" 2>&1 | grep -q "waiting for the $2"; }
# counted: prints how many entries of rooms a backup made now has.
counted() {
  rm -f "$work/backup"
  stack run --rm -T backup - >"$work/backup" 2>"$work/quiet" || { cat "$work/quiet" >&2; return 1; }
  bin/hubbub backup verify "$work/backup" | grep -oE '[0-9]+ entries of rooms' | cut -d ' ' -f 1
}

# again kill|stop SERVICE: kills or stops the service's first container, and starts it again.
again() {
  local c
  c=$(of "$2" | tail -n 1)
  case $1 in kill) quiet docker kill "$c" ;; stop) quiet docker stop --time 45 "$c" ;; esac
  quiet docker start "$c"
  within 300 sh -c "docker inspect -f '{{.State.Health.Status}}' $c | grep -qx healthy"
}

day() {
  local bus=$1 began=$SECONDS s c before after
  echo "$($compose version --short 2>/dev/null || $compose version | head -n 1)"
  up
  within 600 chat
  echo "chatting $((SECONDS - began)) s after up, a load of one second and its check among them (aim: 20 s)"
  healthy
  get "$url/" || fail "the page is not there"
  [ "$bus" = redis ] || ! docker ps --format '{{.Image}}' | grep -q redis || fail "Redis runs beside NATS"
  for s in edge history presence notify directory; do
    for c in $(of $s); do
      docker inspect -f '{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.Config.User}}' "$c" | grep -q '^true \[ALL\] 65532' || fail "$s is not hardened"
    done
  done
  quiet stack run --rm -T doctor
  grep -E '^(warn|fail)' "$work/quiet" || echo "the doctor finds nothing"

  say "$bus: five edges, back to one; then bus, store and nginx are killed"
  talk 60s
  up --scale edge=5
  healthy
  up --scale edge=1
  for s in bus mongo nginx; do again kill $s; done
  talked
  healthy

  say "$bus: two of every service: each killed, and restarted"
  up --scale edge=2 --scale history=2 --scale presence=2 --scale notify=2 --scale directory=2
  healthy
  talk 90s
  sleep 3
  for s in edge history presence notify directory; do again kill $s; done
  for s in edge history presence notify directory; do again stop $s; done
  kill -0 "$talking" 2>/dev/null || echo "people had stopped talking before the last was restarted"
  talked
  up

  say "$bus: the bus starts late, then the store"
  quiet stack stop -t 1 bus edge history
  up --no-deps edge history
  within 120 waits history bus
  up bus
  healthy
  quiet stack stop -t 1 mongo history directory
  up --no-deps history directory
  within 120 waits directory store
  up mongo
  healthy
  within 120 chat

  say "$bus: down and up again, with all messages"
  before=$(counted) || fail "a backup"
  quiet stack down --timeout 30
  up
  within 600 chat
  after=$(counted) || fail "a backup"
  echo "entries in backups: $before before, $after after"
  [ "$before" -gt 0 ] && [ "$after" -gt "$before" ] || fail "messages are missing"
  down
}
