#!/usr/bin/env bash
# Prints in one line what building Hubbub needs and this machine lacks.
set -eu
missing=()
# Go since 1.21 fetches the version that go.work names; an older one cannot.
[[ "$(go env GOVERSION 2>/dev/null)" =~ ^go1\.([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -ge 26 ] || missing+=("Go 1.26 or later (https://go.dev/dl)")
node="Node 20.19, 22.12 or later with npm (https://nodejs.org)"
if npm --version >/dev/null 2>&1 && [[ "$(node --version 2>/dev/null)" =~ ^v([0-9]+)\.([0-9]+) ]]; then
  major=${BASH_REMATCH[1]} minor=${BASH_REMATCH[2]}
  # Vite needs ^20.19 || >=22.12.
  [ "$major" -gt 22 ] || { [ "$major" = 22 ] && [ "$minor" -ge 12 ]; } || { [ "$major" = 20 ] && [ "$minor" -ge 19 ]; } ||
    missing+=("$node; this is v$major.$minor")
else
  missing+=("$node")
fi
if [ ${#missing[@]} -gt 0 ]; then
  printf 'Hubbub needs %s\n' "$(printf '%s and ' "${missing[@]}" | sed 's/ and $//')" >&2
  exit 1
fi
