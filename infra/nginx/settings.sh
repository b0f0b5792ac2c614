#!/bin/sh
# Writes what of nginx's configuration depends on the surroundings, to DIR (/tmp/nginx). The nginx
# image runs it before nginx, as every script in /docker-entrypoint.d. Variables:
#   HUBBUB_TRUSTED_PROXIES  networks of the proxies in front of nginx, such as 10.0.0.0/8,192.0.2.1: their X-Forwarded-For
#                           and X-Forwarded-Proto count; headers of anybody else are replaced. Empty: nobody's.
#   HUBBUB_PROXY_PROTOCOL   on: every connection begins with the PROXY protocol, and of HUBBUB_TRUSTED_PROXIES it counts.
#   HUBBUB_BASE_PATH        path that everything is under, such as /chat/. What comes without it is answered all the same, for
#                           a proxy in front may take it off. Empty or /: none.
#   HUBBUB_IPV6             off: listen on IPv4 alone; on: on both; empty: on both where there is IPv6.
set -eu
dir=${DIR:-/tmp/nginx}
port=${PORT:-8080}
mkdir -p "$dir"

fail() { echo "hubbub: $*" >&2; exit 1; }
case ${HUBBUB_PROXY_PROTOCOL:=off} in on | off) ;; *) fail "HUBBUB_PROXY_PROTOCOL is $HUBBUB_PROXY_PROTOCOL; it is on or off" ;; esac
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

# A process may open as many files as it has been given, and cannot take more. A WebSocket is two,
# and each connection takes memory beforehand.
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
  # Whether the connection comes from one of them, and by which scheme the client came.
  echo 'geo $realip_remote_addr $hubbub_trusted {'
  echo '    default 0;'
  for n in $networks; do echo "    $n 1;"; done
  echo '}'
  echo 'map "$hubbub_trusted:$http_x_forwarded_proto" $hubbub_scheme {'
  echo '    default $scheme;'
  echo '    "1:https" https;'
  echo '    "1:http" http;'
  echo '}'
} >"$dir/trusted.conf"

options=
[ "$HUBBUB_PROXY_PROTOCOL" = off ] || options=' proxy_protocol'
listen() {
  echo "listen $port$options;"
  if [ "$1" = both ]; then echo "listen [::]:$port$options ipv6only=on;"; fi
  # From 1.25.1 on, HTTP/2 and HTTP/1.1 share a port.
  if nginx -v 2>&1 | awk -F '[/. ]' '{ exit !($4 > 1 || $4 == 1 && ($5 > 25 || $5 == 25 && $6 >= 1)) }'; then echo "http2 on;"; fi
}
case $HUBBUB_IPV6 in
on) listen both >"$dir/listen.conf" ;;
off) listen ipv4 >"$dir/listen.conf" ;;
*)
  # A kernel may know IPv6 and yet refuse its sockets, which only trying finds out.
  listen both >"$dir/listen.conf"
  printf 'error_log stderr; pid %s/try.pid; events {} http { server { include %s/listen.conf; } }\n' "$dir" "$dir" >"$dir/try.conf"
  if [ ! -s /proc/net/if_inet6 ] || nginx -t -c "$dir/try.conf" 2>&1 | grep -q 'socket() \[::\]'; then
    listen ipv4 >"$dir/listen.conf"
  fi
  rm -f "$dir/try.conf" "$dir/try.pid"
  ;;
esac
