#!/bin/sh
# Runs a program under Delve: `infra/dev/debug.sh DLV ADDRESS PROGRAM`. Kills an earlier one first:
# when both are interrupted at once, Delve leaves its program running, and that keeps the ports.
set -eu
for p in /proc/[0-9]*; do
  case $(readlink "$p/exe" 2>/dev/null || true) in "$3" | "$3 (deleted)") kill -9 "${p#/proc/}" 2>/dev/null || true ;; esac
done
exec "$1" exec --headless --listen="$2" --api-version=2 --accept-multiclient --continue "$3"
