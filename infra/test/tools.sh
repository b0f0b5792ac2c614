#!/usr/bin/env bash
# Says in one line what building Hubbub needs and this machine does not have.
set -eu
missing=()
go version >/dev/null 2>&1 || missing+=("Go 1.26 or later (https://go.dev/dl)")
if node --version >/dev/null 2>&1 && npm --version >/dev/null 2>&1; then
  major=$(node --version | sed 's/^v\([0-9]*\).*/\1/')
  [ "$major" -ge 20 ] || missing+=("Node 20 or later; this is $(node --version)")
else
  missing+=("Node 20 or later with npm (https://nodejs.org)")
fi
if [ ${#missing[@]} -gt 0 ]; then
  printf 'Hubbub needs %s\n' "$(printf '%s and ' "${missing[@]}" | sed 's/ and $//')" >&2
  exit 1
fi
