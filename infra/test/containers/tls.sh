# TLS in front, from files that somebody else renews.
compose_v2
compose=$v2
files=(-f docker-compose.yml -f docker-compose.tls.yml)
ferretdb
export HUBBUB_TLS_PORT=9443 HUBBUB_TLS_FOLDER=$work/tls
mkdir -p "$work/tls" && chmod 755 "$work" "$work/tls"
(cd "$work" && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=an authority" -keyout ca.key -out ca.pem 2>/dev/null)
# certificate NAME: puts a new certificate in place, as a renewal does.
certificate() {
  (
    cd "$work"
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout key.pem -out leaf.csr 2>/dev/null
    openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out leaf.pem -extfile <(echo "subjectAltName=DNS:localhost") 2>/dev/null
    cat leaf.pem ca.pem >cert.pem
    chmod 600 key.pem
    chown 101 key.pem cert.pem
    mv key.pem cert.pem tls/
  )
}
subject() { $ENGINE_NET openssl s_client -connect 127.0.0.1:9443 -servername localhost </dev/null 2>/dev/null | openssl x509 -noout -subject; }
has() { subject | grep -q "$1"; }
certificate one
up --scale edge=2
healthy
export SSL_CERT_FILE=$work/ca.pem
url=https://localhost:9443
$ENGINE_NET curl -sS -o /dev/null -w '%{http_code} %{redirect_url}\n' http://localhost:9080/room/1 | tee /dev/stderr | grep -qx '308 https://localhost:9443/room/1' || fail "plain HTTP is not redirected"
$ENGINE_NET curl -fsS --cacert "$work/ca.pem" -o /dev/null -D - "$url/" | tr -d '\r' | grep -i '^strict-transport-security: max-age=86400$' || fail "there is no HSTS"
talk 30s
sleep 12
certificate two
within 60 has "two"
echo "the certificate was replaced: $(subject)"
talked
! grep -q '^connections lost' "$work/report" || fail "sockets do not outlast a new certificate"
unset SSL_CERT_FILE HUBBUB_TLS_PORT HUBBUB_TLS_FOLDER
url=http://127.0.0.1:9080
down
