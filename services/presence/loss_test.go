package presence

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	presenceapi "hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/presence/roster"
)

// lossy is a bus of which a replica gets only a part of what edges send, some of it twice or late.
type lossy struct {
	bus.Interface
	mu    sync.Mutex
	on    bool
	late  []byte
	drops int
}

func (l *lossy) filter(channel string, handle func([]byte)) func([]byte) {
	if channel != presenceapi.ChannelEdges {
		return handle
	}
	return func(msg []byte) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if !l.on {
			handle(msg)
			return
		}
		switch rand.IntN(6) {
		case 0:
			l.drops++
		case 1:
			handle(msg)
			handle(msg)
		case 2:
			if l.late != nil {
				handle(l.late)
			}
			l.late = append([]byte(nil), msg...)
		default:
			handle(msg)
		}
	}
}

// Subscribe implements bus.Live.
func (l *lossy) Subscribe(ctx context.Context, channel string, handle func([]byte)) (bus.Subscription, error) {
	return l.Interface.Subscribe(ctx, channel, l.filter(channel, handle))
}

func TestLossHeals(t *testing.T) {
	t.Parallel()
	onEveryBus(t, func(t *testing.T, srv *server) {
		a, b := startEdge(t, srv.open(t), "edge-a"), startEdge(t, srv.open(t), "edge-b")
		l := &lossy{Interface: srv.open(t), on: true}
		metrics := prometheus.NewRegistry()
		s, _ := startService(t, l, quick(), metrics, nil)
		rooms := []string{"r0", "r1", "r2", "r3"}
		ready(t, s)
		var churn sync.WaitGroup
		for _, e := range []*edge{a, b} {
			for loop := range 3 { // several event loops of one edge
				churn.Go(func() {
					random := rand.New(rand.NewPCG(1, uint64(loop)))
					var mine []uint64
					for range 1500 {
						room := rooms[random.IntN(len(rooms))]
						switch k := random.IntN(10); {
						case k < 4 || len(mine) == 0:
							mine = append(mine, e.enter(fmt.Sprint("u", random.IntN(40)), presenceapi.Online, room))
						case k < 6:
							id := mine[len(mine)-1]
							mine = mine[:len(mine)-1]
							e.exit(id)
						case k < 8:
							e.setStatus(mine[random.IntN(len(mine))], []presenceapi.Status{presenceapi.DND, presenceapi.Idle, presenceapi.Online, presenceapi.Invisible}[random.IntN(4)])
						default:
							id := mine[random.IntN(len(mine))]
							if _, s := e.update(id, func(*presenceapi.Session) {}); len(s.Rooms) > 0 {
								e.leave(id, s.Rooms[0])
							} else {
								e.join(id, room)
							}
						}
						time.Sleep(100 * time.Microsecond)
					}
				})
			}
		}
		churn.Wait()
		l.mu.Lock()
		drops := l.drops
		l.on = false
		l.mu.Unlock()
		if drops == 0 {
			t.Error("nothing was lost: the test tried nothing")
		}
		agree(t, "after the loss", rooms, []*Service{s}, a, b)
		if count(t, metrics, "hubbub_presence_divergences_total") == 0 {
			t.Error("no loss was noticed")
		}
	})
}

// TestBusIsCut: while nothing is heard nobody is said to be gone, or there; then everything is
// exact again.
func TestBusIsCut(t *testing.T) {
	t.Parallel()
	onEveryBus(t, func(t *testing.T, srv *server) {
		a, b := startEdge(t, srv.open(t), "edge-a"), startEdge(t, srv.open(t), "edge-b")
		s, _ := startService(t, srv.open(t), quick(), nil, nil)
		ann := a.enter("ann", presenceapi.Online, "lobby")
		b.enter("bob", presenceapi.Online, "lobby")
		ready(t, s)
		agree(t, "entered", []string{"lobby"}, []*Service{s}, a, b)
		srv.stop()
		eventually(t, "deaf", func() error {
			if err := s.Ready(t.Context()); chat.CodeOf(err) != chat.CodeUnavailable {
				return errors.New("still answers, or fails otherwise: " + fmt.Sprint(err))
			}
			return nil
		})
		// the cut itself: longer than the expiry
		time.Sleep(quick().EdgeExpiry + quick().EdgeExpiry/2)
		s.replica.View(func(r *roster.Roster) {
			if n, _, _ := r.Size(); n != 2 {
				t.Errorf("%d of 2 sessions are left after silence of the bus", n)
			}
		})
		a.exit(ann)
		a.enter("cyd", presenceapi.Online, "lobby")
		srv.start()
		agree(t, "back", []string{"lobby"}, []*Service{s}, a, b)
	})
}
