#!/bin/sh
# Serves the page by Vite, which updates open browsers after a change. The container web of
# docker-compose.override.yml runs it.
set -eu
lock=node_modules/.installed-lock.json
cmp -s package-lock.json "$lock" || { npm ci --no-audit --no-fund && cp package-lock.json "$lock"; }
exec npx vite --host 0.0.0.0 --port 5173 --strictPort
