#!/usr/bin/env bash
# Makes the base images that Hubbub's Dockerfile and compose files name, under the same tags, where
# no image registry can be reached: from Debian packages, and from the Go and Node.js of this machine.
# Needs Docker, debootstrap, root, Go and Node.js. With names of images as arguments it makes those
# alone. MongoDB has no Debian package: with --ferretdb, an image of FerretDB, which speaks the
# protocol of MongoDB and is for trials only, gets the tag of MongoDB.
set -eu -o pipefail
cd "$(dirname "$0")/../.."
suite=bookworm
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
ferretdb=
[ "${1:-}" != --ferretdb ] || { ferretdb=yes; shift; }
wanted=" ${*:-golang node nginx redis nats static${ferretdb:+ mongo}} "
have() { [[ $wanted == *" $1 "* ]]; }
root=$work/debian

# tree NAME PACKAGE…: a copy of the Debian tree with these packages.
tree() {
  local name=$1
  shift
  cp -a "$root" "$work/$name"
  [ $# = 0 ] || chroot "$work/$name" sh -c "apt-get update -qq && apt-get install -y -qq --no-install-recommends $* >/dev/null 2>&1 && apt-get clean && rm -rf /var/lib/apt/lists/*"
}
# image TAG NAME [CHANGE…]: the tree as an image, with changes such as "USER 999".
image() {
  local tag=$1 name=$2 args=()
  shift 2
  for c in "$@"; do args+=(--change "$c"); done
  tar -C "$work/$name" --sort=name --numeric-owner -c . | docker import "${args[@]}" - "$tag" >/dev/null
  rm -rf "${work:?}/$name"
  echo "made $tag"
}
user() { chroot "$work/$1" sh -c "groupadd -r -g $3 $2 && useradd -r -g $2 -u $3 -d / -s /usr/sbin/nologin $2"; }
path="ENV PATH=/usr/local/go/bin:/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

debootstrap --variant=minbase --include=ca-certificates "$suite" "$root" >"$work/log" 2>&1 || { tail "$work/log" >&2; exit 1; }
# The certificates that this machine trusts: a private registry may have a private authority.
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"

if have golang; then
  tree golang git
  cp -a "$(go env GOROOT)" "$work/golang/usr/local/go"
  image "golang:1.26-$suite" golang "$path" "ENV GOPATH=/go" "WORKDIR /go"
fi
if have node; then
  tree node
  prefix=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")
  mkdir -p "$work/node/usr/local/bin" "$work/node/usr/local/lib/node_modules"
  cp "$prefix/bin/node" "$work/node/usr/local/bin/node"
  cp -a "$(npm root -g)/npm" "$work/node/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$work/node/usr/local/bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$work/node/usr/local/bin/npx"
  chroot "$work/node" sh -c 'ldd /usr/local/bin/node | grep -q "not found"' && { chroot "$work/node" ldd /usr/local/bin/node >&2; exit 1; }
  image "node:22-$suite-slim" node "$path"
fi
if have nginx; then
  tree nginx nginx-light curl
  user nginx nginx 101
  mkdir -p "$work/nginx/docker-entrypoint.d" "$work/nginx/usr/share/nginx/html"
  cat >"$work/nginx/docker-entrypoint.sh" <<'END'
#!/bin/sh
# Like that of nginx's image: runs the scripts first.
set -e
for f in /docker-entrypoint.d/*.sh; do [ ! -x "$f" ] || "$f"; done
exec "$@"
END
  chmod 755 "$work/nginx/docker-entrypoint.sh"
  # Without STOPSIGNAL, which `docker import` of Docker 20.10 does not accept: our Dockerfile sets
  # it.
  image "nginx:1.29-$suite" nginx "$path" 'ENTRYPOINT ["/docker-entrypoint.sh"]' 'CMD ["nginx","-g","daemon off;"]'
fi
if have redis; then
  # Debian 12 has Redis 7.0, which runs the same scripts and settings.
  tree redis redis-server redis-tools
  chroot "$work/redis" sh -c 'userdel redis 2>/dev/null; groupdel redis 2>/dev/null; true'
  user redis redis 999
  install -d -o 999 -g 999 "$work/redis/data"
  image "redis:7.4-$suite" redis "$path" "WORKDIR /data" "VOLUME /data" 'CMD ["redis-server"]'
fi
if have nats; then
  # The version of the server inside `hubbub up`.
  tree nats wget
  (cd services/hubbub && CGO_ENABLED=0 GOFLAGS=-trimpath go build -o "$work/nats/usr/local/bin/nats-server" github.com/nats-io/nats-server/v2)
  version=$(cd services/hubbub && go list -m -f '{{.Version}}' github.com/nats-io/nats-server/v2)
  image "nats:${version#v}-alpine" nats "$path" 'ENTRYPOINT ["nats-server"]'
fi
if have static; then
  # Like distroless: certificates, users, /tmp, and no program.
  mkdir -p "$work/static/etc/ssl/certs" "$work/static/home/nonroot"
  cp "$root/etc/ssl/certs/ca-certificates.crt" "$work/static/etc/ssl/certs/"
  printf 'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n' >"$work/static/etc/passwd"
  printf 'root:x:0:\nnonroot:x:65532:\n' >"$work/static/etc/group"
  install -d -m 1777 "$work/static/tmp"
  image gcr.io/distroless/static-debian12:nonroot static "USER 65532" "WORKDIR /home/nonroot" "ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"
fi
if have prometheus; then
  # Debian 12 has 2.42; the tag is what the compose file names.
  tree prometheus prometheus wget
  install -d -o 65534 -g 65534 "$work/prometheus/prometheus"
  image "$(grep -o 'prom/prometheus:v[0-9.]*' docker-compose.yml)" prometheus "$path" 'VOLUME /prometheus' 'ENTRYPOINT ["prometheus"]'
fi
if have mongo; then
  tree mongo
  user mongo mongodb 999
  install -d -o 999 -g 999 "$work/mongo/data/db"
  (cd infra/test/ferretdb && GOWORK=off CGO_ENABLED=0 GOFLAGS=-trimpath go build -o "$work/mongo/usr/local/bin/ferretdb" .)
  printf '#!/bin/sh\n# In the place of MongoDB, to try things: it knows no users, and mongod'\''s options mean nothing to it.\nexec ferretdb -listen :27017 -dir /data/db\n' >"$work/mongo/usr/local/bin/mongod"
  chmod 755 "$work/mongo/usr/local/bin/mongod"
  image mongo:8.0 mongo "$path" "VOLUME /data/db" 'CMD ["mongod"]'
fi
