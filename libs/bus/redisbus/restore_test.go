package redisbus_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/bus/redisbus"
)

// openKeeping opens a bus that keeps what was acknowledged, and returns how to read its metrics.
func openKeeping(t *testing.T, cfg redisbus.Config) (b *bus.Bus, metric func(name string) float64) {
	t.Helper()
	if cfg.Keep == 0 {
		cfg.Keep = 30 * time.Second
	}
	reg := prometheus.NewRegistry()
	b, err := redisbus.Open(t.Context(), cfg, zaptest.NewLogger(t, zaptest.Level(zap.ErrorLevel)), reg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b, func(name string) float64 {
		t.Helper()
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() == "hubbub_bus_redis_"+name {
				return f.GetMetric()[0].GetCounter().GetValue() + f.GetMetric()[0].GetGauge().GetValue()
			}
		}
		t.Fatal("there is no metric " + name)
		return 0
	}
}

// ids returns the ids of a room's entries.
func ids(t *testing.T, b bus.Log, room string) (all []string) {
	t.Helper()
	for _, e := range whole(t, b, room) {
		all = append(all, e.ID)
	}
	return all
}

func numbered(first, n int) (all []string) {
	for i := first; i < first+n; i++ {
		all = append(all, fmt.Sprint("id", i))
	}
	return all
}

// stale has a replica fall behind: from now on it gets nothing more, and nobody notices.
func stale(t *testing.T, master, replica *bustest.RedisServer) {
	t.Helper()
	replica.Pause()
	if err := raw(t, master).ClientKillByFilter(t.Context(), "TYPE", "replica").Err(); err != nil {
		t.Fatal(err)
	}
}

// TestStaleReplicaIsMadeUpFor: while people talk without a pause, a replica is promoted that lacks
// what was acknowledged. All of it is in the log in the end, once and in the order of each sender,
// and no Seq is given again.
func TestStaleReplicaIsMadeUpFor(t *testing.T) {
	t.Parallel()
	r := bustest.Sentinels(t, 1)
	tr := startTraffic(t, redisbus.Config{URL: r.URL(), Follow: never})
	tr.again = true
	// says nothing any more when it happens
	quiet, metric := openKeeping(t, redisbus.Config{URL: r.URL(), Follow: never})
	tr.flow()
	master, replica := r.Master(), r.Servers[1]
	stale(t, master, replica)
	tr.flow()
	lost := put(t, quiet, "quiet", 0, 50)
	tr.flow()
	master.Kill()
	replica.Resume()
	r.Promoted(master)
	tr.flow()
	tr.check()
	eventually(t, "what nobody follows up is there, too", func() bool { return slices.Equal(ids(t, quiet, "quiet"), numbered(0, 50)) })
	for _, e := range whole(t, quiet, "quiet") {
		if e.Seq <= lost[len(lost)-1] {
			t.Errorf("%s has Seq %d, which is not above what was lost", e.ID, e.Seq)
		}
	}
	if n := metric("restored_entries_total"); n != 50 {
		t.Errorf("%v entries were counted as appended again", n)
	}
}

// TestLostLogIsRestored: a server without its append-only file forgets everything when it is
// killed; what was said within the last seconds comes back by itself.
func TestLostLogIsRestored(t *testing.T) {
	t.Parallel()
	s := bustest.Redis(t, "--appendonly", "no")
	b, _ := openKeeping(t, redisbus.Config{URL: s.URL(), Follow: never})
	followRoom(t, b, "room")
	put(t, b, "room", 0, 20)
	s.Kill()
	s.Start()
	eventually(t, "the log has it again", func() bool { return slices.Equal(ids(t, b, "room"), numbered(0, 20)) })
}

// TestLossUnnoticed: the log is emptied behind the bus's back, and no connection ends: the next
// append finds out. With the log full at that moment, what was acknowledged waits, and what is new
// waits behind it.
func TestLossUnnoticed(t *testing.T) {
	t.Parallel()
	s := bustest.Redis(t)
	b, metric := openKeeping(t, redisbus.Config{URL: s.URL(), Follow: never})
	put(t, b, "room", 0, 20)
	c := raw(t, s)
	if err := c.FlushDB(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	put(t, b, "room", 20, 1) // appended before anybody knew
	want := append(numbered(20, 1), numbered(0, 20)...)
	if got := ids(t, b, "room"); !slices.Equal(got, want) {
		t.Errorf("the log has %v, want %v", got, want)
	}
	pipe := c.TxPipeline()
	pipe.FlushDB(t.Context())
	pipe.HSet(t.Context(), "hub:"+tagOf("room")+":meta", "full", 1)
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	put(t, b, "room", 21, 1)
	want = numbered(0, 22) // in the order in which they were acknowledged
	if got := ids(t, b, "room"); !slices.Equal(got, want) {
		t.Errorf("the log has %v, want %v", got, want)
	}
	if n := metric("restored_entries_total"); n != 41 {
		t.Errorf("%v entries were counted as appended again", n)
	}
}

// TestLossAfterACheck: the server was asked, and had everything. What it loses after that, before
// anything else is appended, is found all the same.
func TestLossAfterACheck(t *testing.T) {
	t.Parallel()
	s := bustest.Redis(t)
	b, _ := openKeeping(t, redisbus.Config{URL: s.URL(), Follow: never})
	put(t, b, "room", 0, 5)
	asked := questions(t, s)
	c := raw(t, s)
	if err := c.ClientKillByFilter(t.Context(), "TYPE", "pubsub").Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the server is asked", func() bool { return questions(t, s) > asked })
	if err := c.FlushDB(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	put(t, b, "room", 5, 1)
	put(t, b, "room", 6, 1)
	got := ids(t, b, "room")
	slices.Sort(got)
	if want := numbered(0, 7); !slices.Equal(got, want) {
		t.Errorf("the log has %v, want %v", got, want)
	}
}

// questions returns how often the server was asked for a field of a hash, as when it is asked
// whether it has an entry.
func questions(t *testing.T, s *bustest.RedisServer) (n int) {
	t.Helper()
	m, err := raw(t, s).InfoMap(t.Context(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	_, _ = fmt.Sscanf(m["Commandstats"]["cmdstat_hget"], "calls=%d,", &n) // 0 if it never was
	return n
}

// TestLossWhileLoading: a server that comes up without its log answers that it is loading, and
// within the same batch takes an append already.
func TestLossWhileLoading(t *testing.T) {
	t.Parallel()
	s := bustest.Redis(t)
	w := bustest.NewProxy(t, s.Addr())
	b, _ := openKeeping(t, redisbus.Config{URL: "redis://" + w.Addr(), Follow: never})
	put(t, b, "room", 0, 5)
	if err := raw(t, s).FlushDB(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	var loading atomic.Bool
	w.Alter(func(answer []byte) []byte {
		if end := bytes.Index(answer, []byte("\r\n")); end > 0 && answer[0] == ':' && loading.CompareAndSwap(false, true) {
			return append([]byte("-LOADING Redis is loading the dataset in memory"), answer[end:]...)
		}
		return answer
	})
	put(t, b, "room", 5, 1)
	if !loading.Load() {
		t.Fatal("the server has not answered that it is loading")
	}
	put(t, b, "room", 6, 1)
	got := ids(t, b, "room")
	slices.Sort(got)
	if want := numbered(0, 7); !slices.Equal(got, want) {
		t.Errorf("the log has %v, want %v", got, want)
	}
}

// TestMuchIsLostFarAway: to find out what is lost takes a server far away, and much that is kept,
// longer than one try may take in all.
func TestMuchIsLostFarAway(t *testing.T) {
	t.Parallel()
	s := bustest.Redis(t)
	w := bustest.NewProxy(t, s.Addr())
	b, metric := openKeeping(t, redisbus.Config{URL: "redis://" + w.Addr(), Follow: never, Partitions: 1})
	const n = 8000
	underWay := make(chan struct{}, 1000) // the bus refuses what is much more
	var wg sync.WaitGroup
	for i := range n {
		wg.Add(1)
		underWay <- struct{}{}
		b.Append(bus.NewEntry{Room: "room", Sender: fmt.Sprint("sender", i), ID: "id"}, func(_ bus.Appended, err error) {
			if err != nil {
				t.Error(err)
			}
			<-underWay
			wg.Done()
		})
	}
	wg.Wait()
	w.Alter(func(answer []byte) []byte { time.Sleep(160 * time.Millisecond); return answer })
	if err := raw(t, s).FlushDB(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	b.Append(bus.NewEntry{Room: "room", Sender: "ann", ID: "id"}, func(bus.Appended, error) {})
	eventually(t, "it is appended again", func() bool { return metric("restored_entries_total") > 0 })
	w.Alter(nil)
	eventually(t, "so is the rest", func() bool { return metric("restored_entries_total") == n })
}

// TestRestoredIsKept: what another process has appended again first is kept here too; that process
// may end.
func TestRestoredIsKept(t *testing.T) {
	t.Parallel()
	s := bustest.Redis(t)
	b, metric := openKeeping(t, redisbus.Config{URL: s.URL(), Follow: never})
	put(t, b, "room", 0, 3)
	c := raw(t, s)
	for n := range 2 {
		if err := c.FlushDB(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			other := open(t, redisbus.Config{URL: s.URL(), Follow: never})
			put(t, other, "room", 0, 3)
			_ = other.Close()
		}
		put(t, b, "room", 3+n, 1)
	}
	got := ids(t, b, "room")
	slices.Sort(got)
	if want := numbered(0, 5); !slices.Equal(got, want) {
		t.Errorf("the log has %v, want %v", got, want)
	}
	if n := metric("restored_entries_total"); n != 4 {
		t.Errorf("%v entries were counted as appended again", n)
	}
}

// TestRepeatWithOtherContent: a repeat changes nothing, also when its content is another one and
// the server forgets its key while it is kept here: that is not taken for a loss.
func TestRepeatWithOtherContent(t *testing.T) {
	t.Parallel()
	s := bustest.Redis(t)
	b, metric := openKeeping(t, redisbus.Config{URL: s.URL(), Follow: never, Keep: time.Second})
	other := open(t, redisbus.Config{URL: s.URL(), Follow: never})
	put(t, other, "room", 0, 1)
	a, err := bus.Append(t.Context(), b, bus.NewEntry{Room: "room", Sender: "ann", ID: "id0", Data: []byte("other data")})
	if err != nil || !a.Duplicate {
		t.Fatal(a, err)
	}
	c := raw(t, s)
	keys, err := c.Keys(t.Context(), "hub:*once:*").Result()
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	if err := c.Del(t.Context(), keys...).Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is kept no more", func() bool { return metric("kept_bytes") == 0 })
	if got, want := ids(t, b, "room"), numbered(0, 1); !slices.Equal(got, want) {
		t.Errorf("the log has %v, want %v", got, want)
	}
}

// TestRestoredBeforeClose: a bus that is closed appends first what the log has lost, although the
// server was restarted and knows no script.
func TestRestoredBeforeClose(t *testing.T) {
	t.Parallel()
	s := bustest.Redis(t)
	b, _ := openKeeping(t, redisbus.Config{URL: s.URL(), Follow: never})
	put(t, b, "room", 0, 20)
	c := raw(t, s)
	if err := errors.Join(c.FlushDB(t.Context()).Err(), c.ScriptFlush(t.Context()).Err()); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b = open(t, redisbus.Config{URL: s.URL(), Follow: never})
	if got, want := ids(t, b, "room"), numbered(0, 20); !slices.Equal(got, want) {
		t.Errorf("the log has %v, want %v", got, want)
	}
}
