# The images: built from the Dockerfile, small, labelled, the same in a second build, and for
# another processor too.
base=(golang:1.26-bookworm node:22-bookworm-slim nginx:1.29-bookworm redis:7.4-bookworm gcr.io/distroless/static-debian12:nonroot mongo:8.0
  "$(grep -o 'nats:[0-9.]*-alpine' docker-compose.nats.yml)")
missing=()
for i in "${base[@]}"; do
  docker image inspect "$i" >/dev/null 2>&1 || timeout 60 docker pull -q "$i" >/dev/null 2>&1 || missing+=("$i")
done
if [ ${#missing[@]} -gt 0 ]; then
  cannot "base images from a registry: made by infra/airgap are ${missing[*]}"
  infra/airgap/images.sh --ferretdb $(printf '%s\n' "${missing[@]}" | sed -E 's#^gcr.io/distroless/##; s#-debian12##; s#:.*##')
fi
if [ -z "${IMAGES_ARE_THERE:-}" ]; then
  stamp=(COMMIT=test DATE=2026-01-01T00:00:00Z VERSION=9.9.9)
  make -s images "${stamp[@]}" TAG=latest
  for s in edge history presence notify directory hubbub; do
    docker run --rm --network none "hubbub/$s" --version | tee /dev/stderr | grep -q '9.9.9 (commit test of 2026-01-01' || fail "$s does not say its version"
    docker image inspect -f '{{.Config.User}}' "hubbub/$s" | grep -q '^65532' || fail "$s runs as another user"
  done
  for s in edge history presence notify directory hubbub nginx; do
    for label in licenses=Apache-2.0 version=9.9.9 revision=test created=2026-01-01T00:00:00Z; do
      docker image inspect -f "{{index .Config.Labels \"org.opencontainers.image.${label%%=*}\"}}" "hubbub/$s" | grep -qxF "${label#*=}" || fail "$s has no label $label"
    done
    bytes=$(docker save "hubbub/$s" | gzip | wc -c)
    echo "$s: $bytes bytes, compressed"
    case $s in nginx | hubbub) ;; *) [ "$bytes" -le 20000000 ] || fail "$s is larger than 20 MB" ;; esac
  done

  say "images: built again"
  # From a copy whose files have other times, with an empty build cache.
  mkdir "$work/again"
  git ls-files -z -- Dockerfile .dockerignore libs services web infra/nginx | tar --null -T - -c | tar -m -x -C "$work/again"
  sed -i 's#target=/root/.cache/go-build#id=again,&#' "$work/again/Dockerfile"
  layers() { docker image inspect -f '{{json .RootFS.Layers}} {{json .Config.User}} {{json .Config.Labels}} {{json .Config.Entrypoint}} {{json .Config.Cmd}} {{json .Config.Env}}' "$1"; }
  for i in "--build-arg SERVICE=edge" "--target nginx" "--target hubbub --build-arg SERVICE=hubbub"; do
    name=${i##*[ =]}
    docker build -q --no-cache $i --build-arg COMMIT=test --build-arg DATE=2026-01-01T00:00:00Z --build-arg VERSION=9.9.9 $IMAGE_ARGS -t "again/$name" "$work/again" >/dev/null
    [ "$(layers "again/$name")" = "$(layers "hubbub/$name")" ] || { diff <(layers "hubbub/$name" | tr ',' '\n') <(layers "again/$name" | tr ',' '\n') >&2; fail "$name is not the same when it is built again"; }
    echo "$name: the same"
    docker image rm "again/$name" >/dev/null
  done

  say "images: for arm64"
  if ! docker pull -q --platform linux/arm64 gcr.io/distroless/static-debian12:nonroot >/dev/null 2>&1; then
    # It has no program: the image for another processor differs only in the platform that it names.
    id=$(docker create gcr.io/distroless/static-debian12:nonroot none)
    mkdir "$work/static"
    docker export "$id" >"$work/static/static.tar"
    printf 'FROM scratch\nADD static.tar /\nUSER 65532\n' >"$work/static/Dockerfile"
    quiet docker build --platform linux/arm64 -t arm64/static-debian12:nonroot "$work/static"
    docker rm "$id" >/dev/null
    distroless="--build-arg DISTROLESS=arm64/"
    cannot "an arm64 image of nginx, whose base image is not here: it is copies alone"
  fi
  for s in edge history presence notify directory; do
    docker build -q --platform linux/arm64 --build-arg SERVICE=$s ${distroless:-} $IMAGE_ARGS -t "hubbub/$s:arm64" . >/dev/null
    [ "$(docker image inspect -f '{{.Os}}/{{.Architecture}}' "hubbub/$s:arm64")" = linux/arm64 ] || fail "$s is not for arm64"
    id=$(docker create --platform linux/arm64 "hubbub/$s:arm64")
    docker cp "$id:/hubbub-service" "$work/arm64"
    docker rm "$id" >/dev/null
    # ELF: 0xB7 is AArch64.
    [ "$(od -An -j18 -N2 -tx1 "$work/arm64" | tr -d ' ')" = b700 ] || fail "$s has a program for another processor"
    if command -v qemu-aarch64-static >/dev/null; then
      qemu-aarch64-static "$work/arm64" --version || fail "$s does not run on arm64"
    fi
    docker image rm "hubbub/$s:arm64" >/dev/null
  done
  command -v qemu-aarch64-static >/dev/null || cannot "running the programs for arm64: there is no qemu-aarch64-static (apt install qemu-user-static)"

  say "images: one service after a change of one line"
  sed -i 's/"listening"/"listening, changed"/' "$work/again/services/edge/edge.go"
  sed -i 's#id=again,##' "$work/again/Dockerfile"
  began=$SECONDS
  docker build -q --build-arg SERVICE=edge $IMAGE_ARGS -t again/edge "$work/again" >/dev/null
  echo "built again in $((SECONDS - began)) s (aim: 30 s)"
  docker image rm again/edge >/dev/null
  rm -rf "$work/again"
fi
