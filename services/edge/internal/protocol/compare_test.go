package protocol

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/edge/internal/ownroom"
	"hubbub.internal/services/edge/internal/work"
)

// counted has the rig count the calls of a kind, and fail them while failing is set.
func (r *rig) counted(kind string, failing error) *atomic.Int32 {
	n := &atomic.Int32{}
	r.server.Fail(func(call, _ string) error {
		if call != kind {
			return nil
		}
		n.Add(1)
		return failing
	})
	return n
}

// TestComparisonsAreRare: own rooms are compared twice a minute, and once a second while the log
// does not answer.
func TestComparisonsAreRare(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann := r.login("ann")
		r.pass(ownroom.CompareEvery * time.Millisecond) // the first, from before ann came
		ann.say(`{"type":"ping"}`)
		n := r.counted("Heads", nil)
		for range 2 {
			r.pass(ownroom.CompareEvery * time.Millisecond)
			ann.say(`{"type":"ping"}`)
		}
		if got := n.Load(); got != 2 {
			t.Errorf("compared %d times in a minute", got)
		}
		n = r.counted("Heads", bus.ErrUnavailable)
		ann.s.own.Probe().Compare()
		r.pass(10*ownroom.CompareSoon*time.Millisecond + time.Second/2)
		if got := n.Load(); got < 9 || got > 11 {
			t.Errorf("compared %d times in ten seconds without a log", got)
		}
	})
}

// TestComparisonOfManyRooms is done in parts, and a turn that has found nobody goes on in another.
func TestComparisonOfManyRooms(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		s := r.shards[0]
		for r.next < 5000 {
			r.connect() // which says no more
		}
		bob := r.login("bob")
		for slot := r.next; slot < r.next+600; slot++ {
			admit(s, slot)
			r.hub.sess.Reporter.Enter(s.presenceOf(slot))
		}
		r.server.LoseHints(true)
		r.message(chat.UserRoom("bob"), "m1")
		n := r.counted("Heads", nil)
		s.own.Probe().Compare()
		synctest.Wait()
		turns := 0
		for r.loops[0].woken.Swap(false) {
			s.conn.Turn()
			synctest.Wait()
			turns++
		}
		bob.want("msg", "m1")
		if got := n.Load(); got != 2 || turns < 3 {
			t.Errorf("asked the log %d times in %d turns", got, turns)
		}
	})
}

// TestComparisonForWhichNobodyHasTime is made up for, and so is one that found news of a session
// that has ended since.
func TestComparisonForWhichNobodyHasTime(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann := r.login("ann")
		r.server.LoseHints(true)
		jobs := r.hub.sess.Jobs
		r.hub.sess.Jobs = work.New(0, 0)
		ann.s.own.Probe().Compare()
		r.message(chat.UserRoom("ann"), "m1")
		r.hub.sess.Jobs = jobs
		r.pass(2 * ownroom.CompareSoon * time.Millisecond)
		ann.want("msg", "m1")

		r.message(chat.UserRoom("ann"), "m2")
		ann.s.own.Probe().Compare()
		synctest.Wait() // the answer is in the mailbox
		ann.s.conn.Gone(ann.slot)
		r.settle()
		if n := ann.s.own.Probe().Reads(); n != 0 {
			t.Errorf("%d own rooms are read of who has gone", n)
		}
	})
}

// TestHeadsOfManyRooms: all who want to know at once where their own rooms end are told so, in
// parts, and are told at once when the log does not answer.
func TestHeadsOfManyRooms(t *testing.T) {
	const users = 1600
	rigged(t, 1, func(r *rig) {
		r.message("u-ann", "m0")
		var told, failed atomic.Int32
		ask := func() {
			told.Store(0)
			failed.Store(0)
			for i := range users {
				r.hub.own.Head(fmt.Sprint("user", i), func(seq uint64, err error) {
					told.Add(1)
					if err != nil {
						failed.Add(1)
					} else if seq == 0 {
						t.Error("a room without entries ends nowhere")
					}
				})
			}
			synctest.Wait()
		}
		n := r.counted("Heads", nil)
		if ask(); told.Load() != users || failed.Load() != 0 || n.Load() < 4 {
			t.Errorf("%d were told, %d of them an error; the log was asked %d times", told.Load(), failed.Load(), n.Load())
		}
	})
	rigged(t, 1, func(r *rig) {
		r.server.Fail(func(call, name string) error {
			if call == "Subscribe" && strings.HasPrefix(name, "edge.live.") {
				return bus.ErrUnavailable
			}
			return nil
		})
		ann := r.open()
		ann.say(`{"type":"hello","id":"h","version":1,"token":%q}`, r.token("nora", time.Hour))
		ann.refused("h", chat.CodeUnavailable)
	})
}

// endingBus counts the watches that have been stopped, and lets heads wait before it fails to tell
// them.
type endingBus struct {
	bus.Interface
	stopped, asked int
	answer         chan struct{}
}

type ending struct {
	bus.Subscription
	bus *endingBus
}

func (s ending) Stop() {
	s.bus.stopped++
	s.Subscription.Stop()
}

func (b *endingBus) Watch(ctx context.Context, w bus.Watcher) (bus.Subscription, error) {
	sub, err := b.Interface.Watch(ctx, w)
	return ending{sub, b}, err
}

func (b *endingBus) Heads(context.Context, []string) ([]bus.Head, error) {
	b.asked++
	<-b.answer
	return nil, bus.ErrUnavailable
}

// TestHeadsThatNobodyTells: all who have waited for the end of their own rooms as long as the first
// are told with it that the log does not answer. An edge that has ended is not told of personal
// rooms any more.
func TestHeadsThatNobodyTells(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		b := &endingBus{Interface: r.bus, answer: make(chan struct{})}
		h := New(testOptions(), Deps{Bus: b, Access: directory.NewCache(r.bus, zap.NewNop()), Log: zap.NewNop()})
		ctx, cancel := context.WithCancel(r.t.Context())
		ended := make(chan error)
		go func() { ended <- h.own.Run(ctx) }()
		failed := 0
		for i := range 1600 {
			h.own.Head(fmt.Sprint("user", i), func(_ uint64, err error) {
				if errors.Is(err, bus.ErrUnavailable) {
					failed++
				}
			})
			if i == 0 {
				synctest.Wait()
			}
		}
		close(b.answer)
		synctest.Wait()
		if failed != 1600 || b.asked != 1 {
			t.Errorf("%d were told an error; the log was asked %d times", failed, b.asked)
		}
		cancel()
		if err := <-ended; err != nil || b.stopped != 1 {
			t.Errorf("ended with %v, stopped %d times", err, b.stopped)
		}
		h.rooms.Close()
	})
}
