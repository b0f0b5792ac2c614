package presence

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"time"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

const (
	// a chunk is closed when it is longer than this; one session adds at most 270 KB
	chunkBytes   = 192 << 10
	keepSnapshot = 15 * time.Second // how long a snapshot is kept after it was last asked for
	// snapshots kept at the same time: a replica may still be reading the one before
	keepCount = 2
)

// SnapshotRequest asks an edge for a chunk of a snapshot of all its sessions.
type SnapshotRequest struct {
	// the snapshot, as the first chunk named it; 0: one that includes every change through Min
	ID    uint64
	Index uint32 // the chunk, from 0
	Min   uint64
}

// Chunk is a part of a snapshot. A replica that applies every change after From over the whole
// snapshot has, from change To on, exactly what the edge has.
type Chunk struct {
	ID       uint64 // names the snapshot in the requests for the other chunks
	Index    uint32
	Chunks   uint32 // in the snapshot, at least 1
	From     uint64 // number of the last change before the snapshot was begun
	To       uint64 // number of the last change when it was complete
	rooms    [][]byte
	sessions int
	rest     []byte
}

// FetchSnapshot asks a process of an edge for a chunk of a snapshot. Errors are as of bus.RPC; a
// *bus.Error with chat.CodeNotFound says that the snapshot is no longer kept; ErrBadReport that the
// answer cannot be read.
func FetchSnapshot(ctx context.Context, rpc bus.RPC, edge string, incarnation uint64, req SnapshotRequest) (Chunk, error) {
	msg, err := rpc.Request(ctx, ServiceSnapshot(edge, incarnation), AppendSnapshotRequest(nil, req))
	if err != nil {
		return Chunk{}, fmt.Errorf("snapshot of edge %s: %w", edge, err)
	}
	c, err := DecodeChunk(msg, edge, incarnation)
	if err == nil && (c.Index != req.Index || req.ID != 0 && c.ID != req.ID || req.ID == 0 && c.From < req.Min) {
		err = fmt.Errorf("%w: not the chunk that was asked for", ErrBadReport)
	}
	return c, err
}

// Each decodes the sessions one after the other into c, which it reuses, as changes of kind
// Entered, and calls do for each. It stops at the first that is not right.
func (k *Chunk) Each(c *Change, do func(*Change)) error {
	d := decoder{b: k.rest}
	for range k.sessions {
		*c = Change{Kind: Entered, ID: d.uvarint(), Rooms: c.Rooms[:0]}
		d.facts(c)
		for range d.count(MaxRooms) {
			i := d.uvarint()
			if i >= uint64(len(k.rooms)) {
				d.fail()
				break
			}
			c.Rooms = append(c.Rooms, k.rooms[i])
		}
		if d.bad {
			return fmt.Errorf("%w: a session of a snapshot is not right", ErrBadReport)
		}
		do(c)
	}
	if len(d.b) > 0 {
		return fmt.Errorf("%w: a snapshot has more sessions than told", ErrBadReport)
	}
	return nil
}

// AppendSnapshotRequest appends the message of a request, as Tally.Answer takes it, to dst.
func AppendSnapshotRequest(dst []byte, req SnapshotRequest) []byte {
	dst = append(dst, reportVersion)
	dst = binary.AppendUvarint(dst, req.ID)
	dst = binary.AppendUvarint(dst, uint64(req.Index))
	return binary.AppendUvarint(dst, req.Min)
}

func decodeSnapshotRequest(msg []byte) (SnapshotRequest, error) {
	d := decoder{b: msg}
	version, req := d.byte(), SnapshotRequest{ID: d.uvarint(), Index: uint32(d.uvarint()), Min: d.uvarint()}
	if d.bad || version != reportVersion {
		return req, fmt.Errorf("%w: snapshot request", ErrBadReport)
	}
	return req, nil
}

// DecodeChunk checks a chunk that a process of an edge has answered; the sessions in it are checked
// as Each goes through them. Every error wraps ErrBadReport.
func DecodeChunk(msg []byte, edge string, incarnation uint64) (Chunk, error) {
	d, kind, err := open(msg)
	if err != nil {
		return Chunk{}, err
	}
	if kind != kindChunk || string(d.id()) != edge || d.uvarint() != incarnation {
		return Chunk{}, fmt.Errorf("%w: not a snapshot of edge %s", ErrBadReport, edge)
	}
	k := Chunk{ID: d.uvarint(), Index: uint32(d.uvarint()), Chunks: uint32(d.uvarint()), From: d.uvarint(), To: d.uvarint()}
	for range d.count(len(d.b)) {
		k.rooms = append(k.rooms, d.id())
	}
	k.sessions = d.count(len(d.b))
	k.rest = d.b
	if d.bad || k.Index >= k.Chunks || k.To < k.From {
		return Chunk{}, fmt.Errorf("%w: snapshot cut short or out of range", ErrBadReport)
	}
	return k, nil
}

// taken is a whole snapshot, encoded.
type taken struct {
	id, from, to uint64
	chunks       []*chunk
	used         time.Time
}

// chunk is one under construction or complete: rooms are named by their place in a table, since
// most sessions of a chunk are in the same ones.
type chunk struct {
	table    map[string]uint64
	rooms    []byte // the table, encoded
	sessions uint64
	body     []byte
}

func (c *chunk) add(s *Session) {
	c.sessions++
	c.body = appendFacts(c.body, s)
	n := 0
	for _, room := range s.Rooms {
		if counted(s.User, room) {
			n++
		}
	}
	c.body = binary.AppendUvarint(c.body, uint64(n))
	for _, room := range s.Rooms {
		if !counted(s.User, room) {
			continue
		}
		i, ok := c.table[room]
		if !ok {
			i = uint64(len(c.table))
			c.table[room] = i
			c.rooms = appendText(c.rooms, room)
		}
		c.body = binary.AppendUvarint(c.body, i)
	}
}

// snapshots are those that an edge keeps for replicas that are reading them.
type snapshots struct {
	// held while one is built: several replicas that ask at once share it. Locked before mu.
	building sync.Mutex

	mu   sync.Mutex
	last uint64 // id of the newest
	kept []*taken
}

func (s *snapshots) find(id, from uint64) *taken {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range slices.Backward(s.kept) {
		if id != 0 && t.id == id || id == 0 && t.from >= from {
			t.used = time.Now()
			return t
		}
	}
	return nil
}

func (s *snapshots) keep(t *taken) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	t.id, t.used = s.last, time.Now()
	s.kept = append(s.kept, t)
	if len(s.kept) > keepCount {
		s.kept = slices.Delete(s.kept, 0, 1)
	}
}

// forget drops what nobody has asked for lately.
func (s *snapshots) forget(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = slices.DeleteFunc(s.kept, func(t *taken) bool { return now.Sub(t.used) > keepSnapshot })
}

// Answer answers the request of a replica for a chunk of a snapshot. An error is a *bus.Error.
func (t *Tally) Answer(msg []byte) ([]byte, error) {
	req, err := decodeSnapshotRequest(msg)
	if err != nil {
		return nil, &bus.Error{Code: chat.CodeBadRequest, Message: err.Error()}
	}
	if _, number := t.Count(); req.ID == 0 && req.Min > number {
		return nil, &bus.Error{Code: chat.CodeBadRequest, Message: "there is no such change yet"}
	}
	s := t.served.find(req.ID, req.Min)
	if s == nil && req.ID == 0 {
		s = t.takeSnapshot(req.Min)
	}
	if s == nil || int(req.Index) >= len(s.chunks) {
		return nil, &bus.Error{Code: chat.CodeNotFound, Message: "the snapshot is no longer kept"}
	}
	c := s.chunks[req.Index]
	out := make([]byte, 0, len(c.rooms)+len(c.body)+len(t.edge)+96)
	out = appendHead(out, kindChunk, t.edge, t.incarnation)
	for _, v := range [...]uint64{s.id, uint64(req.Index), uint64(len(s.chunks)), s.from, s.to, uint64(len(c.table))} {
		out = binary.AppendUvarint(out, v)
	}
	out = append(out, c.rooms...)
	out = binary.AppendUvarint(out, c.sessions)
	return seal(append(out, c.body...)), nil
}

// takeSnapshot encodes all sessions, unless there is a snapshot already that includes every change
// through from. Changes go on meanwhile: what is yielded has at least every change that was
// numbered before, and may have some that are numbered later, which replicas apply again.
func (t *Tally) takeSnapshot(from uint64) *taken {
	t.served.building.Lock()
	defer t.served.building.Unlock()
	if s := t.served.find(0, from); s != nil {
		return s
	}
	s := &taken{}
	_, s.from = t.Count()
	c := &chunk{table: map[string]uint64{}}
	s.chunks = append(s.chunks, c)
	t.snapshot(func(one Session) bool {
		if len(c.body)+len(c.rooms) > chunkBytes {
			c = &chunk{table: map[string]uint64{}}
			s.chunks = append(s.chunks, c)
		}
		c.add(&one)
		return true
	})
	_, s.to = t.Count()
	t.served.keep(s)
	t.took()
	return s
}
