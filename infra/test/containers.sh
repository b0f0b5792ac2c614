#!/usr/bin/env bash
# Brings Hubbub up for real, as containers on an engine of its own (engine.sh), and has people talk
# in it while what operators do and what happens to them is done. `make test-containers` is this; it
# needs root and Docker's programs. It is made of parts (the folder containers): PARTS="images
# sockets" runs those alone. Images are built from the Dockerfile, on base images that infra/airgap
# makes where none can be pulled; with IMAGES_ARE_THERE=yes those in ENGINE_DATA are not built
# again. What this machine does not allow is listed at the end.
set -eu -o pipefail
cd "$(dirname "$0")/../.."
if [ -z "${ENGINE_NET:-}" ]; then exec infra/test/engine.sh "$0" "$@"; fi
export DOCKER_BUILDKIT=1 COMPOSE_DOCKER_CLI_BUILD=1 COMPOSE_PROJECT_NAME=hubbub-test HUBBUB_PORT=9080
# Colours, and lines that are written again and again, are for terminals.
IMAGE_ARGS=${IMAGE_ARGS:-} # of the Makefile: arguments of builds
export IMAGE_ARGS COMPOSE_ANSI=never COMPOSE_PROGRESS=plain BUILDKIT_PROGRESS=plain
. infra/test/containers/stack.sh

work=$(mktemp -d /tmp/containers.XXXXXX)
[ -e secrets/redis_url ] || made=yes
infra/secrets.sh >/dev/null # also those that a later release has added
finish() {
  trap - EXIT
  [ -z "${talking:-}" ] || kill "$talking" 2>/dev/null || true
  down
  [ -z "${made:-}" ] || rm -rf secrets
  rm -rf "$work"
}
trap finish EXIT

for part in ${PARTS:-images redis nats sockets tls acme mixed swarm monitoring development}; do
  say "$part"
  . "infra/test/containers/$part.sh"
done
say "all passed"
[ ${#could_not[@]} = 0 ] || printf 'could not be done here: %s\n' "${could_not[@]}"
