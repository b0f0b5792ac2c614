package directory

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"pgregory.net/rapid"

	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

// told is an entry of the control log, with how much was true of those it concerns when it was
// appended.
type told struct {
	entry bus.Entry
	least map[key]int
	ended string // a log-in
	void  Change // a user, whose tokens are void
}

// model is what is true, and what the cache may believe of it.
type model struct {
	bus   *scripted
	cache *Cache
	truth map[key][]Access // everything that was ever true, in order
	least map[key]int      // the cache may answer what was true from here on
	ended map[string]bool  // the log-ins of whose end the cache was told
	// the users whose tokens from before a time are void, as far as the cache was told
	void  map[string]int64
	all   []told // what the log has
	wrong []string
}

var (
	modelUsers = []string{"ann", "bob"}
	modelRooms = []string{"r1", "r2"}
)

func newModel() *model {
	m := &model{bus: &scripted{}, truth: map[key][]Access{}, least: map[key]int{}, ended: map[string]bool{}, void: map[string]int64{}}
	for _, user := range modelUsers {
		for _, room := range modelRooms {
			m.change(key{user, room})
		}
	}
	m.bus.followed = func() {
		m.believeAll()
		for _, t := range m.all {
			m.hear(t)
		}
	}
	m.bus.answer = func(user, room string) Access { return m.now(key{user, room}) }
	m.cache = NewCache(m.bus, zap.NewNop())
	m.cache.answers.limit = 2 // so that answers grow old
	m.cache.OnChange(func(c Change) {
		// Whoever is told looks at once: what was cached must be gone by then.
		for k := range m.truth {
			if a, ok := m.cache.Cached(k.user, k.room); ok {
				m.check("when told of "+c.Kind+", what is cached", k, a)
			}
		}
	})
	return m
}

func (m *model) now(k key) Access { return m.truth[k][len(m.truth[k])-1] }

func (m *model) fail(format string, args ...any) {
	m.wrong = append(m.wrong, fmt.Sprintf(format, args...))
}

// check holds an answer against what may be believed.
func (m *model) check(how string, k key, a Access) {
	if may := m.truth[k][m.least[k]:]; !slices.Contains(may, a) {
		m.fail("%s of %v is %+v; since what the cache was told it was %+v", how, k, a, may)
	}
}

// change makes another Access true; sixteen in a row differ.
func (m *model) change(k key) {
	n := len(m.truth[k])
	m.truth[k] = append(m.truth[k], Access{Role: roles[n&3], Read: n&1 != 0, Send: n&4 != 0, Direct: n&8 != 0, Small: n&2 != 0})
}

// append appends a change to the control log that is the last thing done to some users' access to a
// room.
func (m *model) append(c Change, concerned ...key) {
	data, err := EncodeChange(c)
	if err != nil {
		panic(err)
	}
	seq := uint64(len(m.all) + 1)
	t := told{entry: bus.Entry{Room: chat.ControlRoom, Seq: seq, ID: strconv.Itoa(int(seq)), Data: data}, least: map[key]int{}, ended: c.Session}
	if c.Kind == ChangeUser && c.Session == "" {
		t.void = c
	}
	for _, k := range concerned {
		t.least[k] = len(m.truth[k]) - 1
	}
	m.all = append(m.all, t)
	m.bus.log = append(m.bus.log, t.entry)
}

// hear takes in that the cache is told who is shut out.
func (m *model) hear(t told) {
	m.ended[t.ended] = true
	m.void[t.void.User] = max(m.void[t.void.User], t.void.At)
}

// deliver tells the cache an entry, which it then has to believe.
func (m *model) deliver(i int) {
	for k, least := range m.all[i].least {
		m.least[k] = max(m.least[k], least)
	}
	m.hear(m.all[i])
	m.bus.contact = time.Now()
	m.bus.follow.Entry(m.all[i].entry)
}

// next delivers the next entry, unless there is none or the bus is away.
func (m *model) next() bool {
	if m.bus.down || m.bus.follow == nil || m.bus.told == len(m.all) {
		return false
	}
	m.bus.told++
	m.deliver(m.bus.told - 1)
	return true
}

// believeAll: nothing of what was true before now is to be answered any more.
func (m *model) believeAll() {
	for k := range m.truth {
		m.least[k] = len(m.truth[k]) - 1
	}
}

// ask asks the cache, and then the cache or the directory.
func (m *model) ask(k key) {
	if a, ok := m.cache.Cached(k.user, k.room); ok {
		m.check("what is cached", k, a)
		if time.Since(m.bus.contact) > maxAge {
			m.fail("%v is answered from memory %s after the last contact", k, time.Since(m.bus.contact))
		}
	}
	a, err := m.cache.Access(context.Background(), k.user, k.room)
	switch {
	case err == nil:
		m.check("the access", k, a)
	case !m.bus.down || chat.CodeOf(err) != chat.CodeUnavailable:
		m.fail("access of %v: %v", k, err)
	}
}

func (m *model) outage(down bool) {
	if !down && time.Since(m.bus.contact) > maxAge {
		m.believeAll() // after so long a silence nothing from before it is believed
	}
	m.bus.down = down
}

// wait lets time pass, and the cache do what it then does.
func (m *model) wait(d time.Duration) {
	m.bus.mu.Unlock()
	defer m.bus.mu.Lock()
	time.Sleep(d)
	synctest.Wait()
}

// step does one thing, which n says.
func (m *model) step(n int) {
	k := key{modelUsers[n&1], modelRooms[n>>1&1]}
	switch n >> 2 % 13 {
	case 0, 1: // somebody's access changes, and is told later
		m.change(k)
		m.append(Change{Kind: ChangeAccess, User: k.user, Room: k.room}, k)
	case 2: // the rules of a room change
		var all []key
		for _, user := range modelUsers {
			m.change(key{user, k.room})
			all = append(all, key{user, k.room})
		}
		m.append(Change{Kind: ChangeRoom, Room: k.room}, all...)
	case 3, 4:
		m.next()
	case 5: // the bus tells again what it has told
		if m.bus.follow != nil && m.bus.told > 0 && !m.bus.down {
			m.deliver(n % m.bus.told)
		}
	case 6, 7:
		m.ask(k)
	case 8: // something comes between the directory's look into its store and its answer
		m.bus.during = func() {
			m.change(k)
			m.append(Change{Kind: ChangeAccess, User: k.user, Room: k.room}, k)
			for n&1 == 0 && m.next() {
			}
			if n&2 == 0 {
				m.rewind()
			}
		}
		m.ask(k)
		m.bus.during = nil
	case 9:
		m.outage(!m.bus.down)
		if m.bus.down && n&1 == 0 { // for too long, and with a change meanwhile
			m.change(k)
			m.append(Change{Kind: ChangeAccess, User: k.user, Room: k.room}, k)
			m.wait(maxAge + time.Millisecond)
			m.ask(k)
			if n&2 == 0 {
				m.outage(false)
				m.wait(probeEvery)
				m.ask(k)
			}
		}
	case 10:
		m.rewind()
	case 11: // somebody logs out
		m.append(Change{Kind: ChangeUser, User: k.user, Session: fmt.Sprint("s", len(m.all)), At: time.Now().UnixMilli()})
	case 12: // somebody is banned from the server
		m.append(Change{Kind: ChangeUser, User: k.user, At: time.Now().UnixMilli()})
	}
}

// rewind takes the log back: what was not told is never told.
func (m *model) rewind() {
	if m.bus.follow == nil || m.bus.down {
		return
	}
	m.all, m.bus.log, m.bus.told = nil, nil, 0
	m.believeAll()
	m.bus.contact = time.Now()
	m.bus.follow.Rewound(chat.ControlRoom, 0)
}

// TestCacheModel lets access change, be told late, again or never, answers cross changes, and the
// bus be away for long, in any order: no answer is from before what the cache was told, nor from
// before a silence that was too long; and when everything is told, every answer is right.
func TestCacheModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		// Drawn before: what fails within the bubble of synctest must not end its goroutine.
		steps := rapid.SliceOfN(rapid.IntRange(0, 4*13-1), 40, 80).Draw(rt, "steps")
		waits := rapid.SliceOfN(rapid.SampledFrom([]time.Duration{0, 0, 0, time.Second, 11 * time.Second, 31 * time.Second}), len(steps), len(steps)).Draw(rt, "waits")
		before := rapid.IntRange(0, 3).Draw(rt, "before")
		down := rapid.Bool().Draw(rt, "down")
		var m *model
		synctest.Test(t, func(t *testing.T) {
			m = newModel()
			for range before { // log-ins that end before the cache is there
				m.step(4 * 11)
			}
			m.bus.down = down
			ctx, cancel := context.WithCancel(t.Context())
			var run sync.WaitGroup
			run.Go(func() { _ = m.cache.Run(ctx) })
			m.bus.mu.Lock()
			m.wait(0)
			for i, n := range steps {
				m.step(n)
				m.wait(waits[i])
			}
			m.outage(false)
			m.wait(2 * probeEvery)
			if err := m.cache.Ready(t.Context()); err != nil {
				m.fail("not ready: %v", err)
			}
			for m.next() {
			}
			for k := range m.truth {
				for _, how := range []string{"asked", "asked again"} {
					if a, err := m.cache.Access(t.Context(), k.user, k.room); err != nil || a != m.now(k) {
						m.fail("%s when all is told, %v is %+v, %v, and not %+v", how, k, a, err, m.now(k))
					}
				}
				if a, ok := m.cache.Cached(k.user, k.room); !ok || a != m.now(k) {
					m.fail("when all is told, %v is not cached: %+v, %v", k, a, ok)
				}
			}
			for i := range 60 {
				s := fmt.Sprint("s", i)
				if got := m.cache.Revoked(auth.Claims{User: "cyd", Session: s}); got != m.ended[s] {
					m.fail("that log-in %s has ended: %v, and the cache was told %v", s, got, m.ended[s])
				}
			}
			for _, user := range modelUsers {
				at := time.UnixMilli(m.void[user])
				for _, issued := range []time.Time{at.Add(-time.Millisecond), at, at.Add(time.Millisecond)} {
					want := m.void[user] > 0 && !issued.After(at)
					if got := m.cache.Revoked(auth.Claims{User: user, Session: "x", Issued: issued}); got != want {
						m.fail("that a token of %s, made %s after the last ban, is void: %v", user, issued.Sub(at), got)
					}
				}
			}
			m.bus.mu.Unlock()
			cancel()
			run.Wait()
			for k := range m.truth {
				if _, ok := m.cache.Cached(k.user, k.room); ok {
					m.fail("%v is answered from memory after the end", k)
				}
			}
		})
		for _, wrong := range m.wrong {
			rt.Error(wrong)
		}
	})
}
