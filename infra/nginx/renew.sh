#!/bin/sh
# Loads a new certificate into nginx as soon as it is in the files that HUBBUB_TLS_CERT and
# HUBBUB_TLS_KEY name (settings.sh). start.sh runs it before nginx, and it goes on in the background
# (with the argument stay, in the foreground). Workers of the old configuration serve their sockets
# until those close. Files that are no valid pair are not loaded, and the log says why, once.
set -eu
dir=${DIR:-/tmp/nginx}
settings=${SETTINGS:-$(dirname "$0")/settings.sh}
[ "${HUBBUB_TLS:-off}" = on ] || exit 0

sum() {
  {
    cat "$HUBBUB_TLS_CERT" "$HUBBUB_TLS_KEY"
    for f in "$(dirname "$HUBBUB_TLS_CERT")"/names/*; do
      case ${f##*/} in *[!A-Za-z0-9.-]*) continue ;; esac # as settings.sh does
      [ ! -e "$f/cert.pem" ] || [ ! -e "$f/key.pem" ] || cat "$f/cert.pem" "$f/key.pem"
    done
  } 2>/dev/null | cksum
}
follow() {
  failed='' reported=''
  while sleep "${EVERY:-2}"; do
    new=$(sum)
    old=$(cat "$dir/tls/sum" 2>/dev/null) || old=
    if [ "$new" = "$old" ]; then continue; fi
    # The files are not there yet, or are gone: nginx keeps the certificate that it has.
    if [ ! -e "$HUBBUB_TLS_CERT" ] || [ ! -e "$HUBBUB_TLS_KEY" ]; then continue; fi
    # The writer may have written only one of the two yet.
    if [ "$new" != "$failed" ]; then failed=$new; continue; fi
    if why=$("$settings" 2>&1); then
      kill -HUP "$(cat "$dir/pid")" && echo "hubbub: loaded a new certificate" >&2
    elif [ "$new" != "$reported" ]; then
      reported=$new
      echo "hubbub: nginx keeps its earlier certificate. $why" >&2
    fi
  done
}
if [ "${1:-}" = stay ]; then follow; else follow </dev/null & fi
