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

	"hubbub.internal/libs/bus/driver"
	"hubbub.internal/libs/bus/follow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// model is a log with live hints that a test may lose, repeat and disorder. Unlike a driver's test
// it can do all of that at will, between any two calls of the engine.
type model struct {
	mu   sync.Mutex
	logs map[string][]driver.Entry
	seq  uint64
	subs map[string]bool
	// of subs: nothing comes, and who subscribes again without ending it changes nothing
	deaf    map[string]bool
	short   int               // the next Heads answer for a room too few
	trimmed map[string]uint64 // through which Seq a room's entries were trimmed
	front   uint64            // through which Seq the log was trimmed, of whichever room
	coarse  bool              // only front is known; see follow.Options
	ids     int
	failing int // so many of the next calls fail
	replays int
	heads   int
	limit   int // entries per replay, if smaller than asked for
	// what was appended at each Seq; a rewind forgets it, a removal does not
	places  map[uint64]driver.Position
	latency time.Duration // of Subscribe
	during  func()        // called once, after the next Replay has read the log
	asking  func()        // called once, before the next Subscribe or Heads
	heading func()        // called once, after the next Heads has read the log
}

func newModel() *model {
	return &model{
		logs: make(map[string][]driver.Entry), subs: make(map[string]bool), deaf: make(map[string]bool), trimmed: make(map[string]uint64),
		places: make(map[uint64]driver.Position), seq: 1000, limit: 1000,
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

// then has do called once, after the next Replay has read the log.
func (m *model) then(do func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.during = do
}

// asked calls asking.
func (m *model) asked() {
	m.mu.Lock()
	asking := m.asking
	m.asking = nil
	m.mu.Unlock()
	if asking != nil {
		asking()
	}
}

func (m *model) Subscribe(_ context.Context, rooms []string) error {
	m.asked()
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
		delete(m.deaf, r)
	}
}

func (m *model) Heads(_ context.Context, rooms []string) ([]follow.Head, error) {
	m.asked()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.heads++
	if err := m.fails(); err != nil {
		return nil, err
	}
	heading := m.heading
	m.heading = nil
	if heading != nil {
		defer func() {
			m.mu.Unlock()
			heading()
			m.mu.Lock()
		}()
	}
	heads := make([]follow.Head, len(rooms))
	for i, r := range rooms {
		if log := m.logs[r]; len(log) > 0 {
			heads[i].Position = driver.Position{Seq: log[len(log)-1].Seq, ID: log[len(log)-1].ID}
		}
		heads[i].Through, heads[i].Front = m.seq, m.trimmed[r]
		if m.coarse {
			heads[i].Front = m.front
		}
	}
	if m.short > 0 {
		m.short--
		return heads[1:], nil
	}
	return heads, nil
}

func (m *model) Replay(_ context.Context, room string, after driver.Position, limit int) (driver.Replayed, error) {
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
		return driver.Replayed{}, err
	}
	log := m.logs[room]
	rep := driver.Replayed{Through: max(m.seq, after.Seq), Truncated: after.Seq < m.trimmed[room] || m.coarse && after.Seq < m.front}
	if p, ok := m.places[after.Seq]; after.Seq > m.seq || ok && after.ID != "" && p.ID != after.ID {
		return driver.Replayed{Rewound: true, Through: m.seq}, nil
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
func (m *model) append(room string) driver.Entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seq++
	m.ids++
	e := driver.Entry{Room: room, Seq: m.seq, Sender: "s", ID: fmt.Sprintf("id%d", m.ids), Data: []byte(fmt.Sprint(m.ids))}
	m.places[e.Seq] = driver.Position{Seq: e.Seq, ID: e.ID}
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
	m.deaf[room] = true
}

func (m *model) subscribed(room string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.subs[room] && !m.deaf[room]
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
		m.front = max(m.front, m.trimmed[room])
		m.logs[room] = slices.Clone(m.logs[room][n:])
	}
}

// trimTo takes the entries of all rooms through a Seq, and returns their ids.
func (m *model) trimTo(seq uint64) (ids []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.front = max(m.front, seq)
	for room, log := range m.logs {
		n := 0
		for n < len(log) && log[n].Seq <= seq {
			ids = append(ids, log[n].ID)
			m.trimmed[room] = log[n].Seq
			n++
		}
		m.logs[room] = slices.Clone(log[n:])
	}
	return ids
}

// rewind makes the whole log lose everything after seq, so that later entries get the same Seqs
// again.
func (m *model) rewind(seq uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seq = seq
	maps.DeleteFunc(m.places, func(s uint64, _ driver.Position) bool { return s > seq })
	for r, log := range m.logs {
		m.logs[r] = slices.DeleteFunc(slices.Clone(log), func(e driver.Entry) bool { return e.Seq > seq })
	}
}

// end returns the last Seq of the log.
func (m *model) end() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.seq
}

func (m *model) fail(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failing = n
}

func (m *model) log(room string) []driver.Entry {
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
	m *model // nil: it does not matter where the log ends

	mu      sync.Mutex
	base    uint64 // where the log ended when it began to follow, or was told of a rewind
	head    uint64
	got     []driver.Entry
	rewinds int
	missed  []uint64
	stopped bool
}

func (f *follower) Entry(e driver.Entry) {
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
	if f.m != nil {
		f.base = f.m.end()
	}
}

func (f *follower) Missed(_ string, through uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	last := f.head
	if len(f.got) > 0 {
		last = f.got[len(f.got)-1].Seq
	}
	if through <= last {
		f.t.Errorf("entries up to %d are missing after %d", through, last)
	}
	f.missed = append(f.missed, through)
	f.head, f.got = through, nil
}

// joined takes the head that Follow returned; entries may have come before.
func (f *follower) joined(head uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.rewinds == 0 && len(f.missed) == 0 && f.head != 0 && f.head != head {
		f.t.Errorf("Follow returned head %d and the first entry came after %d", head, f.head)
	}
	if f.rewinds == 0 && len(f.missed) == 0 {
		f.head = head
	}
}

func (f *follower) seen() (head uint64, got []driver.Entry, rewinds int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.head, slices.Clone(f.got), f.rewinds
}
