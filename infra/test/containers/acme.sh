# TLS in front, with a certificate of an authority: Pebble, which Let's Encrypt tests clients with.
compose_v2
compose=$v2
files=(-f docker-compose.yml -f docker-compose.tls.yml -f docker-compose.acme.yml -f infra/test/docker-compose.acme.yml)
ferretdb
for program in pebble pebble-challtestsrv; do
  (cd services/hubbub && go build -o "$work/$program" "github.com/letsencrypt/pebble/v2/cmd/$program")
done
gateway=$($ENGINE_NET ip -4 -o address show dev docker0 | awk '{ sub("/.*", "", $4); print $4 }')
(
  cd "$work"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=the authority itself" -addext "subjectAltName=IP:$gateway" -keyout acme.key -out acme.pem 2>/dev/null
  chmod 644 acme.pem
)
cat >"$work/pebble.json" <<END
{"pebble": {"listenAddress": "0.0.0.0:14000", "managementListenAddress": "127.0.0.1:15000", "certificate": "$work/acme.pem", "privateKey": "$work/acme.key",
  "httpPort": 9080, "tlsPort": 9443, "retryAfter": {"authz": 1, "order": 1}, "keyAlgorithm": "ecdsa", "profiles": {"default": {"description": "", "validityPeriod": 7776000}}}}
END
# It resolves every name to this machine, where nginx is.
$ENGINE_NET "$work/pebble-challtestsrv" -defaultIPv4 127.0.0.1 -defaultIPv6 "" -dnsserver 127.0.0.1:8053 -http01 "" -https01 "" -tlsalpn01 "" -doh "" -management 127.0.0.1:8055 >"$work/names.log" 2>&1 &
names=$!
PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0 $ENGINE_NET "$work/pebble" -config "$work/pebble.json" -dnsserver 127.0.0.1:8053 >"$work/pebble.log" 2>&1 &
authority=$!
trap 'kill $names $authority 2>/dev/null || true; finish' EXIT

export HUBBUB_TLS_PORT=9443 HUBBUB_TLS_DOMAINS=chat.test,other.test HUBBUB_TLS_ACME_AGREE=true HUBBUB_TLS_ACME_DIRECTORY=https://$gateway:14000/dir HUBBUB_TEST_CA=$work/acme.pem
up
began=$SECONDS
within 300 get --insecure --resolve chat.test:9443:127.0.0.1 https://chat.test:9443/
echo "a certificate of the authority after $((SECONDS - began)) s"
healthy
$ENGINE_NET curl -fsS --cacert "$work/acme.pem" -o "$work/root.pem" https://127.0.0.1:15000/roots/0 2>/dev/null || $ENGINE_NET curl -fsSk -o "$work/root.pem" https://127.0.0.1:15000/roots/0
$ENGINE_NET curl -fsS --cacert "$work/root.pem" --resolve chat.test:9443:127.0.0.1 -o /dev/null https://chat.test:9443/ || fail "nginx's certificate is not from the authority"
trusts() { get --cacert "$work/root.pem" --resolve other.test:9443:127.0.0.1 https://other.test:9443/; }
within 60 trusts
kill $names $authority
wait $names $authority 2>/dev/null || true
trap finish EXIT
unset HUBBUB_TLS_PORT HUBBUB_TLS_DOMAINS HUBBUB_TLS_ACME_AGREE HUBBUB_TLS_ACME_DIRECTORY HUBBUB_TEST_CA
down
