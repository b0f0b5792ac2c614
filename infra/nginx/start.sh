#!/bin/sh
# The entry point of nginx's container: writes the settings, watches certificates, and starts nginx.
# It replaces the scripts of nginx's own image, which would write to /etc/nginx.
set -eu
here=$(dirname "$0")
"$here/settings.sh"
"$here/renew.sh"
exec "$@"
