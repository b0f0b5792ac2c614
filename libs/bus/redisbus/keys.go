package redisbus

import (
	"crypto/sha256"
	"encoding/base64"
	"strconv"

	"hubbub.internal/libs/bus"
)

// keys builds the names of keys and channels.
type keys struct {
	prefix string   // hub:
	tags   []string // hub:{0}: and so on, one for each partition
}

// newKeys returns the names in a database. Channels are shared by all databases of a server, so its number is in the
// names unless it is 0.
func newKeys(prefix string, db, partitions int) keys {
	if db != 0 {
		prefix += strconv.Itoa(db)
	}
	k := keys{prefix: prefix + ":", tags: make([]string, partitions)}
	for i := range k.tags {
		k.tags[i] = k.prefix + "{" + strconv.Itoa(i) + "}:"
	}
	return k
}

// partition returns the part of the log that a room is in (FNV-1a).
func (k keys) partition(room string) int {
	h := uint32(2166136261)
	for i := range len(room) {
		h = (h ^ uint32(room[i])) * 16777619
	}
	return int(h % uint32(len(k.tags)))
}

func (k keys) log(p int) string                 { return k.tags[p] + "log" }
func (k keys) data(p int) string                { return k.tags[p] + "data" }
func (k keys) heads(p int) string               { return k.tags[p] + "heads" }
func (k keys) gone(p int) string                { return k.tags[p] + "gone" }
func (k keys) meta(p int) string                { return k.tags[p] + "meta" }
func (k keys) read(p int) string                { return k.tags[p] + "read" }
func (k keys) room(p int, room string) string   { return k.tags[p] + "room:" + room }
func (k keys) lease(p int, group string) string { return k.tags[p] + "lease:" + group }
func (k keys) dead(p int, group string) string  { return k.tags[p] + "dead:" + group }

func (k keys) config() string                { return k.prefix + "config" }
func (k keys) fence() string                 { return k.prefix + "fence" }
func (k keys) groups() string                { return k.prefix + "groups" }
func (k keys) members(group string) string   { return k.prefix + "members:" + group }
func (k keys) serve(service string) string   { return k.prefix + "serve:" + service }
func (k keys) channel(channel string) string { return k.prefix + "chan:" + channel }
func (k keys) reply(id string) string        { return k.prefix + "reply:" + id }
func (k keys) probe(id string) string        { return k.prefix + "probe:" + id }

// rpc returns what the channels of those who serve begin with; their ids follow.
func (k keys) rpc() string { return k.prefix + "rpc:" }

// once returns the idempotence key of an append. Names hold no dots, so different entries never share one, and 128 bits
// of a hash are shorter than the three ids.
func (k keys) once(p int, e bus.NewEntry) string {
	sum := sha256.Sum256([]byte(e.Room + "." + e.Sender + "." + e.ID))
	return k.tags[p] + "once:" + base64.RawURLEncoding.EncodeToString(sum[:16])
}

// live returns the channel of a room's live entries. The personal rooms of a partition share one.
func (k keys) live(room string) string {
	p := k.partition(room)
	if bus.Personal(room) {
		return k.personal(p)
	}
	return k.tags[p] + "live:" + room
}

func (k keys) personal(p int) string { return k.tags[p] + "personal" }
