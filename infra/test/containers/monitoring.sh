# The profile monitoring: Prometheus finds all services, and accepts the rules.
compose=docker-compose
command -v docker-compose >/dev/null || { compose_v2; compose=$v2; }
files=(-f docker-compose.yml)
ferretdb
profile=(--profile monitoring)
some=()
for i in $(grep -oE '(prom/prometheus|grafana/grafana):[v0-9.]+' docker-compose.yml); do
  docker image inspect "$i" >/dev/null 2>&1 || timeout 60 docker pull -q "$i" >/dev/null 2>&1 && continue
  case $i in
  prom/*) infra/airgap/images.sh prometheus ;;
  grafana/*) some=(nginx edge history presence notify directory prometheus) && cannot "Grafana: there is no image of it, and no package" ;;
  esac
done
quiet $compose "${files[@]}" "${profile[@]}" up -d --no-build "${some[@]}"
healthy
# asks QUERY: prints the answer of Prometheus.
asks() { $ENGINE_NET curl -fsS -G http://127.0.0.1:9091/api/v1/query --data-urlencode "query=$1"; }
all_up() { asks 'count(count by (job) (up == 1))' | grep -q ',"5"\]'; }
within 120 all_up
$ENGINE_NET curl -fsS http://127.0.0.1:9091/api/v1/rules >"$work/rules"
! grep -q '"health":"err"' "$work/rules" || fail "Prometheus rejects the rules"
echo "Prometheus scrapes all services; $(grep -o '"health":"' "$work/rules" | wc -l) rules are well"
$compose "${files[@]}" "${profile[@]}" down --volumes --timeout 1 >/dev/null 2>&1
