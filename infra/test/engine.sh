#!/usr/bin/env bash
# Runs a command with a Docker engine of its own: `infra/test/engine.sh COMMAND…`. The engine has
# its own network namespace, which reaches the outside through slirp4netns, and its own folder, and
# leaves nothing behind. DOCKER_HOST has its address, and $ENGINE_NET runs a command in its network,
# for instance a request to a published port. ENGINE_DATA keeps images and volumes for the next
# time. Needs root, dockerd, slirp4netns and unshare.
set -eu -o pipefail
for program in dockerd slirp4netns unshare nsenter iptables; do
  PATH=$PATH:/usr/sbin command -v $program >/dev/null || { echo "a Docker engine cannot be started here: there is no $program (apt install docker.io slirp4netns iptables)" >&2; exit 3; }
done
export PATH=/usr/bin:/usr/sbin:$PATH
run=$(mktemp -d /tmp/engine.XXXXXX)
data=${ENGINE_DATA:-$run/data}
mkdir -p "$data"
unshare --net --mount bash -c '
  ip link set lo up
  echo $$ >'"$run"'/pid
  while [ ! -e '"$run"'/online ]; do sleep 0.05; done
  # A name server and a run directory of its own.
  printf "nameserver 10.0.2.3\n" >'"$run"'/resolv.conf
  mount --bind '"$run"'/resolv.conf /etc/resolv.conf
  mount -t tmpfs tmpfs /run
  exec dockerd --data-root '"$data"' --exec-root '"$run"'/exec --pidfile '"$run"'/docker.pid -H unix://'"$run"'/docker.sock
' >"$run/engine.log" 2>&1 &
while [ ! -s "$run/pid" ]; do sleep 0.05; done
engine=$(cat "$run/pid")
slirp4netns --configure --mtu=1500 --disable-host-loopback "$engine" tap0 >"$run/slirp.log" 2>&1 &
slirp=$!
stop() {
  kill "$engine" 2>/dev/null || true
  for _ in $(seq 300); do [ -e "/proc/$engine" ] || break; sleep 0.1; done
  kill "$slirp" 2>/dev/null || true
  wait 2>/dev/null || true
  umount -R "$data" "$run" 2>/dev/null || true
  rm -rf "$run"
}
trap stop EXIT
touch "$run/online"
export DOCKER_HOST=unix://$run/docker.sock ENGINE_NET="nsenter --net=/proc/$engine/ns/net"
for _ in $(seq 200); do
  docker version >/dev/null 2>&1 && break
  [ -e "/proc/$engine" ] || break
  sleep 0.1
done
docker version >/dev/null 2>&1 || { echo "a Docker engine cannot be started here:" >&2; tail -n 5 "$run/engine.log" >&2; exit 3; }
"$@"
