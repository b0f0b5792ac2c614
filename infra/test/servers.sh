#!/usr/bin/env bash
# Installs the servers and the browser that the tests need with apt; without apt it says what to
# install.
set -eu
declare -A package=([redis-server]=redis-server [nginx]=nginx-light [chromium-headless-shell]=chromium-headless-shell [docker-compose]=docker-compose [curl]=curl)
export PATH=$PATH:/usr/sbin
missing=()
for program in "${!package[@]}"; do
  command -v "$program" >/dev/null || missing+=("${package[$program]}")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
  apt-get update -qq
  # RUNLEVEL=1 keeps the packages from starting their servers; the tests start their own.
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
else
  echo "the tests need these Debian packages, or the same programs from elsewhere: ${missing[*]}" >&2
  exit 1
fi
