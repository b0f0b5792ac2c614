package redisbus_test

import (
	"fmt"
	"slices"
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
func openKeeping(t *testing.T, cfg redisbus.Config) (b *redisbus.Bus, metric func(name string) float64) {
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

// TestStaleReplicaIsMadeUpFor: while people talk without a pause, a replica is promoted that lacks what was acknowledged.
// All of it is in the log in the end, once and in the order of each sender, and no Seq is given again.
func TestStaleReplicaIsMadeUpFor(t *testing.T) {
	t.Parallel()
	r := bustest.Sentinels(t, 1)
	tr := startTraffic(t, redisbus.Config{URL: r.URL(), Follow: never})
	tr.again = true
	quiet, metric := openKeeping(t, redisbus.Config{URL: r.URL(), Follow: never}) // says nothing any more when it happens
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

// TestLostLogIsRestored: a server without its append-only file forgets everything when it is killed; what was said within
// the last seconds comes back by itself.
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

// TestLossUnnoticed: the log is emptied behind the bus's back, and no connection ends: the next append finds out. With the
// log full at that moment, what was acknowledged waits, and what is new waits behind it.
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

// TestRemovedStaysAway: what was removed is not taken for lost, also when its idempotence key has expired.
func TestRemovedStaysAway(t *testing.T) {
	t.Parallel()
	s := bustest.Redis(t)
	b, metric := openKeeping(t, redisbus.Config{URL: s.URL(), Follow: never})
	other := open(t, redisbus.Config{URL: s.URL(), Follow: never})
	seqs := put(t, b, "room", 0, 3)
	if err := other.Remove(t.Context(), "room", seqs[2]); err != nil {
		t.Fatal(err)
	}
	c := raw(t, s)
	keys, err := c.Keys(t.Context(), "hub:*once:*").Result()
	if err != nil || len(keys) != 3 {
		t.Fatal(keys, err)
	}
	if err := c.Del(t.Context(), keys...).Err(); err != nil {
		t.Fatal(err)
	}
	s.Kill()
	s.Start()
	put(t, b, "room", 3, 1)
	put(t, b, "room", 4, 1)
	if got, want := ids(t, b, "room"), []string{"id0", "id1", "id3", "id4"}; !slices.Equal(got, want) {
		t.Errorf("the log has %v, want %v", got, want)
	}
	if n := metric("restored_entries_total"); n != 0 {
		t.Errorf("%v entries were counted as appended again", n)
	}
}

// TestKeptIsGivenBack: what is kept takes bounded memory, and none when nothing has been said for a while.
func TestKeptIsGivenBack(t *testing.T) {
	t.Parallel()
	s := bustest.Redis(t)
	b, metric := openKeeping(t, redisbus.Config{URL: s.URL(), Follow: never, Keep: time.Second, KeepBytes: 1 << 20})
	for i := range 40 {
		e := bus.NewEntry{Room: fmt.Sprint("room", i%4), Sender: "ann", ID: fmt.Sprint(i), Data: make([]byte, 100<<10)}
		if _, err := bus.Append(t.Context(), b, e); err != nil {
			t.Fatal(err)
		}
	}
	if n := metric("kept_bytes"); n <= 0 || n > 1<<20 {
		t.Errorf("%v bytes are kept", n)
	}
	eventually(t, "nothing is kept", func() bool { return metric("kept_bytes") == 0 })
}
