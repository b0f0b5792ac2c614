package redisbus_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/bus/redisbus"
)

// TestFailoverLosesNothing: with WAIT, and a primary that takes nothing without a replica, no
// acknowledged message is lost when the primary is killed, is frozen for longer than the Sentinels
// wait, or hands over.
func TestFailoverLosesNothing(t *testing.T) {
	t.Parallel()
	r := bustest.Sentinels(t, 1, "--min-replicas-to-write", "1")
	tr := startTraffic(t, redisbus.Config{URL: r.URL(), Replicas: 2, Follow: never})
	tr.flow()
	old := r.Master()
	old.Kill()
	r.Promoted(old)
	old.StartReplicaOf(r.Master())
	tr.flow()
	r.Failover()
	tr.flow()
	old = r.Master()
	old.Pause()
	r.Promoted(old)
	old.Resume()
	tr.flow()
	tr.check()
}

// TestFailoverToStaleReplica: without WAIT a replica that is behind may be promoted, and what it
// does not have is lost. Then those who have seen it are told, and nothing that comes later is
// taken for something they know.
func TestFailoverToStaleReplica(t *testing.T) {
	t.Parallel()
	r := bustest.Sentinels(t, 1)
	b := open(t, redisbus.Config{URL: r.URL(), Follow: never})
	f := followRoom(t, b, "room")
	kept := put(t, b, "room", 0, 5)
	master, replica := r.Master(), r.Servers[1]
	eventually(t, "the replica has what was said", func() bool {
		offset := func(s *bustest.RedisServer, field string) string { return field + info(t, s)[field] }
		m, s := offset(master, "master_repl_offset"), offset(replica, "master_repl_offset")
		return m == s
	})
	replica.Pause()
	if err := raw(t, master).ClientKillByFilter(t.Context(), "TYPE", "replica").Err(); err != nil {
		t.Fatal(err)
	}
	lost := put(t, b, "room", 5, 20)
	all := slices.Concat(kept, lost)
	eventually(t, "the follower has all", func() bool { got, _ := f.seen(); return slices.Equal(got, all) })
	master.Kill()
	replica.Resume()
	r.Promoted(master)
	fresh := put(t, b, "room", 100, 5)
	if fresh[0] <= lost[len(lost)-1] {
		t.Errorf("Seq %d was given again: %d was lost", fresh[0], lost[len(lost)-1])
	}
	rep, err := b.Replay(t.Context(), "room", bus.Position{Seq: lost[3], ID: "id8"}, 10)
	if err != nil || !rep.Rewound {
		t.Errorf("after a lost entry: %+v, %v; want it told", rep, err)
	}
	rep, err = b.Replay(t.Context(), "room", bus.Position{Seq: kept[4], ID: "id4"}, 10)
	if err != nil || rep.Rewound || len(rep.Entries) != 5 || rep.Entries[0].Seq != fresh[0] {
		t.Errorf("after an entry that was kept: %+v, %v", rep, err)
	}
	eventually(t, "the follower is told", func() bool { _, n := f.seen(); return n > 0 })
	more := put(t, b, "room", 200, 3)
	eventually(t, "and gets what comes then", func() bool {
		got, _ := f.seen()
		return len(got) >= 3 && slices.Equal(got[len(got)-3:], more)
	})
}

// TestTooFewReplicas: the error says what was missing, and the message may be there all the same.
func TestTooFewReplicas(t *testing.T) {
	t.Parallel()
	b := open(t, redisbus.Config{URL: bustest.Redis(t).URL(), Replicas: 2})
	_, err := bus.Append(t.Context(), b, bus.NewEntry{Room: "room", Sender: "ann", ID: "id"})
	if !errors.Is(err, bus.ErrUnavailable) || err.Error() != "bus is unavailable: append: too few replicas have the entry" {
		t.Errorf("%v", err)
	}
	if rep, err := b.Replay(t.Context(), "room", bus.Position{}, 10); err != nil || len(rep.Entries) != 1 {
		t.Errorf("%+v, %v", rep, err)
	}
}

// TestConsumersWaitForReplicas: a consumer is not given what a failover may take back.
func TestConsumersWaitForReplicas(t *testing.T) {
	t.Parallel()
	primary := bustest.Redis(t)
	b := open(t, redisbus.Config{URL: primary.URL(), Replicas: 2})
	var consumed atomic.Int32
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- b.Consume(ctx, "history", func(_ context.Context, batch []bus.Entry) error {
			consumed.Add(int32(len(batch)))
			return nil
		})
	}()
	if _, err := bus.Append(t.Context(), b, bus.NewEntry{Room: "room", Sender: "ann", ID: "id"}); !errors.Is(err, bus.ErrUnavailable) {
		t.Errorf("an append without a replica: %v", err)
	}
	if n := consumed.Load(); n != 0 {
		t.Errorf("%d entries were consumed that no replica has", n)
	}
	bustest.Redis(t, "--replicaof", strings.Replace(primary.Addr(), ":", " ", 1))
	eventually(t, "it is consumed when a replica has it", func() bool { return consumed.Load() == 1 })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestSentinelCutOff: a Sentinel that was cut off and knows an old primary misleads nobody, nor
// does one that is gone.
func TestSentinelCutOff(t *testing.T) {
	t.Parallel()
	r := bustest.Sentinels(t, 1)
	url, stale, old := r.URL(), r.Sentinels[0], r.Master()
	stale.Pause()
	old.Kill()
	r.Sentinels = r.Sentinels[1:]
	r.Promoted(old)
	old.Start() // a primary of its own, until the Sentinels notice
	stale.Resume()
	b := open(t, redisbus.Config{URL: url})
	seqs := put(t, b, "room", 0, 3)
	if n, err := raw(t, r.Master()).ZCard(t.Context(), "hub:"+tagOf("room")+":room:room").Result(); err != nil || n != 3 {
		t.Errorf("the primary has %d entries, %v", n, err)
	}
	stale.Kill()
	seqs = append(seqs, put(t, b, "room", 3, 3)...)
	if rep, err := b.Replay(t.Context(), "room", bus.Position{}, 10); err != nil || len(rep.Entries) != len(seqs) {
		t.Errorf("%+v, %v", rep, err)
	}
}

// info returns what a server says of its replication.
func info(t *testing.T, s *bustest.RedisServer) map[string]string {
	t.Helper()
	m, err := raw(t, s).InfoMap(t.Context(), "replication").Result()
	if err != nil {
		t.Fatal(err)
	}
	return m["Replication"]
}

// TestPromotedServerIsChecked: a replica has settings of its own; when it becomes the primary, what
// is wrong with them is said.
func TestPromotedServerIsChecked(t *testing.T) {
	t.Parallel()
	r := bustest.Sentinels(t, 1)
	core, logs := observer.New(zap.ErrorLevel)
	b, err := redisbus.Open(t.Context(), redisbus.Config{URL: r.URL()}, zap.New(core), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	c := raw(t, r.Servers[1])
	if err := errors.Join(c.ConfigSet(t.Context(), "maxmemory", "1gb").Err(), c.ConfigSet(t.Context(), "maxmemory-policy", "allkeys-lru").Err()); err != nil {
		t.Fatal(err)
	}
	r.Failover()
	eventually(t, "the log says it", func() bool {
		all := logs.FilterMessageSnippet("may be unsuitable").All()
		return len(all) > 0 && strings.Contains(all[0].ContextMap()["error"].(string), "noeviction")
	})
}
