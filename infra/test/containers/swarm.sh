# The stack on a swarm of one node, as far as the kernel supports it.
node=$($ENGINE_NET ip -4 -o address show scope global | awk '$2 ~ /^(tap|eth|en)/ { sub("/.*", "", $4); print $4; exit }')
if ! docker swarm init --advertise-addr "$node" >"$work/quiet" 2>&1; then
  cannot "a swarm: $(tail -n 1 "$work/quiet")"
else
  left() {
    docker stack rm chat >/dev/null 2>&1 || true
    within 300 sh -c '[ -z "$(docker ps -q --filter label=com.docker.stack.namespace=chat)" ]'
    docker swarm leave --force >/dev/null 2>&1 || true
    docker volume rm chat_redis chat_mongo >/dev/null 2>&1 || true
  }
  trap 'left; finish' EXIT
  id=$(docker node ls -q)
  quiet docker node update --label-add hubbub.bus=true "$id"
  quiet docker node update --label-add hubbub.store=true "$id"
  export HUBBUB_REGISTRY=swarm.invalid/ HUBBUB_VERSION=1.2.3
  for s in edge history presence notify directory nginx; do
    for v in 1.2.3 1.2.4; do docker tag "hubbub/$s:latest" "swarm.invalid/hubbub/$s:$v"; done
  done
  swarm=(-c docker-stack.yml)
  if [ -n "${stands_in:-}" ] || docker run --rm --entrypoint sh mongo:8.0 -c 'command -v ferretdb' >/dev/null 2>&1; then
    # A stack has no services to `run`, and only one version.
    sed 's/"3.8"/"3.9"/; /^  doctor:/d; /^  backup:/d' infra/test/docker-compose.ferretdb.yml >"$work/ferretdb.yml"
    swarm+=(-c "$work/ferretdb.yml")
  fi
  if [ ! -e /proc/net/ip_vs ]; then
    cannot "Swarm's mesh and virtual addresses: this kernel has no IP_VS. nginx takes connections on its node, and has one replica for one port"
    export HUBBUB_PORT_MODE=host HUBBUB_PORT_ORDER=stop-first
  fi
  # Short, so that the test is.
  export HUBBUB_DRAIN=5s
  began=$SECONDS
  quiet docker stack deploy --resolve-image never "${swarm[@]}" chat
  within 600 load 1s --sockets 4 --users 4 --rooms 1 --room-size 4
  echo "chatting after $((SECONDS - began)) s"
  # Three edges, two each of history, presence, notify and directory, nginx, bus and store.
  replicas() { [ "$(docker ps -q --filter health=healthy | wc -l)" -ge 14 ]; }
  within 600 replicas
  talk 120s
  sleep 3
  for n in 5 2; do
    quiet docker service scale --detach chat_edge=$n
    within 300 sh -c "[ \"\$(docker ps -q --filter label=com.docker.swarm.service.name=chat_edge --filter health=healthy | wc -l)\" = $n ]"
    echo "$n edges"
  done
  # A new release of each service, one replica after another, each started before an old one stops.
  for s in edge history presence notify directory; do
    quiet docker service update --detach --no-resolve-image --update-delay 1s --update-monitor 5s --image "swarm.invalid/hubbub/$s:1.2.4" chat_$s
    within 300 sh -c "docker service inspect -f '{{.UpdateStatus.State}}' chat_$s | grep -qx completed"
    echo "$s is updated"
  done
  kill -0 "$talking" 2>/dev/null || echo "people had stopped talking before the last was updated"
  talked
  ! grep -q '^connections lost.*http_5' "$work/report" || fail "clients noticed an update"
  unset HUBBUB_REGISTRY HUBBUB_VERSION HUBBUB_PORT_MODE HUBBUB_PORT_ORDER HUBBUB_DRAIN
  left
  trap finish EXIT
fi
