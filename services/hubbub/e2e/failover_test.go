package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"hubbub.internal/libs/wire"
	"hubbub.internal/services/hubbub/rigs/cluster"
)

// TestStaleReplica: people talk on two edges while a Redis replica is promoted that lacks the
// last messages. They send nothing again by themselves; still all that was acknowledged is in the
// log and in history in the end, once, in the order of each sender, and no Seq is given to
// something else.
func TestStaleReplica(t *testing.T) {
	t.Parallel()
	// no replica has to have a message before it is acknowledged
	alone := []string{"--bus-replicas", "1"}
	c := startCluster(t, cluster.Config{
		Bus: cluster.Redis, BusNodes: 3, Edges: 2, Presence: 1,
		Args: map[string][]string{"edge": alone, "history": alone, "directory": alone, "presence": alone},
	})
	room := newRoom(t, c)
	people := make([]*person, 4)
	for i := range people {
		people[i] = enter(t, c.URL, "http://"+c.Process(fmt.Sprint("edge-", 1+i%2)).Addr, "stale")
		people[i].join(room)
	}
	stop := make(chan struct{})
	acked := make([]map[uint64]string, len(people)) // by Seq
	var talk sync.WaitGroup
	for i, p := range people {
		acked[i] = make(map[uint64]string)
		talk.Go(func() {
			tick := time.NewTicker(60 * time.Millisecond) // below the rate that a socket is allowed
			defer tick.Stop()
			for n := 0; ; n++ {
				text := fmt.Sprintf("%s %d", p.name, n)
				acked[i][p.send(room, text)] = text
				select {
				case <-stop:
					return
				case <-tick.C:
				}
			}
		})
	}
	flow := func() {
		t.Helper()
		before := people[0].count(room)
		eventually(t, "messages flow", func() bool { return people[0].count(room) > before+40 })
	}
	flow()
	old := promoteStale(t, c.Bus, flow)
	flow()
	close(stop)
	talk.Wait()

	reader := enter(t, c.URL, c.URL, "reader")
	if err := reader.session.JoinRoom(reader.ctx(), room); err != nil {
		t.Fatal(err)
	}
	if _, err := reader.client.Join(reader.ctx(), room, &wire.Position{}); err != nil {
		t.Fatal(err)
	}
	said := 0
	for _, a := range acked {
		said += len(a)
	}
	log := reader.sees(room, said)
	checkOrder(t, log)
	moved := said
	for _, e := range log {
		for _, a := range acked {
			switch text, ok := a[e.Seq]; {
			case ok && text == e.Text:
				moved--
			case ok:
				t.Errorf("Seq %d was that of %q and is that of %q", e.Seq, text, e.Text)
			}
		}
	}
	if moved == 0 {
		t.Errorf("%s was not behind: nothing was lost, and the test has tested nothing", old.Name)
	}
	t.Logf("%d messages, %d of which were lost and have got another Seq", said, moved)
	var page []wire.Event
	for _, m := range reader.page(room) {
		page = append(page, wire.Event{Event: m.Event})
	}
	checkOrder(t, page)
	if len(page) != said {
		t.Errorf("history has %d of %d messages", len(page), said)
	}
}

// promoteStale has the replicas of a primary fall behind, kills the primary when meanwhile has
// returned, and returns it when one of the replicas has taken over.
func promoteStale(t *testing.T, b *cluster.Bus, meanwhile func()) *cluster.Process {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	primary, err := b.Leader(ctx)
	if err != nil {
		t.Fatal(err)
	}
	replicas := slices.DeleteFunc(slices.Clone(b.Nodes), func(p *cluster.Process) bool { return p == primary })
	for _, p := range replicas {
		err = errors.Join(err, p.Pause())
	}
	r := redis.NewClient(&redis.Options{Addr: primary.Addr, Protocol: 2})
	defer r.Close()
	// Alone it takes messages, and what it sends to its replicas does not wait for them in the
	// kernel.
	err = errors.Join(err, r.ConfigSet(ctx, "min-replicas-to-write", "0").Err(), r.ClientKillByFilter(ctx, "TYPE", "replica").Err())
	if err != nil {
		t.Fatal(err)
	}
	meanwhile()
	primary.Kill()
	for _, p := range replicas {
		err = errors.Join(err, p.Resume())
	}
	if err := errors.Join(err, b.Elected(ctx, primary)); err != nil {
		t.Fatal(err)
	}
	return primary
}
