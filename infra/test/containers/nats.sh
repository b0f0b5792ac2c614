# The stack on NATS, by Compose v2.
. infra/test/containers/day.sh
compose_v2
compose=$v2
files=(-f docker-compose.yml -f docker-compose.nats.yml)
ferretdb
day nats
