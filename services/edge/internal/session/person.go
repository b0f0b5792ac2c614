package session

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"slices"
	"strings"
	"time"

	"hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/auth"
)

// person is who a session is, in 32 bytes and those of the text.
type person struct {
	// user, session (by compact), times of the token (timesSize bytes) and name, one behind the
	// other
	text string
	// the token, in UTC seconds, and the milliseconds in text; later when the directory said last
	// that it is good
	issued  uint32
	hello   uint32 // when it was said, in UTC seconds
	active  uint32 // when the last command came, in ms since the process started
	userEnd uint8
	nameAt  uint8
	dev     uint8 // of devices, and guestBit
	status  uint8 // presence.Status.Code, as the client has set it, and awayBit
}

// timesSize is the size in person.text of the token's life (in seconds, 4 bytes) and of the
// milliseconds within the second in which it was issued (2 bytes).
const timesSize = 6

// awayBit in person.status: shown as idle, by silence.
const awayBit = 1 << 7

// guestBit in person.dev: an account without a password.
const guestBit = 1 << 7

// devices are those that hello may name.
var devices = [...]string{"", "web", "phone", "desktop", "bot"}

func newPerson(c *auth.Claims, device string, now time.Time) *person {
	session := compact(c.Session)
	var times [timesSize]byte
	binary.BigEndian.PutUint32(times[:], uint32(max(0, c.Expires.Unix()-c.Issued.Unix())))
	binary.BigEndian.PutUint16(times[4:], uint16(c.Issued.Nanosecond()/int(time.Millisecond)))
	dev := uint8(max(0, slices.Index(devices[:], device)))
	if c.Guest {
		dev |= guestBit
	}
	return &person{
		text: c.User + session + string(times[:]) + c.Name, issued: uint32(min(max(0, c.Issued.Unix()), math.MaxUint32)), hello: uint32(now.Unix()),
		// ids, so at most 128 together
		userEnd: uint8(len(c.User)), nameAt: uint8(len(c.User) + len(session) + timesSize),
		dev: dev, status: presence.Online.Code(),
	}
}

func (p *person) user() string   { return p.text[:p.userEnd] }
func (p *person) name() string   { return p.text[p.nameAt:] }
func (p *person) device() string { return devices[p.dev&^guestBit] }
func (p *person) guest() bool    { return p.dev&guestBit != 0 }

// since returns when the session said hello, in UTC ms.
func (p *person) since() int64 { return int64(p.hello) * 1000 }

// before reports whether the token was issued before a time in UTC ms.
func (p *person) before(at int64) bool { return int64(p.issued)*1000+p.millis() < at }

// of reports whether this is the session that the directory calls so.
func (p *person) of(session string) bool { return p.compacted() == compact(session) }

func (p *person) compacted() string { return p.text[p.userEnd : p.nameAt-timesSize] }

// session returns the directory's id of the session.
func (p *person) session() string { return expand(p.compacted()) }

// lapsed reports whether the token has run out, or as much time has passed since the directory was
// asked.
func (p *person) lapsed(now time.Time) bool { return now.Unix()-int64(p.issued) >= int64(p.life()) }

// goodAt notes that the directory said at that time, by our clock, that the session goes on. A
// revocation has the time of the directory's clock, which may be behind ours: one that comes a
// moment later is still after what is noted.
func (p *person) goodAt(at time.Time) {
	// of a short life not all
	leeway := min(auth.Leeway.Milliseconds(), int64(p.life())*1000/2)
	// with the milliseconds not after that
	p.issued = max(p.issued, uint32((at.UnixMilli()-leeway-p.millis())/1000))
}

func (p *person) times() string { return p.text[p.nameAt-timesSize : p.nameAt] }

// millis returns the milliseconds that belong to issued.
func (p *person) millis() int64 { return int64(binary.BigEndian.Uint16([]byte(p.times()[4:]))) }

// life returns for how long the token was to be good, in seconds.
func (p *person) life() uint32 {
	return binary.BigEndian.Uint32([]byte(p.times()))
}

// compact returns a UUID of RFC 9562, as directory's ids are, in 16 bytes. Another id stays as it
// is, and is none of these: they have a byte that no id has.
func compact(id string) string {
	var b [16]byte
	if len(id) != 36 || id[8] != '-' || id[13] != '-' || id[18] != '-' || id[23] != '-' {
		return id
	}
	n := 0
	for i := 0; i < len(id); i += 2 {
		if id[i] == '-' {
			i++
		}
		high, low := strings.IndexByte(hexDigits, id[i]), strings.IndexByte(hexDigits, id[i+1])
		if high < 0 || low < 0 {
			return id
		}
		b[n] = byte(high<<4 | low)
		n++
	}
	if b[8]&0xc0 != 0x80 { // the variant
		return id
	}
	return string(b[:])
}

// expand undoes compact.
func expand(id string) string {
	if len(id) != 16 || id[8]&0xc0 != 0x80 {
		return id
	}
	x := hex.EncodeToString([]byte(id))
	return x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
}

const hexDigits = "0123456789abcdef"
