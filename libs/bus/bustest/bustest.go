// Package bustest checks a driver against the promises of package bus, and starts the servers that
// tests of buses need. It owns the conformance suite, which every driver runs on every kind of
// server; members of a log that are processes of their own and can be killed; and redis-server
// processes (natsembed is the NATS counterpart). It knows no driver. Only tests import it.
package bustest

import (
	"context"
	"errors"
	"testing"
	"time"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

// Env tells the suite about a driver and its server, or servers.
type Env struct {
	// Log makes a new, empty log on the server.
	Log func(t testing.TB, r Retention) Log
	// Kill ends all servers as kill -9 does and returns when they are gone; Start starts them again
	// on the same data. The suite calls them while no other part of it runs. nil: the server runs
	// in the tests' process, and the suite leaves out the tests that kill it.
	Kill, Start func()
	// Pause freezes all servers, with their connections up, and Resume lets them go on; nil: they
	// run in the tests' process.
	Pause, Resume func()
	// Folders returns where the servers keep their data.
	Folders func() []string
	// Addr is the address of the server, if it is the only one; otherwise buses get the servers'
	// own.
	Addr string
	// Replicas: any of several servers answers, and Remove reaches one after the other, within a
	// moment.
	Replicas bool
}

// Log is a log on the server.
type Log struct {
	// Open opens a bus on it, over the proxy at the address via if that is not empty (only with
	// Env.Addr). The suite closes it. Consumers should look for partitions every MemberEvery or so,
	// to keep the suite quick.
	Open func(t testing.TB, via string) bus.Interface
	// Operator opens a bus that names no required groups.
	Operator func(t testing.TB) bus.Interface
	// Spec tells a member process what to open for this log; see Member.
	Spec string
}

// MemberEvery is how often consumers look for partitions that nobody reads.
const MemberEvery = 100 * time.Millisecond

// Retention configures a log. Zero fields: the driver's defaults.
type Retention struct {
	MaxAge    time.Duration
	MaxBytes  int64
	TrimEvery time.Duration
	Groups    []string // the required groups
}

// suite is one run. Its buses are on one log, which all tests share that need no other: each has
// rooms of its own.
type suite struct {
	Env
	log  Log
	open func(t testing.TB) bus.Interface
	bus  bus.Interface
}

// RunAlone checks that Close leaves nothing behind. No other test may run at the same time, since
// goroutines do not say whose they are.
func RunAlone(t *testing.T, env Env) {
	s := &suite{Env: env}
	checkCloseLeavesNothing(t, s)
}

// Run checks every other promise.
func Run(t *testing.T, env Env) {
	s := &suite{Env: env, log: env.Log(t, Retention{})}
	s.open = s.log.opener()
	s.bus = s.open(t)
	t.Run("promises", func(t *testing.T) {
		for _, group := range []map[string]func(*testing.T, *suite){
			appendTests, replayTests, retentionTests, followTests, watchTests, consumeTests, liveTests, rpcTests, lifeTests, s.deaths(), propertyTests,
		} {
			for name, test := range group {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					test(t, s)
				})
			}
		}
	})
	if env.Kill == nil {
		return
	}
	for _, alone := range []struct {
		name string
		test func(*testing.T, *suite)
	}{
		{"a server that is away", checkServerAway},
		{"a server that is killed in mid-stream", checkServerKilled},
		{"a server that is killed after a removal", checkRemovedAndKilled},
		{"a server that is silent", checkServerSilent},
		{"any calls in any order, and crashes", checkAnyFaults},
		{"a store that was put back to an older state", checkStoreRestored},
	} {
		t.Run(alone.name, func(t *testing.T) { alone.test(t, s) })
	}
}

// deaths returns the tests with member processes.
func (s *suite) deaths() map[string]func(*testing.T, *suite) {
	if s.Kill == nil {
		return nil
	}
	return deathTests
}

// opener creates a log, and returns how to open buses on it that are closed when their test ends.
func (e Env) opener(t testing.TB, r Retention) func(t testing.TB) bus.Interface {
	return e.Log(t, r).opener()
}

func (l Log) opener() func(t testing.TB) bus.Interface {
	return func(t testing.TB) bus.Interface {
		t.Helper()
		return l.open(t, "")
	}
}

func (l Log) open(t testing.TB, via string) bus.Interface {
	t.Helper()
	b := l.Open(t, via)
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return b
}

// patience is how long the suite waits for anything.
const patience = 30 * time.Second

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for this: %s", patience, what)
		}
	}
}

// within returns a context that ends with the test, or after the suite's patience.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// name returns a name that no other test uses.
func name(prefix string) string { return prefix + "-" + chat.NewID() }

func entry(room, sender, id string) bus.NewEntry {
	return bus.NewEntry{Room: room, Sender: sender, ID: id, Data: []byte("data of " + id)}
}

// put appends an entry and returns its Seq.
func put(t testing.TB, b bus.Log, e bus.NewEntry) uint64 {
	t.Helper()
	a, _, err := requestWithRetry(t, b, e)
	if err != nil {
		t.Fatalf("append: %v", err)
	}
	return a.Seq
}

// requestWithRetry appends an entry, again and again while the servers find each other, as senders
// do, and reports whether it took more than one try.
func requestWithRetry(t testing.TB, b bus.Log, e bus.NewEntry) (a bus.Appended, again bool, err error) {
	for end := time.Now().Add(patience); ; again = true {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		a, err = bus.Append(ctx, b, e)
		cancel()
		if !errors.Is(err, bus.ErrUnavailable) || time.Now().After(end) {
			return a, again, err
		}
	}
}

// fill appends n entries to a room, in order, and returns them as the log should have them.
func fill(t testing.TB, b bus.Log, room string, n int) []bus.Entry {
	t.Helper()
	var out []bus.Entry
	prev := uint64(0)
	for range n {
		e := entry(room, "ann", chat.NewID())
		seq := put(t, b, e)
		out = append(out, bus.Entry{Room: room, Seq: seq, Prev: prev, Sender: e.Sender, ID: e.ID, Data: e.Data})
		prev = seq
	}
	return out
}

// readAll returns a room's whole log, page by page.
func readAll(t testing.TB, b bus.Log, room string) []bus.Entry {
	t.Helper()
	var out []bus.Entry
	var at bus.Position
	for {
		rep, err := b.Replay(within(t), room, at, 1000)
		if err != nil {
			t.Fatalf("replay: %v", err)
		}
		if rep.Rewound || rep.Truncated {
			t.Fatalf("replay from %v: rewound %v, truncated %v", at, rep.Rewound, rep.Truncated)
		}
		out = append(out, rep.Entries...)
		if !rep.More {
			return out
		}
		last := rep.Entries[len(rep.Entries)-1]
		at = bus.Position{Seq: last.Seq, ID: last.ID}
	}
}
