package busbench

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"hubbub.internal/libs/bus"
	"hubbub.internal/services/hubbub/rigs/cluster"
)

// TestCommands, in the module's root, measures and kills real servers.

// After its pool is closed, go-redis goes on for a second to dial a server that it could not reach.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}

// log is a log with the entries of one room.
type log struct {
	bus.Log
	entries []bus.Entry
}

func (l log) Replay(context.Context, string, bus.Position, int) (bus.Replayed, error) {
	return bus.Replayed{Entries: l.entries}, nil
}

// TestJudge: judge finds the differences between the log and the acknowledgements.
func TestJudge(t *testing.T) {
	e := func(seq uint64, id string) bus.Entry { return bus.Entry{Room: "r", Sender: "s", Seq: seq, ID: id} }
	for says, entries := range map[string][]bus.Entry{
		"0 lost, 0 doubled, 0 out of order": {e(1, "0"), e(2, "1"), e(3, "2")},
		"1 lost, 0 doubled, 0 out of order": {e(1, "0"), e(2, "1")},
		"0 lost, 1 doubled, 0 out of order": {e(1, "0"), e(2, "1"), e(3, "2"), e(4, "1")},
		"2 lost, 0 doubled, 2 out of order": {e(1, "0"), e(2, "2"), e(3, "1")},
	} {
		var out bytes.Buffer
		err := judge(t.Context(), log{entries: entries}, []*sender{{room: "r", name: "s", acked: []uint64{1, 2, 3}}}, []string{"r"}, &out)
		if !strings.Contains(out.String(), says) || (err == nil) != strings.HasPrefix(says, "0 lost, 0 doubled, 0") {
			t.Errorf("%v: %s, want %s", err, out.String(), says)
		}
	}
}

func TestNoBus(t *testing.T) {
	p, url, err := cluster.StartBus(t.Context(), cluster.Redis, "", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p.Kill()
	cfg := Config{URL: []string{strings.Replace(url, "://", "://:hunter2@", 1)}, Duration: time.Millisecond, InFlight: 1, Rate: 1, Backlog: 1}
	var out bytes.Buffer
	if err := cfg.Execute(t.Context(), &out); err == nil || !strings.Contains(err.Error(), "cannot be reached") || strings.Contains(err.Error()+out.String(), "hunter2") {
		t.Errorf("%v, %s", err, out.String())
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []Config{{}, {Duration: 1, InFlight: 1, Backlog: 1}, {Duration: 1, Rate: 1, Backlog: 1}, {Duration: 1, InFlight: 1, Rate: 1}} {
		if c.Validate() == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
}

// TestCannotBuild: outside of a checkout no nats-server can be built, and Execute returns an error.
func TestCannotBuild(t *testing.T) {
	t.Chdir(t.TempDir())
	cfg := Config{Duration: time.Millisecond, InFlight: 1, Rate: 1, Backlog: 1}
	if err := cfg.Execute(t.Context(), &bytes.Buffer{}); err == nil {
		t.Error("Execute succeeds without a nats-server")
	}
}

// TestPause: the longest pause is that of a single room, whatever other rooms get meanwhile, and
// begins with the room's first entry.
func TestPause(t *testing.T) {
	tk := taking{want: 5, last: map[string]time.Time{"a": {}, "b": {}}, done: make(chan struct{})}
	began := time.Now()
	at := func(ms int, rooms ...string) {
		var batch []bus.Entry
		for _, r := range rooms {
			batch = append(batch, bus.Entry{Room: r})
		}
		tk.record(batch, began.Add(time.Duration(ms)*time.Millisecond))
	}
	at(500, "a", "earlier room")
	at(510, "b")
	at(520, "b")
	at(530, "b")
	select {
	case <-tk.done:
		t.Fatal("done is closed before all entries were consumed")
	default:
	}
	at(545, "a")
	<-tk.done
	if tk.pause != 45*time.Millisecond || tk.count() != 6 {
		t.Errorf("a pause of %s, %d entries", tk.pause, tk.count())
	}
}
