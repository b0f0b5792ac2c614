#!/usr/bin/env bash
# Checks the files that no compiler reads: the compose files, one by one and overlaid, and the nginx configuration.
set -eu -o pipefail
cd "$(dirname "$0")/../.."
export PATH=$PATH:/usr/sbin

for files in "docker-compose.yml" "docker-compose.yml docker-compose.override.yml" "docker-compose.yml docker-compose.nats.yml" \
  "docker-compose.yml docker-compose.nats.yml docker-compose.override.yml"; do
  flags=()
  for f in $files; do flags+=(-f "$f"); done
  docker-compose "${flags[@]}" config -q
  echo "ok: $files"
done

# nginx resolves nothing at start, so the shipped configuration is checked as it is; only its folders are moved.
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cp infra/nginx/*.conf "$dir"
mkdir "$dir/html"
sed -i "s#/etc/nginx/hubbub#$dir#g; s#/usr/share/nginx/html#$dir/html#; s#/var/run/nginx.pid#$dir/pid#; s#/tmp/nginx#$dir/tmp#g" "$dir"/*.conf
nginx -t -q -c "$dir/nginx.conf"
echo "ok: infra/nginx"
