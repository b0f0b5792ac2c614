#!/bin/sh
# Writes the parts of nginx's configuration that depend on the environment to DIR (/tmp/nginx).
# start.sh runs it in the container before nginx. Variables:
#   HUBBUB_TRUSTED_PROXIES  networks of the proxies in front of nginx, such as 10.0.0.0/8,192.0.2.1:
#                           their X-Forwarded-For and X-Forwarded-Proto count; nginx replaces the
#                           headers of others. Empty: no proxy.
#   HUBBUB_PROXY_PROTOCOL   on: every connection begins with the PROXY protocol, which counts from
#                           HUBBUB_TRUSTED_PROXIES.
#   HUBBUB_BASE_PATH        path under which everything is served, such as /chat/. Requests without
#                           it are answered too, since a proxy in front may strip it. Empty or /:
#                           none.
#   HUBBUB_IPV6             off: listen on IPv4 alone; on: on both; empty: on both where there is
#                           IPv6.
#   HUBBUB_TLS              on: HTTPS and wss at port 8443; port 8080 redirects there. renew.sh loads
#                           a new certificate.
#   HUBBUB_TLS_CERT         file (PEM) of the certificate, followed by its intermediates. For further
#                           names, nginx reads names/NAME/cert.pem and key.pem beside it.
#   HUBBUB_TLS_KEY          file (PEM) of its key.
#   HUBBUB_TLS_PORT         port at which clients reach 8443; default 443.
#   HUBBUB_TLS_OCSP         on: nginx staples the OCSP answer of the certificate's responder, so that
#                           browsers need not ask. Nothing is stapled for a certificate without a
#                           responder, or with several certificates.
#   HUBBUB_TLS_ACME         address of `hubbub cert`, such as cert:8080, which answers the
#                           authority's challenges at port 8080 and writes both files. Until they
#                           exist nothing else is served. Empty: no ACME.
#   HUBBUB_HSTS             max-age in seconds of Strict-Transport-Security. 0: no such header;
#                           empty: a day with HUBBUB_TLS, else 0.
set -eu
dir=${DIR:-/tmp/nginx}
port=${PORT:-8080}
secure=${SECURE_PORT:-8443}
conf=${CONF:-/etc/nginx/hubbub}
mkdir -p "$dir"

fail() { echo "hubbub: $*" >&2; exit 1; }
case ${HUBBUB_PROXY_PROTOCOL:=off} in on | off) ;; *) fail "HUBBUB_PROXY_PROTOCOL is $HUBBUB_PROXY_PROTOCOL; it is on or off" ;; esac
case ${HUBBUB_TLS:=off} in on | off) ;; *) fail "HUBBUB_TLS is $HUBBUB_TLS; it is on or off" ;; esac
case ${HUBBUB_TLS_OCSP:=off} in on | off) ;; *) fail "HUBBUB_TLS_OCSP is $HUBBUB_TLS_OCSP; it is on or off" ;; esac
case ${HUBBUB_TLS_PORT:=443} in *[!0-9]* | '') fail "HUBBUB_TLS_PORT is $HUBBUB_TLS_PORT; it is a port, such as 443" ;; esac
case ${HUBBUB_TLS_ACME:=} in *[!A-Za-z0-9._:-]*) fail "HUBBUB_TLS_ACME is $HUBBUB_TLS_ACME; it is an address like cert:8080" ;; esac
if [ -z "${HUBBUB_HSTS:-}" ]; then
  HUBBUB_HSTS=0
  [ "$HUBBUB_TLS" = off ] || HUBBUB_HSTS=86400
fi
case $HUBBUB_HSTS in *[!0-9]*) fail "HUBBUB_HSTS is $HUBBUB_HSTS; it is a number of seconds, such as 31536000" ;; esac
case ${HUBBUB_IPV6:=} in on | off | '') ;; *) fail "HUBBUB_IPV6 is $HUBBUB_IPV6; it is on, off or empty" ;; esac

base=${HUBBUB_BASE_PATH:-/}
case $base in
/*[!A-Za-z0-9._~/-]* | *//* | */.* | [!/]*) fail "HUBBUB_BASE_PATH is $base; it is / or like /chat/, of letters, digits, and . _ ~ -" ;;
esac
base=${base%/}
: >"$dir/base.conf"
if [ -n "$base" ]; then
  pattern=$(echo "$base" | sed 's/[.]/\\./g')
  printf 'rewrite "^%s$" "%s/" permanent;\nrewrite "^%s(/.*)$" "$1";\n' "$pattern" "$base" "$pattern" >"$dir/base.conf"
fi

# nginx cannot open more files than its limit. A WebSocket takes two, and nginx allocates memory for
# each connection at start.
files=$(ulimit -Hn)
case $files in unlimited) files=1048576 ;; esac
connections=$files
[ "$connections" -le 65536 ] || connections=65536
printf 'worker_rlimit_nofile %s;\nevents { worker_connections %s; }\n' "$files" "$connections" >"$dir/files.conf"

networks=$(echo "${HUBBUB_TRUSTED_PROXIES:-}" | tr ',' ' ')
for n in $networks; do
  case $n in *[!0-9A-Fa-f:./]*) fail "HUBBUB_TRUSTED_PROXIES has $n; a network is written like 10.0.0.0/8" ;; esac
done
{
  for n in $networks; do echo "set_real_ip_from $n;"; done
  if [ "$HUBBUB_PROXY_PROTOCOL" = on ]; then
    echo "real_ip_header proxy_protocol;"
  else
    echo "real_ip_header X-Forwarded-For;"
    echo "real_ip_recursive on;"
  fi
  # Whether the connection comes from a trusted proxy, and the scheme that the client used.
  echo 'geo $realip_remote_addr $hubbub_trusted {'
  echo '    default 0;'
  for n in $networks; do echo "    $n 1;"; done
  echo '}'
  echo 'map "$hubbub_trusted:$http_x_forwarded_proto" $hubbub_scheme {'
  echo '    default $scheme;'
  echo '    "1:https" https;'
  echo '    "1:http" http;'
  echo '}'
  echo 'map $hubbub_scheme $hubbub_hsts {'
  echo "    default '';"
  [ "$HUBBUB_HSTS" = 0 ] || echo "    https max-age=$HUBBUB_HSTS;"
  echo '}'
} >"$dir/trusted.conf"

# try SERVER: lets nginx check a configuration with that one server; it writes to $dir alone.
try() {
  {
    echo "error_log stderr; pid $dir/try.pid; events {} http { access_log off;"
    for p in client_body proxy fastcgi uwsgi scgi; do echo "${p}_temp_path $dir/try.$p;"; done
    echo "server { $1 } }"
  } >"$dir/try.conf"
  nginx -e stderr -t -c "$dir/try.conf" 2>&1
}

# A kernel may have IPv6 and still refuse its sockets: only a try shows that.
both=$HUBBUB_IPV6
if [ -z "$both" ]; then
  both=on
  if [ ! -s /proc/net/if_inet6 ] || try "listen [::]:${port##*:} ipv6only=on;" | grep -q 'socket() \[::\]'; then both=off; fi
fi

# listen PORT OPTIONS: the lines of a server that listens there. From 1.25.1 on, HTTP/2 and HTTP/1.1
# share a port of plain HTTP; with TLS they always do. With reuseport the kernel spreads connections
# over the workers. Without it one worker gets nearly all WebSockets, and its limit of files becomes
# the limit of all.
modern=$(nginx -v 2>&1 | awk -F '[/. ]' '{ print (($4 > 1 || $4 == 1 && ($5 > 25 || $5 == 25 && $6 >= 1)) ? 1 : 0) }')
listen() {
  options=$2
  case $modern$2 in 0*ssl*) options="$options http2" ;; esac
  [ "$HUBBUB_PROXY_PROTOCOL" = off ] || options="$options proxy_protocol"
  echo "listen $1$options reuseport;"
  if [ "$both" = on ]; then echo "listen [::]:$1$options ipv6only=on reuseport;"; fi
  if [ "$modern" = 1 ]; then echo "http2 on;"; fi
}

# pair CERT KEY FOLDER: copies a certificate and its key to the folder, if they match.
pair() {
  for f in "HUBBUB_TLS_CERT $1" "HUBBUB_TLS_KEY $2"; do
    name=${f%% *} file=${f#* }
    [ -n "$file" ] || fail "HUBBUB_TLS is on and $name empty; it is the path of a PEM file"
    [ -e "$file" ] || fail "$name is $file, which is not there; it is the path of a PEM file"
    [ -r "$file" ] && [ -f "$file" ] || fail "$name is $file, which user $(id -u), whom nginx runs as, cannot read"
  done
  (umask 077 && mkdir -p "$3" && cat "$1" >"$3/cert.pem" && cat "$2" >"$3/key.pem")
  answer=$(try "listen unix:$dir/try.sock ssl; ssl_certificate $3/cert.pem; ssl_certificate_key $3/key.pem;") || case $answer in
    *"key values mismatch"*) fail "the key in $2 (HUBBUB_TLS_KEY) is not that of the first certificate in $1 (HUBBUB_TLS_CERT): take both from the same renewal, and put the host's certificate before its intermediates" ;;
    *"cannot load certificate key"*) fail "there is no key in $2 (HUBBUB_TLS_KEY) that can be read without a password; it is a PEM file: $answer" ;;
    *) fail "there is no certificate in $1 (HUBBUB_TLS_CERT); it is a PEM file of the certificate, followed by its intermediates: $answer" ;;
  esac
}

# take: copies all certificates and their keys to the folder tls, where nginx can read them and
# nobody changes them. Pairs for further names, each in a
# folder of that name, stand beside the first, as `hubbub cert` writes them.
take() {
  rm -rf "$dir/tls.new"
  further=
  pair "${HUBBUB_TLS_CERT:-}" "${HUBBUB_TLS_KEY:-}" "$dir/tls.new"
  for folder in "$(dirname "$HUBBUB_TLS_CERT")"/names/*; do
    host=${folder##*/}
    case $host in *[!A-Za-z0-9.-]*) continue ;; esac
    if [ ! -e "$folder/cert.pem" ] || [ ! -e "$folder/key.pem" ]; then continue; fi
    pair "$folder/cert.pem" "$folder/key.pem" "$dir/tls.new/names/$host"
    further="$further $host"
  done
  cat "$dir"/tls.new/*.pem "$dir"/tls.new/names/*/*.pem 2>/dev/null | cksum >"$dir/tls.new/sum"
  rm -rf "$dir/tls"
  mv "$dir/tls.new" "$dir/tls"
}

if [ "$HUBBUB_TLS" = off ]; then
  listen "$port" '' >"$dir/listen.conf"
  : >"$dir/plain.conf"
else
  if [ -n "$HUBBUB_TLS_ACME" ] && { [ ! -e "${HUBBUB_TLS_CERT:-}" ] || [ ! -e "${HUBBUB_TLS_KEY:-}" ]; }; then
    # Until there is a certificate the server listens at a socket that no client reaches.
    echo "hubbub: waiting for $HUBBUB_TLS_ACME to get a certificate" >&2
    rest="include $conf/problem.conf; add_header Retry-After 5 always;"
    rest="$rest return 503 '{\"status\":503,\"title\":\"Service Unavailable\",\"code\":\"unavailable\",\"detail\":\"there is no certificate yet\",\"retry_after_ms\":5000}';"
    echo "listen unix:$dir/waiting.sock;" >"$dir/listen.conf"
  else
    take
    suffix=:$HUBBUB_TLS_PORT
    [ "$HUBBUB_TLS_PORT" != 443 ] || suffix=
    rest="return 308 https://\$host$suffix\$request_uri;"
    {
      listen "$secure" ' ssl'
      # With several certificates, the one for the client's SNI, read at each handshake.
      pem=$dir/tls
      [ -z "$further" ] || pem='$hubbub_pem'
      echo "ssl_certificate $pem/cert.pem;"
      echo "ssl_certificate_key $pem/key.pem;"
      # Mozilla's "intermediate" ciphers, https://wiki.mozilla.org/Security/Server_Side_TLS, without
      # finite-field Diffie-Hellman. From 1.23.2 on nginx rotates the keys of tickets itself.
      echo 'ssl_protocols TLSv1.2 TLSv1.3;'
      echo 'ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305;'
      echo 'ssl_prefer_server_ciphers off;'
      echo 'ssl_session_cache shared:tls:10m;'
      echo 'ssl_session_timeout 1d;'
      # nginx asks the responder once an hour, and verifies the answer with the issuer's
      # certificate, which follows the host's own in the file.
      [ "$HUBBUB_TLS_OCSP" = off ] || printf 'ssl_stapling on;\nssl_stapling_verify on;\nssl_trusted_certificate %s;\n' "$dir/tls/cert.pem"
      # Plain HTTP at this port.
      echo 'error_page 497 =308 https://$http_host$request_uri;'
    } >"$dir/listen.conf"
  fi
  {
    if [ -n "${further:-}" ]; then
      echo 'map $ssl_server_name $hubbub_pem {'
      echo "    default $dir/tls;"
      for host in $further; do echo "    $host $dir/tls/names/$host;"; done
      echo '}'
    fi
    echo 'server {'
    listen "$port" ''
    printf '%s\n' 'location = /healthz { access_log off; default_type text/plain; return 200 "ok\n"; }'
    [ -z "$HUBBUB_TLS_ACME" ] || echo "location /.well-known/acme-challenge/ { set \$hubbub_cert $HUBBUB_TLS_ACME; proxy_pass http://\$hubbub_cert; proxy_set_header Host \$host; }"
    printf 'location / { %s }\n' "$rest"
    echo '}'
  } >"$dir/plain.conf"
fi
rm -rf "$dir"/try.*
