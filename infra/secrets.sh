#!/usr/bin/env bash
# Makes the secrets of the compose files in the folder secrets, or in the one that is given: random
# passwords, the URLs with them, and the users of Redis and NATS with the least rights that Hubbub
# needs. It does not change secrets that exist.
set -eu -o pipefail
dir=${1:-$(dirname "$0")/../secrets}
mkdir -p "$dir"
# Other users cannot enter the folder. The files are readable, since the containers' users read
# them.
chmod 700 "$dir"

# write NAME: standard input becomes that secret, unless there is one.
write() {
  if [ -e "$dir/$1" ]; then
    cat >/dev/null
    echo "kept $dir/$1"
  else
    (umask 077 && cat >"$dir/$1.new")
    chmod 444 "$dir/$1.new"
    mv "$dir/$1.new" "$dir/$1"
    echo "made $dir/$1"
  fi
}
password() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
secret() { tr -d '\r\n' <"$dir/$1"; }
for name in redis_password nats_password mongo_root_password mongo_history_password mongo_directory_password grafana_admin_password; do
  password | write "$name"
done
printf 'redis://hubbub:%s@bus:6379\n' "$(secret redis_password)" | write redis_url
# https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/ ; `health` is for the
# health check. Nobody logs in as default, which is off. It has all rights nevertheless: when Redis
# starts it reads transactions of its append-only file with them, and drops what it may not do,
# silently (https://github.com/redis/redis/issues/14541).
write redis_users <<END
user default off ~* &* +@all
user hubbub on #$(secret redis_password | sha256sum | cut -d ' ' -f 1) resetkeys ~hub:* resetchannels &hub:* -@all +@all -@dangerous +info +role +cluster|shards
user health on >health resetkeys resetchannels -@all +ping
END
# Corrects a file that an earlier release made.
if grep -qx 'user default off' "$dir/redis_users"; then
  (umask 077 && sed 's/^user default off$/user default off ~* \&* +@all/' "$dir/redis_users" >"$dir/redis_users.new")
  chmod 444 "$dir/redis_users.new"
  mv "$dir/redis_users.new" "$dir/redis_users"
  echo "mended $dir/redis_users: recreate the container of Redis (docs/operate.md)"
fi
printf 'nats://hubbub:%s@bus:4222\n' "$(secret nats_password)" | write nats_url
write nats_users <<END
users = [{
  user: hubbub
  password: "$(secret nats_password)"
  permissions: {
    publish: ["hub.>", "\$JS.API.>", "\$JS.FC.>", "\$KV.HUB_STATE.>", "_INBOX.>"]
    subscribe: ["hub.>", "_INBOX.>", "\$JS.EVENT.ADVISORY.STREAM.LEADER_ELECTED.HUB"]
  }
}]
END
for service in history directory; do
  printf 'mongodb://%s:%s@mongo:27017/hubbub?authSource=hubbub\n' "$service" "$(secret mongo_${service}_password)" | write "${service}_store"
done
# The operator fills these in: the URL of a mail server, and the keys that seal the signing keys of
# tokens. A swarm refuses an empty secret, so the file has a newline.
for name in smtp_url key_secrets; do
  echo | write "$name"
done
