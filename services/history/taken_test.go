package history

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/membus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

func (o *outage) BeginRead(ctx context.Context, room, user string, at, from uint64) error {
	if err := o.check("BeginRead"); err != nil {
		return err
	}
	return o.Store.BeginRead(ctx, room, user, at, from)
}

func (o *outage) PutUnresolved(ctx context.Context, all []store.Unresolved) error {
	if err := o.check("PutUnresolved"); err != nil {
		return err
	}
	return o.Store.PutUnresolved(ctx, all)
}

// quiet returns a service that does not run, on a store whose methods fail when the outage says so.
func quiet(t *testing.T, b bus.Interface) (*Service, *outage) {
	t.Helper()
	o := &outage{Store: openStore(t, filepath.Join(t.TempDir(), "history.db"))}
	s, err := New(Config{MaxTail: 2000, MaxEdits: 100, Pages: 8}, Deps{
		Bus: b, Store: o, Cache: directoryapi.NewCache(b, zap.NewNop()), Log: zap.NewNop(), Metrics: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, o
}

// logEntry returns an entry of a room's log.
func logEntry(t *testing.T, seq uint64, e chat.Event) bus.Entry {
	t.Helper()
	data, err := chat.AppendEntry(nil, e)
	if err != nil {
		t.Fatal(err)
	}
	return bus.Entry{Room: e.Room, Seq: seq, Sender: e.User, ID: e.ID, Data: data}
}

// TestEachStepOfStoringIsTriedAgain: whatever fails while a batch is stored, the batch comes again,
// and then all of it is done: entries, read positions, and mentions that are to be looked up.
func TestEachStepOfStoringIsTriedAgain(t *testing.T) {
	s, o := quiet(t, openBus(t))
	for i, method := range []string{"Append", "BeginRead", "PutUnresolved"} {
		room := fmt.Sprint("r", i)
		batch := []bus.Entry{
			logEntry(t, 4, chat.Event{Type: chat.TypeMember, Room: room, User: "ann", ID: "j1", Member: "bob", Role: "member", From: 3}),
			logEntry(t, 5, chat.Event{Type: chat.TypeMsg, Room: room, User: "ann", ID: "m1", Text: "@bob"}),
		}
		o.method, o.left = method, 1
		if err := s.ingest.consume(t.Context(), batch); !errors.Is(err, bus.ErrRetry) {
			t.Errorf("%s fails: %v", method, err)
		}
		if s.noting.any([]string{room}) {
			t.Errorf("%s fails: the batch counts as one that is being stored", method)
		}
		if err := s.ingest.consume(t.Context(), batch); err != nil || o.left > 0 {
			t.Errorf("after %s failed: %v, %d", method, err, o.left)
		}
		kept, err := o.Since(t.Context(), room, 0, 10)
		if err != nil || len(kept) != 2 {
			t.Errorf("after %s failed, kept is %+v, %v", method, kept, err)
		}
		reads, err := o.Reads(t.Context(), "bob")
		if err != nil || reads[room] != 3 {
			t.Errorf("after %s failed, read positions are %v, %v", method, reads, err)
		}
		noted, err := o.IsUnresolved(t.Context(), []string{room})
		if err != nil || !noted {
			t.Errorf("after %s failed, mentions are to be looked up: %v, %v", method, noted, err)
		}
	}
	if got := testutil.ToFloat64(s.metrics.stored); got != 10 { // of the last two rooms twice
		t.Errorf("%v entries count as stored", got)
	}
}

// TestOfOtherServices: what services say among themselves is not kept, and takes nothing else of
// its batch with it.
func TestOfOtherServices(t *testing.T) {
	s, o := quiet(t, openBus(t))
	err := s.ingest.consume(t.Context(), []bus.Entry{
		logEntry(t, 1, chat.Event{Type: chat.TypeMsg, Room: "r1", User: "ann", ID: "m1", Text: "1"}),
		{Room: chat.ControlRoom, Seq: 2, Sender: "directory", ID: "c1", Data: []byte("\x01{}")},
		logEntry(t, 3, chat.Event{Type: chat.TypeMsg, Room: "r1", User: "ann", ID: "m2", Text: "2"}),
	})
	kept, since := o.Since(t.Context(), "r1", 0, 10)
	if err != nil || since != nil || len(kept) != 2 {
		t.Errorf("kept is %+v, %v, %v", kept, err, since)
	}
	if last, err := o.Last(t.Context(), chat.ControlRoom); err != nil || last.Seq != 0 {
		t.Errorf("kept of the other services is %+v, %v", last, err)
	}
}

// endless is a bus whose log has always more: so many entries at a time, all with the same data.
type endless struct {
	bus.Interface
	each int
	data []byte
	read int // entries
}

func (b *endless) Replay(_ context.Context, room string, after bus.Position, _ int) (out bus.Replayed, _ error) {
	for i := range uint64(b.each) {
		seq := after.Seq + i + 1
		out.Entries = append(out.Entries, bus.Entry{Room: room, Seq: seq, Sender: "ann", ID: fmt.Sprint("m", seq), Data: b.data})
		out.Through = seq
	}
	b.read += b.each
	out.More = true
	return out, nil
}

// TestTailIsBounded: a page reads so many entries of the log at most, and so many bytes, and then
// says that it cannot be had yet.
func TestTailIsBounded(t *testing.T) {
	data := func(size int) []byte {
		return logEntry(t, 1, chat.Event{Type: chat.TypeMsg, Room: "r1", User: "ann", ID: "m1", Text: strings.Repeat("x", size)}).Data
	}
	for name, tt := range map[string]struct {
		each, size int
		most       int
	}{
		"entries": {1000, 1, 2000},
		"bytes":   {100, 60 << 10, maxTailBytes/(60<<10) + 100},
	} {
		b := &endless{Interface: openBus(t), each: tt.each, data: data(tt.size)}
		s, _ := quiet(t, b)
		if _, err := s.pages.build(t.Context(), historyapi.PageRequest{Room: "r1"}); chat.CodeOf(err) != chat.CodeUnavailable {
			t.Errorf("%s: %v", name, err)
		}
		if b.read > tt.most {
			t.Errorf("%s: %d were read, want %d at most", name, b.read, tt.most)
		}
	}
}

// TestForgottenRoomStaysForgotten: what comes for a room that was deleted, long after that was
// done, is neither kept nor left in the log.
func TestForgottenRoomStaysForgotten(t *testing.T) {
	b := &removing{Interface: openBus(t), outage: &outage{}}
	s, o := quiet(t, b)
	done := time.Now().Add(-recentRooms / 2).UnixMilli()
	if err := o.PutJob(t.Context(), store.Job{ID: forgetID("r1"), Room: "r1", Created: done, Pass: 2, Done: done}); err != nil {
		t.Fatal(err)
	}
	s.removal.refresh(t.Context())
	err := s.ingest.consume(t.Context(), []bus.Entry{
		logEntry(t, 1, chat.Event{Type: chat.TypeMsg, Room: "r1", User: "ann", ID: "m1", Text: "late"}),
		logEntry(t, 2, chat.Event{Type: chat.TypeMsg, Room: "r2", User: "ann", ID: "m2", Text: "elsewhere"}),
	})
	gone, errGone := o.Last(t.Context(), "r1")
	there, errThere := o.Last(t.Context(), "r2")
	if errors.Join(err, errGone, errThere) != nil || gone.Seq != 0 || there.Seq != 2 || !slices.Equal(b.removed, []uint64{1}) {
		t.Errorf("kept are %+v and %+v, removed %d: %v", gone, there, b.removed, errors.Join(err, errGone, errThere))
	}
}

// TestPurgeHasAnEnd: what is said after a purge was asked for stays, but for what clocks that go
// wrong may have made later, whether it is in the record or is taken in from the log.
func TestPurgeHasAnEnd(t *testing.T) {
	j := store.Job{ID: "p1", User: "ann", After: 1000, Created: 50_000}
	for ts, want := range map[int64]bool{999: false, 1000: true, 50_000: true, 50_000 + purgeGrace - 1: true, 50_000 + purgeGrace: false} {
		e, err := entryOf(logEntry(t, 1, chat.Event{Type: chat.TypeMsg, Room: "r1", User: "ann", ID: "m1", Text: "1", TS: ts}))
		if err != nil {
			t.Fatal(err)
		}
		if is, err := wants(j, e); err != nil || is != want {
			t.Errorf("a message of %d: %v, %v", ts, is, err)
		}
	}
}

// TestJobIsHeldByOne: while a process works on a job another leaves it alone, and when the first
// has done a step, or has died, the next takes it at once, or when its time is over.
func TestJobIsHeldByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := quiet(t, membus.NewServer(membus.Options{}).Open())
		defer func() { _ = s.bus.Close() }()
		for i := range 2 * purgeBatch {
			if err := s.ingest.consume(t.Context(), []bus.Entry{logEntry(t, uint64(i+1), chat.Event{Type: chat.TypeMsg, Room: "r1", User: "ann", ID: fmt.Sprint("m", i), Text: "x"})}); err != nil {
				t.Fatal(err)
			}
		}
		j := store.Job{ID: "p1", User: "ann", Actor: "mod", Created: time.Now().UnixMilli()}
		if err := o.PutJob(t.Context(), j); err != nil {
			t.Fatal(err)
		}
		if _, mine, err := o.ClaimJob(t.Context(), "p1", time.Now().UnixMilli(), time.Now().Add(jobLease).UnixMilli()); err != nil || !mine {
			t.Fatal(mine, err)
		}
		if did, err := s.removal.work(t.Context(), j); err != nil || did {
			t.Errorf("a job of another was worked on: %v, %v", did, err)
		}
		time.Sleep(jobLease + time.Millisecond)
		for step := range 2 {
			if did, err := s.removal.work(t.Context(), j); err != nil || !did {
				t.Errorf("step %d: %v, %v", step, did, err)
			}
		}
		open, err := o.OpenJobs(t.Context(), 1)
		if err != nil || len(open) != 1 || open[0].Lease != 0 {
			t.Errorf("open are %+v, %v", open, err)
		}
	})
}

// TestRememberedRepeatsAreBounded: places in the log are remembered up to a number, and then begun
// anew.
func TestRememberedRepeatsAreBounded(t *testing.T) {
	var r repeats
	name := func(i int) message { return message{"r1", store.Name{Sender: "ann", ID: fmt.Sprint("m", i)}} }
	for i := range maxRepeats + 1 {
		r.add(name(i), uint64(i))
	}
	if len(r.all) != 1 || !slices.Equal(r.of(name(maxRepeats)), []uint64{maxRepeats}) {
		t.Errorf("%d are remembered", len(r.all))
	}
}
