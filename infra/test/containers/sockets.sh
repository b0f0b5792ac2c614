# Ten thousand sockets through nginx, and a minute of silence.
compose=docker-compose
files=(-f docker-compose.yml)
ferretdb
# An engine gives containers no more files than its own limit. A socket takes two files of nginx,
# one file of the load, and one of the 28,000 ports to the same address.
limit=$(ulimit -Hn)
[ "$limit" != unlimited ] || limit=1048576
read -r low high <<<"$($ENGINE_NET cat /proc/sys/net/ipv4/ip_local_port_range)"
sockets=${SOCKETS:-10000}
for most in $((limit - 1000)) $((high - low - 1000)); do
  [ "$sockets" -le "$most" ] || { sockets=$most; cannot "more sockets through nginx than $most: $limit open files for each process, ports $low to $high"; }
done
echo "$limit open files for each process, ports $low to $high, $(awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo) MiB of memory"
export HUBBUB_NOFILE=$limit
[ "$limit" -le 65536 ] || export HUBBUB_NOFILE=65536
up --scale edge=2
healthy
# Through the bridge, as from another machine: 127.0.0.1 leads to Docker's user-space proxy.
url=http://$($ENGINE_NET ip -4 -o address show scope global | awk '$2 ~ /^(tap|eth|en)/ { sub("/.*", "", $4); print $4; exit }'):9080
ulimit -Sn "$limit"
talk 30s --sockets "$sockets" --users 200 --rooms 20 --room-size 100 --rate 20 --ramp 250 --patience 3m
most=0
while kill -0 "$talking" 2>/dev/null; do
  docker stats --no-stream --format '{{.Name}} {{.MemUsage}}' >"$work/now" 2>/dev/null || true
  grep -q nginx "$work/now" && cp "$work/now" "$work/stats"
  sleep 2
done
talked
echo "memory of containers near the end:"
cat "$work/stats"
! docker logs "$(of nginx)" 2>&1 | grep -m 1 'exited on signal' || fail "nginx had too little memory"
! grep -q '^connections lost' "$work/report" || fail "connections were lost"
! docker logs "$(of nginx)" 2>&1 | grep -m 1 'are not enough' || fail "nginx had too few connections"

say "a minute of silence"
# Ten thousand sockets that close at once make work for the store, which may be FerretDB.
within 180 get --max-time 2 "$url/.well-known/jwks.json"
# One socket sends a message at the beginning and one at the end.
talk 66s --speakers 1 --rate 0.016
talked
! grep -q '^connections lost' "$work/report" || fail "sockets do not outlast silence"
url=http://127.0.0.1:9080
unset HUBBUB_NOFILE
down
