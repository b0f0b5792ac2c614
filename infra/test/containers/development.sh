# Development: sources mounted and compiled in containers; a changed line takes effect.
compose_v2
compose=$v2
mkdir "$work/src"
git ls-files -z | tar --null -T - -c | tar -x -C "$work/src"
cp -r secrets "$work/src/"
files=(-f "$work/src/docker-compose.yml" -f "$work/src/docker-compose.override.yml")
ferretdb
some=()
i=$(grep -oE 'mongo-express:[0-9.]+' docker-compose.override.yml)
if ! docker image inspect "$i" >/dev/null 2>&1 && ! timeout 60 docker pull -q "$i" >/dev/null 2>&1; then
  cannot "mongo-express: there is no image of it; its part of the file is read, and not run"
  some=(nginx web edge history presence notify directory)
fi
began=$SECONDS
up "${some[@]}"
within 1800 all_healthy
echo "everything was compiled, and runs, after $((SECONDS - began)) s"
vite() { $ENGINE_NET curl -fsS "$url/" | grep -q /@vite/client; }
within 600 vite
within 120 load 1s --sockets 4 --users 4 --rooms 1 --room-size 4
changed() { stack logs edge 2>&1 | grep -q "listening, changed"; }
sed -i 's/"listening"/"listening, changed"/' "$work/src/services/edge/edge.go"
began=$SECONDS
within 300 changed
echo "a changed line of edge runs after $((SECONDS - began)) s (aim: 30 s)"
down
