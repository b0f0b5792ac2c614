package presence

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/await"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

// ReporterConfig says who reports and how often. Only Edge has to be set.
type ReporterConfig struct {
	// id of the edge, the same after a restart if possible; a valid chat id
	Edge    string
	Log     *zap.Logger           // nil: no logs
	Metrics prometheus.Registerer // nil: no metrics
	Flush   time.Duration         // the longest that a change waits to be sent; 0: 200 ms
	// how often the edge says that it is there; 0: 5 s; a third of the replicas' expiry
	Heartbeat time.Duration
}

// Reporter tells the presence replicas what sockets an edge has. The edge is the only one that
// knows: see Tally for the calls by which it tells, and their rules.
type Reporter struct {
	*Tally
	bus       bus.Interface
	log       *zap.Logger
	flush     time.Duration
	heartbeat time.Duration
	metrics   reporterMetrics
	seen      *directory.Sightings // of those who hide
	left      *directory.Sightings // of those whose socket has ended
}

// NewReporter returns the reporter of an edge that has just started and has no session yet.
// snapshot calls yield for every session that the edge has, each at least once in the time of the
// call, and stops when yield returns false; it is called by another goroutine than the edge's
// loops, may take sessions from several of them one after the other, and need not stop them:
// changes made meanwhile are sorted out by their numbers. yield does not block, and keeps nothing
// of what it is given.
func NewReporter(b bus.Interface, cfg ReporterConfig, snapshot func(yield func(Session) bool)) *Reporter {
	r := &Reporter{
		Tally: NewTally(cfg.Edge, uint64(time.Now().UnixMicro()), snapshot),
		bus:   b, log: cfg.Log, flush: cfg.Flush, heartbeat: cfg.Heartbeat,
		metrics: newReporterMetrics(cfg.Metrics),
	}
	r.overflow, r.took = r.metrics.overflows.Inc, r.metrics.snapshots.Inc
	if r.log == nil {
		r.log = zap.NewNop()
	}
	r.seen = directory.NewSightings(b, r.log, nil)
	r.left = directory.NewSightings(b, r.log, NewClient(b).Hidden)
	if r.flush <= 0 {
		r.flush = 200 * time.Millisecond
	}
	if r.heartbeat <= 0 {
		r.heartbeat = 5 * time.Second
	}
	return r
}

// Exit tells as Tally.Exit does, and the directory that the user was last seen now, unless nobody
// was to see that: because of this socket, or of another one anywhere.
func (r *Reporter) Exit(s Session) {
	r.Tally.Exit(s)
	if s.Status == Invisible {
		r.left.Forget(s.User) // of another socket, which ended while this one hid the user
		return
	}
	r.left.Saw(s.User, time.Now())
}

// Saw tells the directory that a user was last seen now: for one who becomes invisible. It does not
// block.
func (r *Reporter) Saw(user string) { r.seen.Saw(user, time.Now()) }

// Run sends changes and heartbeats and answers replicas that ask for a snapshot, until ctx ends;
// then it tells the replicas that the edge is gone with all of its sessions. It returns nil, or the
// reason why it could not start.
func (r *Reporter) Run(ctx context.Context) error {
	if !chat.ValidID(r.edge) {
		return fmt.Errorf("edge id %.80q is not valid", r.edge)
	}
	serving, stop := context.WithCancel(ctx)
	var wait sync.WaitGroup
	wait.Go(func() { r.serve(serving) })
	wait.Go(func() { _ = r.seen.Run(serving) }) // they return nil
	wait.Go(func() { _ = r.left.Run(serving) })
	defer wait.Wait()
	defer stop()

	flush, heart := time.NewTicker(r.flush), time.NewTicker(r.heartbeat)
	defer flush.Stop()
	defer heart.Stop()
	r.publish(r.Tally.Heartbeat()...)
	for {
		select {
		case <-ctx.Done():
			r.leave()
			return nil
		case <-r.kick:
			r.publish(r.Changes()...)
		case <-flush.C:
			r.publish(r.Changes()...)
			r.served.forget(time.Now())
		case <-heart.C:
			r.publish(r.Tally.Heartbeat()...)
		}
	}
}

// leaveTimeout is how long the end of Run may wait for the bus to have sent the goodbye.
const leaveTimeout = time.Second

func (r *Reporter) leave() {
	r.publish(r.Goodbye())
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	// Publish does not wait; what went round over the bus after it shows that it is out. If not,
	// the sessions expire.
	if err := r.bus.Probe(ctx); err != nil {
		r.log.Warn("could not tell presence that this edge leaves; its sessions will expire", zap.Error(err))
	}
}

func (r *Reporter) publish(messages ...[]byte) {
	for _, msg := range messages {
		r.metrics.bytes.Add(float64(len(msg)))
		if err := r.bus.Publish(ChannelEdges, msg); err != nil {
			r.metrics.failures.Inc() // a number is now missing, and replicas that miss it ask
			r.log.Debug("could not send a presence report", zap.Error(err))
		}
	}
}

// serve answers replicas until ctx ends.
func (r *Reporter) serve(ctx context.Context) {
	for {
		stop, err := api.Serve(ctx, r.bus, nil, api.AnswerRaw(ServiceSnapshot(r.edge, r.incarnation), r.answer))
		if err == nil {
			<-ctx.Done()
			stop()
			return
		}
		if ctx.Err() != nil || errors.Is(err, bus.ErrClosed) {
			return
		}
		r.log.Warn("cannot serve presence replicas yet; trying again", zap.Error(err))
		if await.Sleep(ctx, r.heartbeat) != nil {
			return
		}
	}
}

func (r *Reporter) answer(_ context.Context, msg []byte) ([]byte, error) { return r.Answer(msg) }

// ServiceSnapshot returns the name of the service at which a process of an edge answers for its
// sessions.
func ServiceSnapshot(edge string, incarnation uint64) string {
	return "presence.edge." + edge + "." + strconv.FormatUint(incarnation, 36)
}
