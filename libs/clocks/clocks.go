// Package clocks finds out that the clocks of the machines differ, and says so to the operator: in
// the log and in metrics.
//
// Every process tells the others its time over the bus. It says nothing that it is not sure of: a
// message cannot arrive before it was sent, so one that does comes from a clock that is ahead,
// however slow the bus is. One that arrives late may have been late, and says nothing; but to
// whoever sent it, ours was early, and it tells us.
package clocks

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

// Channel is the live channel on which processes tell their time.
const Channel = "clocks"

const (
	// Limit is how far another clock may be away before the operator is told.
	Limit = 5 * time.Second
	// every is how often a process tells its time.
	every = 10 * time.Second
	// expiry is how long what another said counts.
	expiry = 3 * every
	// warnEvery is how often at most the operator is told.
	warnEvery = 10 * time.Minute
	// worthTelling is by how much another clock is ahead before it is told that.
	worthTelling = time.Second
	// maxTold is how many others are told so: when more are ahead, ours is wrong rather than
	// theirs.
	maxTold = 100
	// maxNamed is how many clocks a warning names.
	maxNamed = 10
	// maxOthers and maxName bound what is remembered.
	maxOthers, maxName = 10_000, 100
)

// sign is what a process says.
type sign struct {
	ID   string `json:"id"`
	Name string `json:"name"` // for people
	At   int64  `json:"at"`   // its time, UTC ms
	// by id: by how many ms at least another's clock is ahead of its own
	Ahead map[string]int64 `json:"ahead,omitempty"`
}

// other is what is known of another process's clock.
type other struct {
	name   string
	heard  time.Time
	ahead  time.Duration // by how much at least it is ahead of ours; not above 0: that is not known
	behind time.Duration // by how much at least ours is ahead of it, as it says; 0: it says nothing
}

// Watch is this process among the others. Its methods are safe for concurrent use.
type Watch struct {
	live bus.Live
	log  *zap.Logger
	id   string
	name string
	now  func() time.Time

	mu     sync.Mutex
	others map[string]other // by id

	found  bool      // clocks were away at the last look; Run's alone, as is warned
	warned time.Time // zero: never
}

// New returns the watch of a process of the service, which does nothing before Run. metrics may be
// nil.
func New(live bus.Live, service string, log *zap.Logger, metrics prometheus.Registerer) *Watch {
	host, err := os.Hostname()
	if err != nil {
		host = "an unnamed host"
	}
	w := &Watch{
		live: live, log: log, id: chat.NewID(), name: cut(service + " on " + host), now: time.Now, others: make(map[string]other),
	}
	if metrics == nil {
		return w
	}
	for name, gauge := range map[string]struct {
		help  string
		value func(all []other) float64
	}{
		"others": {"Other processes whose time was heard lately.", func(all []other) float64 { return float64(len(all)) }},
		"others_ahead_seconds": {
			"By how much at least the clock of another process is ahead of this one's, of that which is furthest.",
			func(all []other) float64 { return furthest(all, func(o other) time.Duration { return o.ahead }) },
		},
		"others_behind_seconds": {
			"By how much at least the clock of another process is behind this one's, of that which is furthest; 0 if it is less than a second.",
			func(all []other) float64 { return furthest(all, func(o other) time.Duration { return o.behind }) },
		},
	} {
		metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "hubbub", Subsystem: "clock", Name: name, Help: gauge.help,
		}, func() float64 { return gauge.value(w.current()) }))
	}
	return w
}

func furthest(all []other, by func(other) time.Duration) float64 {
	var most time.Duration
	for _, o := range all {
		most = max(most, by(o))
	}
	return most.Seconds()
}

func cut(name string) string { return name[:min(len(name), maxName)] }

// Run tells the time, listens to that of the others, and warns, until ctx ends, when it returns
// nil. A bus that is away is waited for.
func (w *Watch) Run(ctx context.Context) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	var sub bus.Subscription
	for {
		if sub == nil {
			var err error
			if sub, err = w.live.Subscribe(ctx, Channel, w.receive); err != nil {
				sub = nil
				w.log.Debug("cannot subscribe to the clocks of others yet; trying again", zap.Error(err))
			} else {
				defer sub.Stop()
			}
		}
		w.tell()
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		w.look()
	}
}

// tell says what time it is. What does not get through is made up for by the next.
func (w *Watch) tell() {
	s := sign{ID: w.id, Name: w.name}
	w.mu.Lock()
	for id, o := range w.others {
		if o.ahead > worthTelling && len(s.Ahead) < maxTold {
			if s.Ahead == nil {
				s.Ahead = make(map[string]int64)
			}
			s.Ahead[id] = o.ahead.Milliseconds()
		}
	}
	w.mu.Unlock()
	s.At = w.now().UnixMilli()
	if data, err := json.Marshal(s); err == nil { // it cannot fail
		_ = w.live.Publish(Channel, data)
	}
}

// receive takes what another process says. What is none of its messages, such as a newer release's,
// is passed over.
func (w *Watch) receive(data []byte) {
	arrived := w.now()
	var s sign
	if json.Unmarshal(data, &s) != nil || s.At <= 0 || !chat.ValidID(s.ID) || s.ID == w.id {
		return
	}
	o := other{
		name: cut(s.Name), heard: time.Now(), ahead: time.UnixMilli(s.At).Sub(arrived),
		behind: time.Duration(max(0, s.Ahead[w.id])) * time.Millisecond,
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.others[s.ID]; known || len(w.others) < maxOthers {
		w.others[s.ID] = o
	}
}

// current returns the others that were heard lately.
func (w *Watch) current() []other {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []other
	for id, o := range w.others {
		if time.Since(o.heard) >= expiry {
			delete(w.others, id)
			continue
		}
		all = append(all, o)
	}
	return all
}

// look warns if clocks are away, were at the last look, and it was not said lately. In between
// everybody has told the time once more: so it is clear who is away from whom, also when a clock
// has just been set.
func (w *Watch) look() {
	all := w.current()
	away := slices.DeleteFunc(slices.Clone(all), func(o other) bool { return max(o.ahead, o.behind) <= Limit })
	before := w.found
	w.found = len(away) > 0
	if !w.found || !before || !w.warned.IsZero() && time.Since(w.warned) < warnEvery {
		return
	}
	w.warned = time.Now()
	slices.SortFunc(away, func(a, b other) int { return cmp.Compare(max(b.ahead, b.behind), max(a.ahead, a.behind)) })
	var named []string
	for _, o := range away[:min(len(away), maxNamed)] {
		by, where := o.ahead, "ahead of"
		if o.behind > by {
			by, where = o.behind, "behind"
		}
		named = append(named, fmt.Sprintf("%s: %s %s ours", o.name, by.Round(100*time.Millisecond), where))
	}
	message := "the clock of another process is away: have its machine's, and this one's, set by NTP; from a minute on its tokens are refused"
	if len(away) > 1 && len(away) > len(all)/2 {
		message = "this machine's clock is away from those of most other processes: have it set by NTP; from a minute on tokens are refused"
	}
	w.log.Warn(message, zap.Strings("clocks", named), zap.Int("away", len(away)), zap.Int("others", len(all)))
}
