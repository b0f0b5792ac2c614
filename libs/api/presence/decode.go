package presence

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"unicode/utf8"

	"hubbub.internal/libs/chat"
)

// ErrBadReport is returned for a message of an edge that is damaged, of another version, or says
// what cannot be.
var ErrBadReport = errors.New("not a presence report")

// Report is a message of an edge to the replicas: exactly one of Changes, Heartbeat and Goodbye.
// Its slices are valid as long as the message that it was decoded from.
type Report struct {
	Edge        []byte
	Incarnation uint64 // of the edge's process: a later one is greater
	Changes     *Changes
	Heartbeat   *Heartbeat
	Goodbye     bool
}

// Changes are the changes From+1 to From+N of an incarnation, in order. Each assigns a state and
// may be applied again over a newer one, as long as those after it are applied again too.
type Changes struct {
	From uint64
	N    uint64
	ops  []byte
}

// Heartbeat says that an edge is there, and what a replica that has applied every change through
// Number must hold.
type Heartbeat struct {
	Beat          uint64 // 1, 2, … within the incarnation
	Number        uint64 // of the last change
	Count         uint64 // sessions
	DigestVersion uint8  // the Digest says nothing to a release with another DigestVersion
	Digest        uint64 // the sum of all facts
}

// ChangeKind is what a Change does. Other values are of a newer release and are passed over.
type ChangeKind uint8

// The kinds of Change.
const (
	Entered       ChangeKind = opEnter  // the session exists and is just this
	Joined        ChangeKind = opJoin   // the session, if it exists, is in Room
	Left          ChangeKind = opLeave  // the session, if it exists, is not in Room
	StatusChanged ChangeKind = opStatus // the session, if it exists, has Status
	Exited        ChangeKind = opExit   // the session does not exist
)

// Change is one change of a session. Which fields are set depends on Kind. Its byte slices belong
// to the message.
type Change struct {
	Kind ChangeKind
	ID   uint64
	Room []byte // Joined, Left

	User, Name, Device []byte // Entered
	Status             Status // Entered, StatusChanged
	Since              int64  // Entered
	Rooms              [][]byte
}

// DecodeReport checks a message of an edge and returns it; the changes in it are checked one by one
// as Each goes through them. Every error wraps ErrBadReport.
func DecodeReport(msg []byte) (Report, error) {
	d, kind, err := open(msg)
	if err != nil {
		return Report{}, err
	}
	r := Report{Edge: d.id(), Incarnation: d.uvarint()}
	switch kind {
	case kindChanges:
		r.Changes = &Changes{From: d.uvarint(), N: d.uvarint()}
		r.Changes.ops = d.b
		if r.Changes.N == 0 || r.Changes.From+r.Changes.N < r.Changes.From {
			d.bad = true
		}
	case kindHeartbeat:
		r.Heartbeat = &Heartbeat{Beat: d.uvarint(), Number: d.uvarint(), Count: d.uvarint(), DigestVersion: d.byte(), Digest: d.fixed64()}
	case kindGoodbye:
		r.Goodbye = true
	default:
		return Report{}, fmt.Errorf("%w: kind %q", ErrBadReport, kind)
	}
	if d.bad {
		return Report{}, fmt.Errorf("%w: cut short or out of range", ErrBadReport)
	}
	return r, nil
}

// Each decodes the changes one after the other into c, which it reuses, and calls do for each of a
// known kind. It stops at the first that is not right.
func (cs *Changes) Each(c *Change, do func(*Change)) error {
	d := decoder{b: cs.ops}
	for range cs.N {
		kind := d.byte()
		body := decoder{b: d.bytes(len(d.b))}
		if d.bad {
			return fmt.Errorf("%w: fewer changes than told", ErrBadReport)
		}
		if kind < opEnter || kind > opExit {
			continue
		}
		*c = Change{Kind: ChangeKind(kind), ID: body.uvarint(), Rooms: c.Rooms[:0]}
		switch c.Kind {
		case Entered:
			body.facts(c)
			for range body.count(MaxRooms) {
				c.Rooms = append(c.Rooms, body.id())
			}
		case Joined, Left:
			c.Room = body.id()
		case StatusChanged:
			c.Status = StatusOf(body.byte())
		}
		if body.bad {
			return fmt.Errorf("%w: a change of kind %d is not right", ErrBadReport, kind)
		}
		do(c)
	}
	if len(d.b) > 0 {
		return fmt.Errorf("%w: more changes than told", ErrBadReport)
	}
	return nil
}

// open checks version and checksum and returns a decoder of what follows the kind.
func open(msg []byte) (decoder, byte, error) {
	if len(msg) < 6 {
		return decoder{}, 0, fmt.Errorf("%w: %d bytes", ErrBadReport, len(msg))
	}
	if msg[0] != reportVersion {
		return decoder{}, 0, fmt.Errorf("%w: version %d", ErrBadReport, msg[0])
	}
	body := msg[:len(msg)-4]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(msg[len(body):]) {
		return decoder{}, 0, fmt.Errorf("%w: wrong checksum", ErrBadReport)
	}
	return decoder{b: body[2:]}, msg[1], nil
}

// decoder takes values off the front of b. After the first that is not there or not right, bad is
// set and everything is zero.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) fail() { d.bad, d.b = true, nil }

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.fail()
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c
}

func (d *decoder) fixed64() uint64 {
	if len(d.b) < 8 {
		d.fail()
		return 0
	}
	v := binary.LittleEndian.Uint64(d.b)
	d.b = d.b[8:]
	return v
}

// count returns a number of things that follow, at most limit; each takes a byte or more.
func (d *decoder) count(limit int) int {
	n := d.uvarint()
	if n > uint64(limit) || n > uint64(len(d.b)) {
		d.fail()
		return 0
	}
	return int(n)
}

// bytes returns a text of at most limit bytes.
func (d *decoder) bytes(limit int) []byte {
	n := d.uvarint()
	if n > uint64(limit) || n > uint64(len(d.b)) {
		d.fail()
		return nil
	}
	v := d.b[:n:n]
	d.b = d.b[n:]
	return v
}

func (d *decoder) id() []byte {
	v := d.bytes(chat.MaxIDLen)
	if !d.bad && !chat.ValidID(string(v)) { // the conversion does not allocate
		d.fail()
		return nil
	}
	return v
}

// facts takes what appendFacts wrote after the id.
func (d *decoder) facts(c *Change) {
	c.User = d.id()
	c.Name = d.bytes(MaxName)
	c.Device = d.bytes(MaxDevice)
	c.Status = StatusOf(d.byte())
	c.Since = int64(d.uvarint())
	if !utf8.Valid(c.Name) || len(c.Device) > 0 && !chat.ValidID(string(c.Device)) {
		d.fail()
	}
}

// Clone returns a copy that does not share the memory of the message.
func (cs *Changes) Clone() Changes {
	return Changes{From: cs.From, N: cs.N, ops: slices.Clone(cs.ops)}
}
