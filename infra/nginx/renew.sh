#!/bin/sh
# Has nginx take a new certificate as soon as it is in the files that HUBBUB_TLS_CERT and
# HUBBUB_TLS_KEY name (settings.sh). start.sh runs it before nginx; it goes on beside it (with the
# argument stay, in the foreground). Workers of the old configuration serve the sockets that they
# have until those end. Files that make no certificate are not taken, and the log says why, once.
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
  failed='' said=''
  while sleep "${EVERY:-2}"; do
    new=$(sum)
    old=$(cat "$dir/tls/sum" 2>/dev/null) || old=
    if [ "$new" = "$old" ]; then continue; fi
    # They are not there yet, or are gone: what is served goes on.
    if [ ! -e "$HUBBUB_TLS_CERT" ] || [ ! -e "$HUBBUB_TLS_KEY" ]; then continue; fi
    # Somebody may be in the middle of writing both.
    if [ "$new" != "$failed" ]; then failed=$new; continue; fi
    if why=$("$settings" 2>&1); then
      kill -HUP "$(cat "$dir/pid")" && echo "hubbub: loaded a new certificate" >&2
    elif [ "$new" != "$said" ]; then
      said=$new
      echo "hubbub: the certificate from before goes on. $why" >&2
    fi
  done
}
if [ "${1:-}" = stay ]; then follow; else follow </dev/null & fi
