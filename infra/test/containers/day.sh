# A day of whoever runs Hubbub: start, scale, kill, restart, stop, and start again. It is read, not
# run.

# chat: four people talk for a moment.
chat() { load 1s --sockets 4 --users 4 --rooms 1 --room-size 4 >"$work/chat" 2>&1; }
# waits SERVICE FOR: that its log says what it waits for.
waits() { stack logs "$1" 2>&1 | grep -q "waiting for the $2"; }
# counted: how many entries of rooms a backup of now has.
counted() {
  rm -f "$work/backup"
  stack run --rm -T backup - >"$work/backup" 2>"$work/quiet" || { cat "$work/quiet" >&2; return 1; }
  bin/hubbub backup verify "$work/backup" | grep -oE '[0-9]+ entries of rooms' | cut -d ' ' -f 1
}

day() {
  local bus=$1 began=$SECONDS s c before after
  echo "$($compose version --short 2>/dev/null || $compose version | head -n 1)"
  up
  within 600 chat
  echo "chatting $((SECONDS - began)) s after up, a load of one second and its check among them (aim: 20 s)"
  healthy 7
  get "$url/" || fail "the page is not there"
  [ "$bus" = redis ] || ! docker ps --format '{{.Image}}' | grep -q redis || fail "Redis runs beside NATS"
  for s in edge history presence directory; do
    for c in $(of $s); do
      docker inspect -f '{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.Config.User}}' "$c" | grep -q '^true \[ALL\] 65532' || fail "$s is not hardened"
    done
  done
  quiet stack run --rm -T doctor
  grep -E '^(warn|fail)' "$work/quiet" || echo "the doctor finds nothing"

  say "$bus: five edges, back to one, and every container killed once"
  talk 45s
  up --scale edge=5
  healthy 11
  up --scale edge=1
  for s in history presence directory bus mongo edge nginx; do
    quiet docker kill "$(of $s)"
    up --no-deps $s
    sleep 2
  done
  talked
  healthy 7

  say "$bus: replicas of all, restarted one after another"
  up --scale edge=3 --scale history=2 --scale presence=2 --scale directory=2
  healthy 12
  talk 45s
  sleep 3
  for s in edge history presence directory; do
    for c in $(of $s); do
      quiet docker restart --time 45 "$c"
      within 300 sh -c "docker inspect -f '{{.State.Health.Status}}' $c | grep -qx healthy"
    done
  done
  talked
  up

  say "$bus: the bus comes late, and the store"
  quiet stack stop -t 1 bus edge history
  up --no-deps edge history
  within 120 waits history bus
  up bus
  healthy 7
  quiet stack stop -t 1 mongo history directory
  up --no-deps history directory
  within 120 waits directory store
  up mongo
  healthy 7
  within 120 chat

  say "$bus: down and up again, with what was said"
  before=$(counted) || fail "a backup"
  quiet stack down --timeout 30
  up
  within 600 chat
  after=$(counted) || fail "a backup"
  echo "entries in backups: $before before, $after after"
  [ "$before" -gt 0 ] && [ "$after" -gt "$before" ] || fail "what was said is gone"
  down
}
