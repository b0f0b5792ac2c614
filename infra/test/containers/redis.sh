# The stack on Redis, by Compose 1.29.2.
. infra/test/containers/day.sh
compose=docker-compose
command -v docker-compose >/dev/null || { compose_v2; compose=$v2; cannot "Compose 1.29.2: docker-compose is not installed"; }
files=(-f docker-compose.yml)
ferretdb
day redis
