#!/usr/bin/env bash
# Checks the files that no compiler reads: the compose files, one by one and overlaid, and the nginx
# configuration.
set -eu -o pipefail
cd "$(dirname "$0")/../.."
export PATH=$PATH:/usr/sbin

for files in "docker-compose.yml" "docker-compose.yml docker-compose.override.yml" "docker-compose.yml docker-compose.nats.yml" \
  "docker-compose.yml docker-compose.tls.yml" "docker-compose.yml docker-compose.tls.yml docker-compose.acme.yml" "docker-compose.yml docker-compose.nats.yml docker-compose.tls.yml" \
  "docker-compose.yml docker-compose.nats.yml docker-compose.override.yml" "docker-compose.yml docker-compose.nats.yml docker-compose.build.yml"; do
  flags=(--profile monitoring)
  for f in $files; do flags+=(-f "$f"); done
  HUBBUB_TLS_DOMAINS=chat.example HUBBUB_TLS_ACME_AGREE=true docker-compose "${flags[@]}" config -q
  echo "ok: $files"
done

# nginx resolves no names at start, so this checks the shipped configuration as it is, in other
# folders.
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cp infra/nginx/*.conf "$dir"
mkdir "$dir/html" "$dir/tmp"
sed -i "s#/etc/nginx/hubbub#$dir#g; s#/usr/share/nginx/html#$dir/html#; s#/tmp/nginx#$dir/tmp#g" "$dir"/*.conf
for settings in "HUBBUB_IPV6=" "HUBBUB_IPV6=off HUBBUB_TRUSTED_PROXIES=10.0.0.0/8,fd00::/8" "HUBBUB_PROXY_PROTOCOL=on HUBBUB_TRUSTED_PROXIES=192.0.2.1"; do
  env "DIR=$dir/tmp" $settings infra/nginx/settings.sh
  nginx -t -q -c "$dir/nginx.conf"
  echo "ok: infra/nginx with $settings"
done
cp infra/dev/files.conf "$dir"
nginx -t -q -c "$dir/nginx.conf"
echo "ok: infra/nginx with infra/dev/files.conf"

# Built once, like golangci-lint. Its dependencies would clash with those of our modules.
GOFLAGS= GOWORK=off go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12 -shellcheck= -pyflakes=
echo "ok: .github/workflows"
