package presence

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

// ReporterConfig says who reports and how often. Only Edge has to be set.
type ReporterConfig struct {
	Edge      string                // id of the edge, the same after a restart if possible; a valid chat id
	Log       *zap.Logger           // nil: no logs
	Metrics   prometheus.Registerer // nil: no metrics
	Flush     time.Duration         // the longest that a change waits to be sent; 0: 200 ms
	Heartbeat time.Duration         // how often the edge says that it is there; 0: 5 s; a third of the replicas' expiry
}

// Bounds of what a reporter holds: batches that are full but not sent yet, and their size in bytes. Beyond them changes
// are dropped, and replicas ask for a snapshot.
const (
	batchBytes = 64 << 10
	maxBatches = 64
)

// Reporter tells the presence replicas what sockets an edge has. The edge is the only one that knows; the reporter
// keeps nothing of a session: a number of the last change, how many sessions there are, and a digest of all of them.
//
// Enter, Join, Leave, SetStatus and Exit never block, may be called by any number of goroutines, and follow four rules:
//
//   - Change your own table first, and then call: what the snapshot function yields is never older than what was told.
//   - Calls about one session come one after the other, in the order of the changes, Enter first and Exit last.
//   - Call for changes only: a second Join of the same room would count twice in the digest and cost a snapshot.
//   - Say what was: SetStatus takes the old status, Exit the session as it was last told.
type Reporter struct {
	bus         bus.Bus
	log         *zap.Logger
	edge        string
	flush       time.Duration
	heartbeat   time.Duration
	incarnation uint64
	snapshot    func(yield func(Session) bool)
	served      snapshots
	metrics     reporterMetrics
	kick        chan struct{} // a batch is full

	mu     sync.Mutex
	number uint64 // changes so far
	count  uint64 // sessions now
	digest uint64 // of all sessions now
	beat   uint64 // heartbeats so far
	full   []batch
	open   batch
	closed bool // Run has ended: nobody sends any more
}

// batch is a run of encoded changes.
type batch struct {
	from uint64 // number of the change before the first
	n    uint64
	ops  []byte
}

// NewReporter returns the reporter of an edge that has just started and has no session yet. snapshot calls yield for
// every session that the edge has, each at least once in the time of the call, and stops when yield returns false; it
// is called by another goroutine than the edge's loops, may take sessions from several of them one after the other, and
// need not stop them: changes made meanwhile are sorted out by their numbers. yield does not block, and keeps nothing
// of what it is given.
func NewReporter(b bus.Bus, cfg ReporterConfig, snapshot func(yield func(Session) bool)) *Reporter {
	r := &Reporter{
		bus: b, log: cfg.Log, edge: cfg.Edge, flush: cfg.Flush, heartbeat: cfg.Heartbeat, snapshot: snapshot,
		incarnation: uint64(time.Now().UnixMicro()),
		metrics:     newReporterMetrics(cfg.Metrics),
		kick:        make(chan struct{}, 1),
	}
	if r.log == nil {
		r.log = zap.NewNop()
	}
	if r.flush <= 0 {
		r.flush = 200 * time.Millisecond
	}
	if r.heartbeat <= 0 {
		r.heartbeat = 5 * time.Second
	}
	return r
}

// Enter tells of a session that has said hello, with the rooms that it is already in.
func (r *Reporter) Enter(s Session) {
	d := s.digest()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count++
	r.add(d, func(ops []byte) []byte { return appendEnter(ops, &s) })
}

// Join tells that a session of a user is now in a room. The user's own room need not be told and is passed over.
func (r *Reporter) Join(id uint64, user, room string) {
	if !counted(user, room) {
		return
	}
	d := RoomFact(id, Hash(room))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(d, func(ops []byte) []byte { return appendRoom(ops, opJoin, id, room) })
}

// Leave tells that a session of a user is no longer in a room.
func (r *Reporter) Leave(id uint64, user, room string) {
	if !counted(user, room) {
		return
	}
	d := RoomFact(id, Hash(room))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(-d, func(ops []byte) []byte { return appendRoom(ops, opLeave, id, room) })
}

// SetStatus tells that a session's status was old and is now st.
func (r *Reporter) SetStatus(id uint64, old, st Status) {
	d := StatusFact(id, st) - StatusFact(id, old)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(d, func(ops []byte) []byte { return appendStatus(ops, id, st) })
}

// Exit tells that a session has ended. s is the session as it was when it ended: the User, Device and Since that Enter
// told, and the Status and all Rooms that hold (do not Leave them one by one). Name is not needed.
func (r *Reporter) Exit(s Session) {
	d := s.digest()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count--
	r.add(-d, func(ops []byte) []byte { return appendExit(ops, s.ID) })
}

// Count returns how many sessions were told and have not ended, and the number of the last change.
func (r *Reporter) Count() (sessions, number uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count, r.number
}

// add makes one change. The caller holds mu.
func (r *Reporter) add(digest uint64, encode func([]byte) []byte) {
	r.digest += digest
	r.number++
	if r.closed {
		return
	}
	if r.open.ops == nil {
		r.open = batch{from: r.number - 1, ops: make([]byte, 0, 512)}
	}
	r.open.ops = encode(r.open.ops)
	r.open.n++
	if len(r.open.ops) < batchBytes {
		return
	}
	if len(r.full) == maxBatches {
		// Nobody has sent for a long time. The gap in the numbers tells the replicas.
		r.full, r.open = nil, batch{}
		r.metrics.overflows.Inc()
		return
	}
	r.full, r.open = append(r.full, r.open), batch{}
	select {
	case r.kick <- struct{}{}:
	default:
	}
}

// take returns what is to be sent now.
func (r *Reporter) take() []batch {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.full
	if r.open.n > 0 {
		out = append(out, r.open)
	}
	r.full, r.open = nil, batch{}
	return out
}

// Run sends changes and heartbeats and answers replicas that ask for a snapshot, until ctx ends; then it tells the
// replicas that the edge is gone with all of its sessions. It returns nil, or the reason why it could not start.
func (r *Reporter) Run(ctx context.Context) error {
	if !chat.ValidID(r.edge) {
		return fmt.Errorf("edge id %.80q is not valid", r.edge)
	}
	serving, stop := context.WithCancel(ctx)
	var wait sync.WaitGroup
	wait.Go(func() { r.serve(serving) })
	defer wait.Wait()
	defer stop()

	flush, heart := time.NewTicker(r.flush), time.NewTicker(r.heartbeat)
	defer flush.Stop()
	defer heart.Stop()
	r.sendHeartbeat()
	for {
		select {
		case <-ctx.Done():
			r.leave()
			return nil
		case <-r.kick:
			r.sendChanges()
		case <-flush.C:
			r.sendChanges()
			r.served.forget(time.Now())
		case <-heart.C:
			r.sendHeartbeat()
		}
	}
}

func (r *Reporter) sendChanges() {
	for _, b := range r.take() {
		r.publish(appendChanges(nil, r.edge, r.incarnation, b))
	}
}

// sendHeartbeat sends everything that the heartbeat counts before it, so that a replica that has missed nothing can
// compare at once.
func (r *Reporter) sendHeartbeat() {
	r.mu.Lock()
	out := r.full
	if r.open.n > 0 {
		out = append(out, r.open)
	}
	r.full, r.open = nil, batch{}
	r.beat++
	h := Heartbeat{Beat: r.beat, Number: r.number, Count: r.count, DigestVersion: DigestVersion, Digest: r.digest}
	r.mu.Unlock()
	for _, b := range out {
		r.publish(appendChanges(nil, r.edge, r.incarnation, b))
	}
	r.publish(appendHeartbeat(nil, r.edge, r.incarnation, h))
}

// leaveTimeout is how long the end of Run may wait for the bus to have sent the goodbye.
const leaveTimeout = time.Second

func (r *Reporter) leave() {
	r.mu.Lock()
	r.closed = true
	r.full, r.open = nil, batch{}
	r.mu.Unlock()
	r.publish(appendGoodbye(nil, r.edge, r.incarnation))
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	// Publish does not wait; what went round over the bus after it shows that it is out. If not, the sessions expire.
	if err := r.bus.Probe(ctx); err != nil {
		r.log.Warn("the bus may not have taken this edge's goodbye: its sessions will expire instead", zap.Error(err))
	}
}

func (r *Reporter) publish(msg []byte) {
	r.metrics.bytes.Add(float64(len(msg)))
	if err := r.bus.Publish(ChannelEdges, msg); err != nil {
		r.metrics.failures.Inc() // a number is now missing, and replicas that miss it ask
		r.log.Debug("presence report was not sent", zap.Error(err))
	}
}

// ServiceSnapshot returns the name of the service at which a process of an edge answers for its sessions.
func ServiceSnapshot(edge string, incarnation uint64) string {
	return "presence.edge." + edge + "." + strconv.FormatUint(incarnation, 36)
}
