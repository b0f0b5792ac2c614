#!/usr/bin/env bash
# Replaces services of the compose files by those of another release (HUBBUB_VERSION) without a gap:
# it starts as many new containers beside the old ones, which drain when the new ones are healthy.
# With names of services as arguments it replaces those alone. COMPOSE_FILE names the compose files,
# separated by colons; COMPOSE is the command that runs Compose.
set -eu -o pipefail
export COMPOSE_FILE=${COMPOSE_FILE:-docker-compose.yml}
compose=${COMPOSE:-docker compose}
for service in ${*:-directory history presence notify edge}; do
  mapfile -t old < <($compose ps -q "$service")
  if [ "$service" = notify ] && [ ${#old[@]} = 0 ]; then # the release before may not have it
    $compose up --detach --no-build --no-deps notify
    continue
  fi
  [ ${#old[@]} -gt 0 ] || { echo "there is no container of $service" >&2; exit 1; }
  $compose up --detach --no-build --no-deps --no-recreate --scale "$service=$((2 * ${#old[@]}))" "$service"
  mapfile -t new < <($compose ps -q "$service" | grep -vxFf <(printf '%s\n' "${old[@]}"))
  for c in "${new[@]}"; do
    for _ in $(seq 600); do
      [ "$(docker inspect -f '{{.State.Health.Status}}' "$c")" != healthy ] || continue 2
      sleep 0.5
    done
    echo "$service: a new container is not healthy, so the old ones stay: docker logs $c" >&2
    exit 1
  done
  docker stop --time 60 "${old[@]}" >/dev/null
  docker rm "${old[@]}" >/dev/null
  echo "$service is replaced"
done
