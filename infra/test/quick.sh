#!/usr/bin/env bash
# Runs the Go tests that need no server: those of packages whose tests import no package that starts
# one.
set -euo pipefail
cd "$(dirname "$0")/../.."
servers='hubbub\.internal/libs/(bus/bustest|bus/natsembed|mongotest|checkout)( |$)'
go list -f '{{.ImportPath}} {{join .TestImports " "}} {{join .XTestImports " "}}' work |
  grep -vE "$servers" | awk 'NF > 1 {print $1}' | xargs go test -vet=off
