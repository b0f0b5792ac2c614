// Package chat owns the vocabulary of Hubbub: identifiers, the events of a room, and the codes of
// errors.
//
// It knows no transport, no storage and no encoding beyond the JSON of an event, and it imports the
// standard library only, so that every other package may import it.
package chat

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// MaxIDLen is the greatest length of an id in bytes.
const MaxIDLen = 64

// ControlRoom is the room whose log carries changes of permissions, bans and revocations to every
// service. Like every id that starts with an underscore it is reserved: no client may name it.
const ControlRoom = "_control"

// DefaultRooms are the ids of the public rooms that exist from the first start on, and that every
// user is a member of. Their names may be changed; their ids may not.
var DefaultRooms = []string{"lobby", "random", "help"}

// ValidID reports whether s is an id: one to MaxIDLen bytes of [A-Za-z0-9_-], and therefore safe in
// a bus subject, a Redis key, a path and a URL.
func ValidID(s string) bool {
	if len(s) == 0 || len(s) > MaxIDLen {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// Reserved reports whether a room id is for the services alone.
func Reserved(room string) bool { return strings.HasPrefix(room, "_") }

// NewID returns a new UUIDv7 (RFC 9562 section 5.7) in its text form: ids made later sort later, to
// a quarter of a microsecond (section 6.2, method 3). It is safe for concurrent use.
func NewID() string {
	var u [16]byte
	// never fails: crypto/rand documents that it crashes the program instead
	_, _ = rand.Read(u[8:])
	now := time.Now()
	ms := uint64(now.UnixMilli())
	// of the millisecond, in 1/4096
	fraction := uint64(now.Nanosecond()%1_000_000) << 12 / 1_000_000
	for i := range 6 {
		u[i] = byte(ms >> (40 - 8*i))
	}
	u[6], u[7] = byte(fraction>>8)|0x70, byte(fraction)
	u[8] = u[8]&0x3f | 0x80
	var s [36]byte
	hex.Encode(s[0:8], u[0:4])
	s[8] = '-'
	hex.Encode(s[9:13], u[4:6])
	s[13] = '-'
	hex.Encode(s[14:18], u[6:8])
	s[18] = '-'
	hex.Encode(s[19:23], u[8:10])
	s[23] = '-'
	hex.Encode(s[24:36], u[10:16])
	return string(s[:])
}

// DirectRoom returns the id of the direct room of two users: the same for both orders of its
// arguments.
func DirectRoom(a, b string) string {
	if a > b {
		a, b = b, a
	}
	sum := sha256.Sum256([]byte(a + "," + b))
	return directPrefix + base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:])[:26]
}

// GroupRoom returns the id of the group of some users, which is the same in whatever order they are
// named.
func GroupRoom(users ...string) string {
	users = slices.Clone(users)
	slices.Sort(users)
	sum := sha256.Sum256([]byte(strings.Join(users, ",")))
	return groupPrefix + base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:])[:26]
}

const (
	directPrefix = "d-"
	groupPrefix  = "g-"
)

// IsDirect reports whether a room is one that DirectRoom or GroupRoom names.
func IsDirect(room string) bool { return strings.HasPrefix(room, directPrefix) || IsGroup(room) }

// IsGroup reports whether a room is one that GroupRoom names.
func IsGroup(room string) bool { return strings.HasPrefix(room, groupPrefix) }

// UserRoom returns the id of a user's own room, which all the user's sockets are joined to:
// invitations, removals, mentions and revocations arrive there. Only that user may join it, and
// only services write to it.
func UserRoom(user string) string { return "u-" + user }

// IsUserRoom reports whether a room is one that UserRoom names. There is one for every user, with
// few entries each.
func IsUserRoom(room string) bool { return strings.HasPrefix(room, "u-") }
