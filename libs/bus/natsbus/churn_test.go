package natsbus

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/bus/natsembed"
	"hubbub.internal/libs/chat"
)

// nobody follows a room without looking.
type nobody struct{}

func (nobody) Entry(bus.Entry)        {}
func (nobody) Rewound(string, uint64) {}
func (nobody) Missed(string, uint64)  {}
func (nobody) Hint(string, uint64)    {}
func (nobody) Suspect()               {}

func start(t *testing.T) (*natsembed.Server, opened) {
	t.Helper()
	s, err := natsembed.Start(natsembed.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	b := openBoth(t, Config{Servers: s.URL(), Personal: chat.IsUserRoom}, nil)
	return s, b
}

// TestChurn: 100,000 rooms (fewer with the race detector) that are followed and left again leave no
// subscription behind, and no memory that grows from one time to the next. (The server is in this
// process: its memory counts, too.)
func TestChurn(t *testing.T) {
	const rooms, joiners = bustest.ChurnRooms, 2000
	s, b := start(t)
	live := func() (n int) {
		z, err := s.Subsz(&natsserver.SubszOptions{Subscriptions: true, Limit: 2 * rooms})
		if err != nil {
			t.Fatal(err)
		}
		for _, sub := range z.Subs {
			if strings.HasPrefix(sub.Subject, "hub.live.") {
				n++
			}
		}
		return n
	}
	churn := func() {
		var wg sync.WaitGroup
		for j := range joiners {
			wg.Go(func() {
				for i := j; i < rooms; i += joiners {
					_, sub, err := b.Follow(t.Context(), "room-"+strconv.Itoa(i), nobody{})
					if err != nil {
						t.Error(err)
						return
					}
					defer sub.Stop()
				}
			})
		}
		wg.Wait()
		for deadline := time.Now().Add(time.Minute); ; {
			b.Driver.live.mu.Lock()
			kept := len(b.Driver.live.subs)
			b.Driver.live.mu.Unlock()
			if s.NumSubscriptions() < 1000 && live() == 0 && kept == 0 {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d subscriptions at the server, %d here", live(), kept)
			}
			if await.Sleep(t.Context(), 10*time.Millisecond) != nil {
				return
			}
		}
	}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	first := heap()
	churn()
	once := heap()
	churn()
	twice := heap()
	t.Logf("heap: %d KiB before, %d after one round, %d after two", first>>10, once>>10, twice>>10)
	if twice > once+once/4+(1<<20) {
		t.Errorf("the heap grew from %d to %d bytes", once, twice)
	}
}

// hints is a watcher that hands on what it is told.
type hints chan uint64

func (h hints) Hint(_ string, seq uint64) { h <- seq }
func (hints) Suspect()                    {}

// TestWatchThatIsNotConfirmed: a subscription to personal rooms that the server did not confirm is
// made again by the next who watches.
func TestWatchThatIsNotConfirmed(t *testing.T) {
	t.Parallel()
	_, b := start(t)
	gone, end := context.WithCancel(t.Context())
	end()
	if err := b.Driver.SubscribePersonal(gone); err == nil {
		t.Fatal("what nobody waited for is confirmed")
	}
	told := make(hints, 1)
	sub, err := b.Watch(t.Context(), told)
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Stop()
	a, err := bus.Append(t.Context(), b, bus.NewEntry{Room: "u-ann", Sender: "ann", ID: "m1"})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case seq := <-told:
		if seq != a.Seq {
			t.Errorf("told of %d, want %d", seq, a.Seq)
		}
	case <-time.After(20 * time.Second):
		t.Error("a personal room's entry is not heard of")
	}
}

// TestLiveDeliveryAllocatesNothing: beyond what the client library does.
func TestLiveDeliveryAllocatesNothing(t *testing.T) {
	_, b := start(t)
	a, err := bus.Append(t.Context(), b, bus.NewEntry{Room: "room", Sender: "ann", ID: "id"})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Follow(t.Context(), "room", nobody{}); err != nil {
		t.Fatal(err)
	}
	for _, room := range []string{"room", "u-stranger"} {
		const runs = 100
		var messages []*nats.Msg
		for i := range uint64(runs + 1) {
			messages = append(messages, &nats.Msg{
				Subject: strings.Clone(b.Driver.names.liveRoom(room)), Data: make([]byte, 100),
				Header: nats.Header{
					headerID:  {fmt.Sprint(room, ".ann.id", i)},
					headerSeq: {strconv.FormatUint(a.Seq+i+1, 10)}, headerLast: {strconv.FormatUint(a.Seq+i, 10)},
				},
			})
		}
		next := 0
		if n := testing.AllocsPerRun(runs, func() { b.Driver.live.deliver(messages[next]); next++ }); n != 0 {
			t.Errorf("%s: %v allocations for a live message", room, n)
		}
	}
}
