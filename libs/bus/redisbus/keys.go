package redisbus

import (
	"crypto/sha256"
	"encoding/base64"
	"strconv"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/driver"
)

// keys builds the names of keys and channels.
type keys struct {
	prefix string   // hub:
	tags   []string // hub:{0}: and so on, one for each partition
	// which rooms share one live channel in each partition
	isPersonal func(room string) bool
}

// newKeys returns the names for a database. All databases of a server share its channels, so the
// names contain the database's number unless it is 0.
func newKeys(prefix string, db, partitions int, isPersonal func(room string) bool) keys {
	if db != 0 {
		prefix += strconv.Itoa(db)
	}
	k := keys{prefix: prefix + ":", tags: make([]string, partitions), isPersonal: isPersonal}
	for i := range k.tags {
		k.tags[i] = k.prefix + "{" + strconv.Itoa(i) + "}:"
	}
	return k
}

// partition returns the part of the log that a room is in, or where another name belongs.
func (k keys) partition(room string) int { return driver.PartitionOf(room, len(k.tags)) }

func (k keys) log(p int) string                 { return k.tags[p] + "log" }
func (k keys) data(p int) string                { return k.tags[p] + "data" }
func (k keys) heads(p int) string               { return k.tags[p] + "heads" }
func (k keys) gone(p int) string                { return k.tags[p] + "gone" }
func (k keys) meta(p int) string                { return k.tags[p] + "meta" }
func (k keys) read(p int) string                { return k.tags[p] + "read" }
func (k keys) room(p int, room string) string   { return k.tags[p] + "room:" + room }
func (k keys) lease(p int, group string) string { return k.tags[p] + "lease:" + group }
func (k keys) dead(p int, group string) string  { return k.tags[p] + "dead:" + group }
func (k keys) again(p int, group string) string { return k.tags[p] + "again:" + group }

func (k keys) fence(p int) string { return k.tags[p] + "fence" }

// never returns a key that is never created. A script that computes keys which it cannot declare
// also declares this one: then a cluster does not run it on a slot that is being moved, where some
// of those keys are gone already.
func (k keys) never(p int) string { return k.tags[p] + "never" }

// A name that is no room is in its own partition; what exists once, in the first.

func (k keys) config() string              { return k.tags[0] + "config" }
func (k keys) groups() string              { return k.tags[0] + "groups" }
func (k keys) members(group string) string { return k.tags[k.partition(group)] + "members:" + group }
func (k keys) serve(service string) string { return k.tags[k.partition(service)] + "serve:" + service }

func (k keys) channel(channel string) string { return k.tags[k.partition(channel)] + "chan:" + channel }
func (k keys) reply(bus string) string       { return k.tags[k.partition(bus)] + "reply:" + bus }

// rpc returns the prefix of the channels of a service's servers; their ids follow.
func (k keys) rpc(service string) string { return k.tags[k.partition(service)] + "rpc:" }

// probe returns the channel of a bus's probes over the connections with a name.
func (k keys) probe(p int, bus, conn string) string { return k.tags[p] + "probe:" + bus + ":" + conn }

// tagged returns the partition of a name that one of these methods has made.
func (k keys) tagged(name string) int {
	tag := name[len(k.prefix)+1:]
	p := 0
	for i := 0; tag[i] != '}'; i++ {
		p = p*10 + int(tag[i]-'0')
	}
	return p
}

// once returns the idempotence key of an append. Names contain no dots, so different entries never
// share a key, and 128 bits of a hash are shorter than the three ids.
func (k keys) once(p int, e bus.NewEntry) string {
	sum := sha256.Sum256([]byte(e.Room + "." + e.Sender + "." + e.ID))
	return k.tags[p] + "once:" + base64.RawURLEncoding.EncodeToString(sum[:16])
}

// live returns the channel of a room's live entries. The personal rooms of a partition share one.
func (k keys) live(room string) string {
	p := k.partition(room)
	if k.isPersonal(room) {
		return k.personal(p)
	}
	return k.tags[p] + "live:" + room
}

func (k keys) personal(p int) string { return k.tags[p] + "personal" }
