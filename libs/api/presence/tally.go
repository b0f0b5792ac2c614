package presence

import "sync"

// Bounds of what a tally holds: batches that are full but not sent yet, and their size in bytes.
// Beyond them changes are dropped, and replicas ask for a snapshot.
const (
	batchBytes = 64 << 10
	maxBatches = 64
)

// Tally is what an edge keeps to report its sessions, and the messages in which it does: a number
// of the last change, how many sessions there are, a digest of all of them, and the changes that
// are not sent yet. It keeps nothing of a session, sends nothing and has no goroutine: Reporter
// does the sending.
//
// Enter, Join, Leave, SetStatus and Exit never block, may be called by any number of goroutines,
// and follow four rules:
//
//   - Change your own table first, and then call: what the snapshot function yields is never older
//     than what was told.
//   - Calls about one session come one after the other, in the order of the changes, Enter first
//     and Exit last.
//   - Call for changes only: a second Join of the same room would count twice in the digest and
//     cost a snapshot.
//   - Say what was: SetStatus takes the old status, Exit the session as it was last told.
type Tally struct {
	edge        string
	incarnation uint64
	snapshot    func(yield func(Session) bool)
	served      snapshots
	overflow    func()        // changes were dropped
	took        func()        // a snapshot was taken
	kick        chan struct{} // a batch is full

	mu     sync.Mutex
	number uint64 // changes so far
	count  uint64 // sessions now
	digest uint64 // of all sessions now
	beat   uint64 // heartbeats so far
	full   []batch
	open   batch
	closed bool // the goodbye is said
}

// batch is a run of encoded changes.
type batch struct {
	from uint64 // number of the change before the first
	n    uint64
	ops  []byte
}

// NewTally returns the tally of a process of an edge that has no session yet. A later process of
// the same edge has a greater incarnation. See NewReporter for snapshot.
func NewTally(edge string, incarnation uint64, snapshot func(yield func(Session) bool)) *Tally {
	return &Tally{edge: edge, incarnation: incarnation, snapshot: snapshot, overflow: func() {}, took: func() {}, kick: make(chan struct{}, 1)}
}

// Incarnation returns what tells this process of the edge from others.
func (t *Tally) Incarnation() uint64 { return t.incarnation }

// Enter tells of a session that has said hello, with the rooms that it is already in.
func (t *Tally) Enter(s Session) {
	d := s.digest()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count++
	t.add(d, func(ops []byte) []byte { return appendEnter(ops, &s) })
}

// Join tells that a session of a user is now in a room. The user's own room need not be told and is
// passed over.
func (t *Tally) Join(id uint64, user, room string) {
	if !counted(user, room) {
		return
	}
	d := RoomFact(id, Hash(room))
	t.mu.Lock()
	defer t.mu.Unlock()
	t.add(d, func(ops []byte) []byte { return appendRoom(ops, opJoin, id, room) })
}

// Leave tells that a session of a user is no longer in a room.
func (t *Tally) Leave(id uint64, user, room string) {
	if !counted(user, room) {
		return
	}
	d := RoomFact(id, Hash(room))
	t.mu.Lock()
	defer t.mu.Unlock()
	t.add(-d, func(ops []byte) []byte { return appendRoom(ops, opLeave, id, room) })
}

// SetStatus tells that a session's status was old and is now st.
func (t *Tally) SetStatus(id uint64, old, st Status) {
	d := StatusFact(id, st) - StatusFact(id, old)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.add(d, func(ops []byte) []byte { return appendStatus(ops, id, st) })
}

// Exit tells that a session has ended. s is the session as it was when it ended: the User, Device
// and Since that Enter told, and the Status and all Rooms that hold (do not Leave them one by one).
// Name is not needed.
func (t *Tally) Exit(s Session) {
	d := s.digest()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count--
	t.add(-d, func(ops []byte) []byte { return appendExit(ops, s.ID) })
}

// Count returns how many sessions were told and have not ended, and the number of the last change.
func (t *Tally) Count() (sessions, number uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.count, t.number
}

// add makes one change. The caller holds mu.
func (t *Tally) add(digest uint64, encode func([]byte) []byte) {
	t.digest += digest
	t.number++
	if t.closed {
		return
	}
	if t.open.ops == nil {
		t.open = batch{from: t.number - 1, ops: make([]byte, 0, 512)}
	}
	t.open.ops = encode(t.open.ops)
	t.open.n++
	if len(t.open.ops) < batchBytes {
		return
	}
	if len(t.full) == maxBatches {
		// Nobody has sent for a long time. The gap in the numbers tells the replicas.
		t.full, t.open = nil, batch{}
		t.overflow()
		return
	}
	t.full, t.open = append(t.full, t.open), batch{}
	select {
	case t.kick <- struct{}{}:
	default:
	}
}

// Changes returns the messages that tell what has changed since the last call, to be sent in this
// order.
func (t *Tally) Changes() [][]byte {
	t.mu.Lock()
	out := t.drain()
	t.mu.Unlock()
	return t.encode(out)
}

// Heartbeat returns what Changes does, and then a heartbeat, which counts all of it: a replica that
// has missed nothing can compare at once.
func (t *Tally) Heartbeat() [][]byte {
	t.mu.Lock()
	out := t.drain()
	t.beat++
	h := Heartbeat{Beat: t.beat, Number: t.number, Count: t.count, DigestVersion: DigestVersion, Digest: t.digest}
	t.mu.Unlock()
	return append(t.encode(out), appendHeartbeat(nil, t.edge, t.incarnation, h))
}

// Goodbye returns the last message: the edge is gone, with all of its sessions. Later changes are
// not kept.
func (t *Tally) Goodbye() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	t.full, t.open = nil, batch{}
	return appendGoodbye(nil, t.edge, t.incarnation)
}

// drain returns the batches that are to be sent now. The caller holds mu.
func (t *Tally) drain() []batch {
	out := t.full
	if t.open.n > 0 {
		out = append(out, t.open)
	}
	t.full, t.open = nil, batch{}
	return out
}

func (t *Tally) encode(batches []batch) [][]byte {
	var out [][]byte
	for _, b := range batches {
		out = append(out, appendChanges(nil, t.edge, t.incarnation, b))
	}
	return out
}
