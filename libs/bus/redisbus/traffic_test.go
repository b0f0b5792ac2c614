package redisbus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/redisbus"
)

// traffic is people who talk in rooms, over two buses, while servers go and come: senders that
// repeat what fails with the same id, one message at a time, and followers.
type traffic struct {
	t         *testing.T
	buses     []*bus.Bus
	senders   []*sender
	followers []*tail
	total     atomic.Int64
	again     bool // what the log loses is appended again, and gets another Seq
	stop      context.CancelFunc
	wg        sync.WaitGroup
}

type sender struct {
	room, name string
	acked      []bus.Position
}

// tail keeps what its room has had since the last rewind.
type tail struct {
	room string

	mu   sync.Mutex
	head uint64
	got  []bus.Position
}

func (f *tail) Entry(e bus.Entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.got = append(f.got, bus.Position{Seq: e.Seq, ID: string([]byte(e.ID))})
}

func (f *tail) Rewound(_ string, head uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.head, f.got = head, nil
}

func (f *tail) Missed(string, uint64) {}

// startTraffic makes 12 senders talk in 6 rooms of different partitions.
func startTraffic(t *testing.T, cfg redisbus.Config) *traffic {
	t.Helper()
	cfg.Keep = 30 * time.Second // as shipped
	tr := &traffic{t: t, buses: []*bus.Bus{open(t, cfg), open(t, cfg)}}
	for i := range 6 {
		for _, b := range tr.buses {
			f := &tail{room: fmt.Sprint("room", i)}
			if _, _, err := b.Follow(t.Context(), f.room, f); err != nil {
				t.Fatal(err)
			}
			tr.followers = append(tr.followers, f)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	tr.stop = cancel
	t.Cleanup(tr.wg.Wait)
	t.Cleanup(cancel)
	for i := range 12 {
		s := &sender{room: fmt.Sprint("room", i%6), name: fmt.Sprint("sender", i)}
		tr.senders = append(tr.senders, s)
		tr.wg.Go(func() { tr.talk(ctx, s, tr.buses[i%2]) })
	}
	return tr
}

func (tr *traffic) talk(ctx context.Context, s *sender, b bus.Log) {
	for i := 0; ctx.Err() == nil; i++ {
		e := bus.NewEntry{Room: s.room, Sender: s.name, ID: fmt.Sprint(s.name, "-", i), Data: []byte("hello")}
		for {
			a, err := bus.Append(context.Background(), b, e)
			if err == nil {
				s.acked = append(s.acked, bus.Position{Seq: a.Seq, ID: e.ID})
				tr.total.Add(1)
				break
			}
			if !errors.Is(err, bus.ErrUnavailable) {
				tr.t.Errorf("append: %v", err)
				return
			}
		}
	}
}

// flow waits until messages of all senders are acknowledged.
func (tr *traffic) flow() {
	tr.t.Helper()
	from := tr.total.Load()
	eventually(tr.t, "messages flow", func() bool { return tr.total.Load() >= from+200 })
}

// check ends the traffic. Every acknowledged message has to be in the log, once and in its sender's
// order, and every follower has to have what the log has.
func (tr *traffic) check() {
	tr.t.Helper()
	tr.stop()
	tr.wg.Wait()
	logs := make(map[string][]bus.Entry)
	if tr.again {
		tr.settle()
	}
	for _, s := range tr.senders {
		if logs[s.room] == nil {
			logs[s.room] = whole(tr.t, tr.buses[0], s.room)
		}
		var got []bus.Position
		for _, e := range logs[s.room] {
			if e.Sender == s.name {
				got = append(got, bus.Position{Seq: e.Seq, ID: e.ID})
			}
		}
		if !slices.Equal(got, s.acked) {
			tr.t.Errorf("%s: %d messages acknowledged, %d in the log; they differ", s.name, len(s.acked), len(got))
		}
	}
	for _, f := range tr.followers {
		eventually(tr.t, "a follower of "+f.room+" has what the log has", func() bool {
			f.mu.Lock()
			defer f.mu.Unlock()
			var want []bus.Position
			for _, e := range logs[f.room] {
				if e.Seq > f.head {
					want = append(want, bus.Position{Seq: e.Seq, ID: e.ID})
				}
			}
			return slices.Equal(want, f.got)
		})
	}
	tr.t.Logf("%d messages", tr.total.Load())
}

// settle waits until what was acknowledged is in the log, in its senders' order, and holds that no
// Seq of what was lost is another entry's. Then the Seqs are those that the log has now.
func (tr *traffic) settle() {
	tr.t.Helper()
	changed := 0
	for _, s := range tr.senders {
		want := make([]string, len(s.acked))
		for i, p := range s.acked {
			want[i] = p.ID
		}
		var log []bus.Entry
		var got []bus.Position
		eventually(tr.t, "the log has what "+s.name+" said, in order", func() bool {
			log, got = whole(tr.t, tr.buses[0], s.room), nil
			var ids []string
			for _, e := range log {
				if e.Sender == s.name {
					ids = append(ids, e.ID)
					got = append(got, bus.Position{Seq: e.Seq, ID: e.ID})
				}
			}
			return slices.Equal(ids, want)
		})
		at := make(map[uint64]string)
		for _, e := range log {
			at[e.Seq] = e.ID
		}
		for i, p := range s.acked {
			if id, ok := at[p.Seq]; ok && id != p.ID {
				tr.t.Errorf("Seq %d, which %s had, was given to %s", p.Seq, p.ID, id)
			}
			if got[i] != p {
				changed++
			}
		}
		s.acked = got
	}
	if changed == 0 {
		tr.t.Error("nothing was lost: the test has tested nothing")
	}
	tr.t.Logf("%d messages have got another Seq", changed)
}

// whole returns all entries of a room.
func whole(t *testing.T, b bus.Log, room string) (all []bus.Entry) {
	t.Helper()
	var at bus.Position
	for {
		rep, err := b.Replay(t.Context(), room, at, 1000)
		if err != nil || rep.Rewound || rep.Truncated {
			t.Fatalf("replay %s: %v, rewound %v, truncated %v", room, err, rep.Rewound, rep.Truncated)
		}
		all = append(all, rep.Entries...)
		if !rep.More {
			return all
		}
		last := all[len(all)-1]
		at = bus.Position{Seq: last.Seq, ID: last.ID}
	}
}
