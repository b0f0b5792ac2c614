package e2e

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/hubbub/rigs/cluster"
)

// newRoom makes a public room of which everybody may be a member, and returns its id: each test has
// its own.
func newRoom(t *testing.T, c *cluster.Cluster) string {
	t.Helper()
	owner := newAccount(t, c.URL, "owner")
	r, err := owner.session.CreateRoom(t.Context(), "room "+owner.name, "", false)
	if err != nil {
		t.Fatal(err)
	}
	return r.ID
}

// talkUntil makes everybody send a message every now and then until stop is closed, and returns how
// many that were.
func talkUntil(t *testing.T, people []*person, room string, stop <-chan struct{}) int {
	t.Helper()
	sent := make([]int, len(people))
	var wait sync.WaitGroup
	for i, p := range people {
		wait.Go(func() {
			// Well below the rate that a socket is allowed.
			for tick := time.NewTicker(80 * time.Millisecond); ; <-tick.C {
				select {
				case <-stop:
					tick.Stop()
					return
				default:
				}
				p.send(room, fmt.Sprintf("%s %d", p.name, sent[i]))
				sent[i]++
			}
		})
	}
	wait.Wait()
	n := 0
	for _, s := range sent {
		n += s
	}
	return n
}

// whileKilling makes people talk while processes are killed (SIGKILL) and started again, one after
// the other, each only when messages flow; then all that was said must be there, once, in order.
func whileKilling(t *testing.T, people []*person, room string, kill ...*cluster.Process) {
	t.Helper()
	var steps []func()
	for _, p := range kill {
		steps = append(steps, func() {
			p.Kill()
			if err := p.Start(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
		})
	}
	whileTalking(t, people, room, steps...)
}

// whileTalking is whileKilling with other things to do.
func whileTalking(t *testing.T, people []*person, room string, steps ...func()) {
	t.Helper()
	stop := make(chan struct{})
	said := make(chan int, 1)
	go func() { said <- talkUntil(t, people, room, stop) }()
	for _, do := range steps {
		before := people[0].count(room)
		eventually(t, "messages flow", func() bool { return people[0].count(room) > before+len(people) })
		if do(); t.Failed() {
			break
		}
	}
	close(stop)
	checkAll(t, people, room, <-said)
}

// talk makes everybody send so many messages, all at once.
func talk(t *testing.T, people []*person, room string, each int) {
	t.Helper()
	var wait sync.WaitGroup
	for _, p := range people {
		wait.Go(func() {
			for i := range each {
				p.send(room, fmt.Sprintf("%s %d", p.name, i))
			}
		})
	}
	wait.Wait()
}

// checkAll holds that everybody, and history, has all n messages, once, in one order.
func checkAll(t *testing.T, people []*person, room string, n int) {
	t.Helper()
	want := people[0].sees(room, n)
	checkOrder(t, want)
	for _, p := range people[1:] {
		if got := p.sees(room, n); !slices.EqualFunc(got, want, samePosition) {
			t.Errorf("%s sees another order than %s", p.name, people[0].name)
		}
	}
	if got := seqs(people[0].page(room)); !slices.Equal(got, positions(want)) {
		t.Errorf("history has %d messages, and not those that were seen", len(got))
	}
}

// checkOrder holds that messages stand in the order of Seq, each once, and each sender's in the
// order of sending.
func checkOrder(t *testing.T, all []wire.Event) {
	t.Helper()
	next := map[string]int{}
	for i, e := range all {
		if i > 0 && e.Seq <= all[i-1].Seq {
			t.Errorf("seq %d comes after %d", e.Seq, all[i-1].Seq)
		}
		if want := fmt.Sprintf("%s %d", e.Name, next[e.Name]); e.Text != want {
			t.Errorf("%s's message %d is %q", e.Name, next[e.Name], e.Text)
		}
		next[e.Name]++
	}
}

func samePosition(a, b wire.Event) bool { return a.Seq == b.Seq && a.ID == b.ID }

func positions(all []wire.Event) []uint64 {
	var s []uint64
	for _, e := range all {
		s = append(s, e.Seq)
	}
	return s
}

func seqs(all []chat.Message) []uint64 {
	var s []uint64
	for _, m := range all {
		s = append(s, m.Seq)
	}
	return s
}
