package follow_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/follow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// model is a log with live hints that a test may lose, repeat and disorder. Unlike a driver's test it can do all of
// that at will, between any two calls of the engine.
type model struct {
	mu      sync.Mutex
	logs    map[string][]bus.Entry
	seq     uint64
	subs    map[string]bool
	trimmed map[string]uint64 // through which Seq a room's entries were trimmed
	ids     int
	failing int // so many of the next calls fail
	replays int
	heads   int
	limit   int                     // entries per replay, if smaller than asked for
	places  map[uint64]bus.Position // what was appended at each Seq; a rewind forgets it, a removal does not
	latency time.Duration           // of Subscribe
	during  func()
}

func newModel() *model {
	return &model{
		logs: make(map[string][]bus.Entry), subs: make(map[string]bool), trimmed: make(map[string]uint64),
		places: make(map[uint64]bus.Position), seq: 1000, limit: 1000,
	}
}

var errModel = errors.New("the model fails this call")

func (m *model) fails() error {
	if m.failing > 0 {
		m.failing--
		return errModel
	}
	return nil
}

func (m *model) Subscribe(_ context.Context, rooms []string) error {
	time.Sleep(m.latency)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.fails(); err != nil {
		return err
	}
	for _, r := range rooms {
		m.subs[r] = true
	}
	return nil
}

func (m *model) SubscribePersonal(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.fails()
}

func (m *model) Unsubscribe(rooms []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range rooms {
		delete(m.subs, r)
	}
}

func (m *model) Heads(_ context.Context, rooms []string) ([]follow.Head, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.heads++
	if err := m.fails(); err != nil {
		return nil, err
	}
	heads := make([]follow.Head, len(rooms))
	for i, r := range rooms {
		if log := m.logs[r]; len(log) > 0 {
			heads[i].Position = bus.Position{Seq: log[len(log)-1].Seq, ID: log[len(log)-1].ID}
		}
		heads[i].Through = m.seq
	}
	return heads, nil
}

func (m *model) Replay(_ context.Context, room string, after bus.Position, limit int) (bus.Replayed, error) {
	m.mu.Lock()
	during := m.during
	m.during = nil
	defer func() {
		m.mu.Unlock()
		if during != nil {
			during()
		}
	}()
	m.replays++
	if err := m.fails(); err != nil {
		return bus.Replayed{}, err
	}
	log := m.logs[room]
	rep := bus.Replayed{Through: max(m.seq, after.Seq), Truncated: after.Seq < m.trimmed[room]}
	if p, ok := m.places[after.Seq]; after.Seq > m.seq || ok && after.ID != "" && p.ID != after.ID {
		return bus.Replayed{Rewound: true, Through: m.seq}, nil
	}
	prev := after.Seq
	for _, e := range log {
		if e.Seq <= after.Seq {
			continue
		}
		if len(rep.Entries) == min(limit, m.limit) {
			rep.More, rep.Through = true, prev
			break
		}
		e.Prev = prev
		prev = e.Seq
		rep.Entries = append(rep.Entries, e)
	}
	return rep, nil
}

// append adds an entry and returns the hint of it.
func (m *model) append(room string) bus.Entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seq++
	m.ids++
	e := bus.Entry{Room: room, Seq: m.seq, Sender: "s", ID: fmt.Sprintf("id%d", m.ids), Data: []byte(fmt.Sprint(m.ids))}
	m.places[e.Seq] = bus.Position{Seq: e.Seq, ID: e.ID}
	if log := m.logs[room]; len(log) > 0 {
		e.Prev = log[len(log)-1].Seq
	}
	m.logs[room] = append(m.logs[room], e)
	return e
}

// drop ends a subscription without a word.
func (m *model) drop(room string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.subs, room)
}

func (m *model) subscribed(room string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.subs[room]
}

// remove erases one entry of a room.
func (m *model) remove(room string, i int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.logs[room] = slices.Delete(m.logs[room], i, i+1)
}

// trim takes the first n entries of a room.
func (m *model) trim(room string, n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n > 0 {
		m.trimmed[room] = m.logs[room][n-1].Seq
		m.logs[room] = slices.Clone(m.logs[room][n:])
	}
}

// rewind makes the whole log lose everything after seq, so that later entries get the same Seqs again.
func (m *model) rewind(seq uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seq = seq
	maps.DeleteFunc(m.places, func(s uint64, _ bus.Position) bool { return s > seq })
	for r, log := range m.logs {
		m.logs[r] = slices.DeleteFunc(slices.Clone(log), func(e bus.Entry) bool { return e.Seq > seq })
	}
}

func (m *model) fail(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failing = n
}

func (m *model) log(room string) []bus.Entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.logs[room])
}

func (m *model) counts() (replays, heads int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.replays, m.heads
}

// follower records what it is told, and complains at once of what must never be.
type follower struct {
	t interface{ Errorf(string, ...any) }

	mu      sync.Mutex
	head    uint64
	got     []bus.Entry
	rewinds int
	stopped bool
}

func (f *follower) Entry(e bus.Entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped {
		f.t.Errorf("entry %d after Stop", e.Seq)
	}
	if f.head == 0 && len(f.got) == 0 {
		f.head = e.Prev // Follow may not have returned yet
	}
	last := f.head
	if len(f.got) > 0 {
		last = f.got[len(f.got)-1].Seq
	}
	if e.Prev != last || e.Seq <= last {
		f.t.Errorf("entry %d with prev %d after %d", e.Seq, e.Prev, last)
	}
	e.Data = slices.Clone(e.Data)
	f.got = append(f.got, e)
}

func (f *follower) Rewound(_ string, head uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.head, f.got = head, nil
	f.rewinds++
}

// joined takes the head that Follow returned; entries may have come before.
func (f *follower) joined(head uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.rewinds == 0 && f.head != 0 && f.head != head {
		f.t.Errorf("Follow returned head %d and the first entry came after %d", head, f.head)
	}
	if f.rewinds == 0 {
		f.head = head
	}
}

func (f *follower) seen() (head uint64, got []bus.Entry, rewinds int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.head, slices.Clone(f.got), f.rewinds
}
