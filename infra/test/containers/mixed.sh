# Release N beside N-1: each service is replaced under load. Before the first release N-1 is an
# earlier commit. PREVIOUS names another one.
previous=${PREVIOUS:-$(git describe --tags --abbrev=0 --match 'v[0-9]*' HEAD^ 2>/dev/null || git rev-parse -q --verify HEAD~100 || true)}
if [ -z "$previous" ]; then
  cannot "release N beside N-1: this checkout has no history"
else
  echo "the release before is $(git log -1 --format='%h of %cs, %s' "$previous")"
  if ! docker image inspect hubbub/edge:before >/dev/null 2>&1; then
    mkdir "$work/before"
    git archive "$previous" | tar -x -C "$work/before"
    parts=(nginx)
    for s in edge history presence notify directory; do [ ! -e "$work/before/services/$s" ] || parts+=("$s"); done
    quiet make -s -C "$work/before" images IMAGES="${parts[*]}" TAG=before VERSION=9.9.8 COMMIT=before DATE=2025-01-01T00:00:00Z
    rm -rf "$work/before"
  fi
  compose_v2
  compose=$v2
  files=(-f docker-compose.yml)
  ferretdb
  # replace SERVICE TAG: replaces the service's replicas by ones of that image.
  replace() {
    COMPOSE=$compose COMPOSE_FILE=$(printf '%s\n' "${files[@]}" | grep -vx -e -f | paste -sd :) HUBBUB_VERSION=$2 quiet infra/upgrade.sh "$1"
    for c in $(of "$1"); do
      [ "$(docker inspect -f '{{.Config.Image}}' "$c")" = "hubbub/$1:$2" ] || fail "$1 is not of $2"
    done
    echo "$1 is $2 after $((SECONDS - began)) s"
  }
  two=(--scale edge=2 --scale history=2 --scale presence=2 --scale directory=2)
  # A release may be the first with a service.
  docker image inspect hubbub/notify:before >/dev/null 2>&1 || two+=(--scale notify=0)
  HUBBUB_VERSION=before up "${two[@]}"
  healthy
  began=$SECONDS
  talk 150s
  sleep 3
  for s in directory history presence notify edge; do replace $s latest; done
  # Back again, for services without stored data that has a version.
  for s in presence edge; do replace $s before; done
  for s in presence edge; do replace $s latest; done
  kill -0 "$talking" 2>/dev/null || echo "people had stopped talking before the last was replaced"
  talked
  ! grep -q '^connections lost.*http_5' "$work/report" || fail "clients noticed an upgrade"
  HUBBUB_VERSION=latest up --no-deps nginx
  within 120 load 1s --sockets 4 --users 4 --rooms 1 --room-size 4
  down
fi
