#!/usr/bin/env bash
# Starts Hubbub as containers on an engine of its own (engine.sh), and runs load through it during
# what operators do and the failures that they meet. `make test-containers` runs it; it needs root
# and Docker's programs. It has parts (the folder containers): PARTS="images sockets" runs those
# alone. It builds the images from the Dockerfile, on base images that infra/airgap makes where none
# can be pulled; with IMAGES_ARE_THERE=yes it uses those in ENGINE_DATA. At the end it lists what
# this machine does not allow.
set -eu -o pipefail
cd "$(dirname "$0")/../.."
if [ -z "${ENGINE_NET:-}" ]; then exec infra/test/engine.sh "$0" "$@"; fi
export DOCKER_BUILDKIT=1 COMPOSE_DOCKER_CLI_BUILD=1 COMPOSE_PROJECT_NAME=hubbub-test HUBBUB_PORT=9080
# No colours, and no lines that overwrite themselves: those are for terminals.
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
