#!/bin/sh
# What nginx's container runs, in the place of the scripts of nginx's own image, which would write
# to /etc/nginx: the settings, the watch over certificates, and nginx.
set -eu
here=$(dirname "$0")
"$here/settings.sh"
"$here/renew.sh"
exec "$@"
