package natsbus

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/driver"
)

// Headers of entries, as the server and we write them.
const (
	// <room>.<sender>.<id>; names hold no dots, so splitKey can take it apart
	headerID       = nats.MsgIdHdr
	headerSeq      = "Nats-Sequence"      // of republished and fetched entries
	headerLast     = "Nats-Last-Sequence" // of republished entries: the one before in the room
	headerSubject  = "Nats-Subject"       // of fetched entries
	headerPending  = "Nats-Num-Pending"
	headerUpTo     = "Nats-UpTo-Sequence"
	headerStatus   = "Status"
	headerDescribe = "Description"
	headerConsumed = "Nats-Last-Consumer" // of a heartbeat: how many entries the consumer has sent
)

// names builds and takes apart the subjects of one stream.
type names struct {
	stream     string
	partitions int
	isPersonal func(room string) bool
	log        string // hub.log.
	live       string
	channel    string
	rpc        string
	member     string
	dead       string
	again      string // see redrive.go
	probe      string
	fence      string
	moved      string // see advance.go
	moving     string
}

func newNames(stream string, partitions int, isPersonal func(room string) bool) names {
	p := strings.ToLower(stream) + "."
	return names{
		stream: stream, partitions: partitions, isPersonal: isPersonal,
		log: p + "log.", live: p + "live.", channel: p + "chan.", rpc: p + "rpc.", member: p + "member.",
		dead: p + "dead.", again: p + "again.", probe: p + "probe.", fence: p + "fence",
		moved: p + "moved.", moving: p + "moving.",
	}
}

func (n names) deadStream() string  { return n.stream + "_DEAD" }
func (n names) movedStream() string { return n.stream + "_MOVED" }
func (n names) stateBucket() string { return n.stream + "_STATE" }

// partition returns the part of the log that a room is in.
func (n names) partition(room string) int { return driver.PartitionOf(room, n.partitions) }

// room returns the subject of a room's log.
func (n names) room(room string) string { return n.log + n.subjectSuffix(room) }

// liveRoom returns the subject of a room's live entries.
func (n names) liveRoom(room string) string { return n.live + n.subjectSuffix(room) }

// subjectSuffix returns what follows the first tokens of a room's subjects. The subjects of
// personal rooms have one token more, so that one subscription matches all of them.
func (n names) subjectSuffix(room string) string {
	p := strconv.Itoa(n.partition(room)) + "."
	if n.isPersonal(room) {
		p += personal
	}
	return p + room
}

const personal = "u."

// livePersonal is the subject of the live entries of all personal rooms.
func (n names) livePersonal() string { return n.live + "*." + personal + "*" }

// inPartition is the subject of the log of all rooms of a partition.
func (n names) inPartition(p int) string { return n.log + strconv.Itoa(p) + ".>" }

// redriven is the subject of the dead letters of a group's partition that were put back.
func (n names) redriven(group string, partition int) string {
	return n.again + group + "." + strconv.Itoa(partition)
}

// roomOf returns the room of one of the stream's subjects, or with live of the subjects of live
// entries.
func (n names) roomOf(prefix, subject string) (string, bool) {
	rest, ok := strings.CutPrefix(subject, prefix)
	if !ok {
		return "", false
	}
	_, room, ok := strings.Cut(rest, ".")
	return strings.TrimPrefix(room, personal), ok
}

// key is what the server recognises a repeated append by.
func key(e bus.NewEntry) string { return e.Room + "." + e.Sender + "." + e.ID }

// splitKey returns the sender and the id in a key. An entry that another program put into the
// stream has none.
func splitKey(key string) (sender, id string) {
	_, rest, _ := strings.Cut(key, ".")
	sender, rest, _ = strings.Cut(rest, ".")
	id, _, _ = strings.Cut(rest, ".") // an entry that Advance moved has its old Seq at the end
	return sender, id
}

// header returns a header's value without the canonicalisation of http.Header.
func header(h nats.Header, name string) string {
	if v := h[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

func headerUint(h nats.Header, name string) uint64 {
	n, _ := strconv.ParseUint(header(h, name), 10, 64)
	return n
}

// fetched returns the entry in a message of the stream. It shares the message's memory.
func (n names) fetched(m *nats.Msg) (bus.Entry, error) {
	room, ok := n.roomOf(n.log, header(m.Header, headerSubject))
	seq := headerUint(m.Header, headerSeq)
	if !ok || seq == 0 {
		return bus.Entry{}, fmt.Errorf("the server sent something that is no entry: %.80q", header(m.Header, headerSubject))
	}
	e := bus.Entry{Room: room, Seq: seq, Data: m.Data}
	e.Sender, e.ID = splitKey(header(m.Header, headerID))
	return e, nil
}
