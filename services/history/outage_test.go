package history

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/consume"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// outage is a store whose method fails so many times, as if its server were away, and then works.
type outage struct {
	store.Store
	method string
	left   int
}

func (o *outage) check(method string) error {
	if method != o.method || o.left == 0 {
		return nil
	}
	o.left--
	return io.ErrUnexpectedEOF
}

func (o *outage) Append(ctx context.Context, e []store.Entry) (store.Outcome, error) {
	if err := o.check("Append"); err != nil {
		return store.Outcome{}, err
	}
	return o.Store.Append(ctx, e)
}

func (o *outage) About(ctx context.Context, room string, names []store.Name, limit int, types ...string) ([]store.Entry, error) {
	if err := o.check("About"); err != nil {
		return nil, err
	}
	return o.Store.About(ctx, room, names, limit, types...)
}

func (o *outage) Erase(ctx context.Context, room string, name store.Name, scrub func(store.Entry) ([]byte, error)) ([]uint64, error) {
	if err := o.check("Erase"); err != nil {
		return nil, err
	}
	return o.Store.Erase(ctx, room, name, scrub)
}

func (o *outage) Namesakes(ctx context.Context, room, id string, limit int) ([]store.Entry, error) {
	if err := o.check("Namesakes"); err != nil {
		return nil, err
	}
	return o.Store.Namesakes(ctx, room, id, limit)
}

// removing is a bus with a log of one room, which it shows and removes entries from, and fails at
// it as the outage says.
type removing struct {
	bus.Interface
	outage  *outage
	log     []bus.Entry
	removed []uint64
	deleted []string // targets of the deletions that were appended
}

func (r *removing) Replay(_ context.Context, _ string, after bus.Position, limit int) (out bus.Replayed, _ error) {
	if err := r.outage.check("Replay"); err != nil {
		return out, err
	}
	for _, e := range r.log {
		if e.Seq > after.Seq && len(out.Entries) < limit && !slices.Contains(r.removed, e.Seq) {
			out.Entries = append(out.Entries, e)
			out.Through = e.Seq
		}
	}
	out.More = out.Through < r.log[len(r.log)-1].Seq
	return out, nil
}

func (r *removing) Remove(_ context.Context, _ string, seq uint64) error {
	if err := r.outage.check("Remove"); err != nil {
		return err
	}
	r.removed = append(r.removed, seq)
	return nil
}

func (r *removing) Append(e bus.NewEntry, done func(bus.Appended, error)) {
	if err := r.outage.check("bus.Append"); err != nil {
		done(bus.Appended{}, err)
		return
	}
	if d, err := chat.DecodeEntry(e.Data, 1, 0); err == nil && d.Type == chat.TypeDeleted {
		r.deleted = append(r.deleted, d.User+" "+d.Author+" "+d.Target)
	}
	done(bus.Appended{Seq: 100}, nil)
}

// consumed is what becomes of a log when, from one batch on, a step of storing it fails 25 times,
// if it comes at all. Messages of eve's are purged, and the room gone is forgotten.
func consumed(t *testing.T, method string, from int, batches ...[]bus.Entry) (kept []store.Entry, parked []bus.Entry, log *removing, came bool) {
	t.Helper()
	const times = 25 // more than a batch of five and each of its entries are tried
	o := &outage{Store: openStore(t, filepath.Join(t.TempDir(), "history.db")), method: method}
	b := &removing{outage: o, log: slices.Concat(batches...)}
	s, err := New(Config{MaxTail: 20_000, MaxEdits: 100, Pages: 8}, Deps{
		Bus: b, Store: o, Cache: directoryapi.NewCache(b, zap.NewNop()), Log: zap.NewNop(), Metrics: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.jobs.set([]store.Job{{ID: "p1", User: "eve", Actor: "mod", Created: 1}, {ID: forgetID("gone"), Room: "gone", Created: 1}}, time.UnixMilli(1))
	synctest.Test(t, func(t *testing.T) { // the pauses between tries grow to seconds
		r := consume.Reader{Handle: s.ingest.consume, Log: zap.NewNop(), Done: func(_ context.Context, e bus.Entry, failed error) error {
			if failed != nil {
				parked = append(parked, e)
			}
			return nil
		}}
		for i, batch := range batches {
			if i == from {
				o.left = times
			}
			if err := r.Process(t.Context(), batch); err != nil {
				t.Error(err)
			}
		}
	})
	if came = o.left < times; came && o.left > 0 {
		t.Errorf("given up while %s had %d times left to fail", method, o.left)
	}
	if kept, err = o.Store.Since(t.Context(), "r1", 0, 100); err != nil {
		t.Fatal(err)
	}
	return kept, parked, b, came
}

// TestNothingIsParkedInAnOutage has the store, or the bus, fail for longer than any number of tries
// at each step of taking in the log. When it works again everything is stored, what was deleted is
// erased, jobs are heeded, and nothing became a dead letter.
func TestNothingIsParkedInAnOutage(t *testing.T) {
	of := func(room, user string, seq uint64, e chat.Event) bus.Entry {
		e.Room, e.User = room, user
		data, err := chat.AppendEntry(nil, e)
		if err != nil {
			t.Fatal(err)
		}
		return bus.Entry{Room: room, Seq: seq, Sender: user, ID: e.ID, Data: data}
	}
	entry := func(seq uint64, e chat.Event) bus.Entry { return of("r1", "ann", seq, e) }
	// appended again after its deletion
	again := entry(6, chat.Event{Type: chat.TypeMsg, ID: "m1", Text: "secret 1"})
	redriven := entry(7, chat.Event{Type: chat.TypeMsg, ID: "m3", Text: "secret 3"})
	redriven.Redriven = true
	batches := [][]bus.Entry{
		{
			entry(1, chat.Event{Type: chat.TypeMsg, ID: "m1", Text: "secret 1"}), entry(2, chat.Event{Type: chat.TypeMsg, ID: "m2", Text: "kept"}),
			entry(3, chat.Event{Type: chat.TypeDeleted, ID: "d1", Target: "m1"}), entry(4, chat.Event{Type: chat.TypeEdited, ID: "e1", Target: "m1", Text: "secret 2"}),
			entry(5, chat.Event{Type: chat.TypeDeleted, ID: "d3", Target: "m3"}),
		},
		{again},
		{redriven},
		{entry(8, chat.Event{Type: chat.TypeMsg, ID: "m2", Text: "kept"})}, // sent again, unmarked
		{of("r1", "eve", 9, chat.Event{Type: chat.TypeMsg, ID: "m1", Text: "purged"}), of("gone", "ann", 10, chat.Event{Type: chat.TypeMsg, ID: "m9", Text: "late"})},
	}
	came := map[string]bool{}
	for _, method := range []string{"Append", "About", "Erase", "Remove", "Replay", "Namesakes", "bus.Append"} {
		for from := range batches {
			t.Run(fmt.Sprint(method, from), func(t *testing.T) {
				kept, parked, log, here := consumed(t, method, from, batches...)
				if here {
					came[method] = true
				}
				if len(parked) > 0 {
					t.Errorf("parked: %+v", parked)
				}
				var seqs []uint64
				var all strings.Builder
				for _, e := range kept {
					seqs = append(seqs, e.Seq)
					fmt.Fprintf(&all, "%s\n", e.Data)
				}
				if !slices.Equal(seqs, []uint64{1, 2, 3, 4, 5, 7, 9}) || strings.Contains(all.String(), "secret") || !strings.Contains(all.String(), "kept") {
					t.Errorf("kept is %d:\n%s", seqs, all.String())
				}
				for _, seq := range []uint64{1, 4, 6, 7, 8, 10} {
					if !slices.Contains(log.removed, seq) {
						t.Errorf("entry %d, which was deleted, a repeat or of a room that is gone, stays in the log; removed are %d", seq, log.removed)
					}
				}
				if len(log.deleted) == 0 || slices.ContainsFunc(log.deleted, func(d string) bool { return d != "mod eve m1" }) {
					t.Errorf("deleted for the purge: %q", log.deleted)
				}
			})
		}
	}
	if len(came) != 7 {
		t.Errorf("only these failed: %v", came)
	}
}

// TestPoisonIsParkedAlone: what is no event is parked however the store works, and takes nothing
// else with it.
func TestPoisonIsParkedAlone(t *testing.T) {
	good, err := chat.AppendEntry(nil, chat.Event{Type: chat.TypeMsg, Room: "r1", User: "ann", ID: "m1", Text: "good"})
	if err != nil {
		t.Fatal(err)
	}
	kept, parked, _, _ := consumed(t, "Append", 0, []bus.Entry{
		{Room: "r1", Seq: 1, Sender: "eve", ID: "x1", Data: []byte("\x01nonsense")},
		{Room: "r1", Seq: 2, Sender: "eve", ID: "x2", Data: []byte("\x01{}")},
		{Room: "r1", Seq: 3, Sender: "eve", ID: "x3", Data: []byte("\x01")},
		{Room: "r1", Seq: 4, Sender: "eve", ID: "x4", Data: []byte(`_{"type":"msg","text":7}`)},
		{Room: chat.ControlRoom, Seq: 5, Sender: "directory", ID: "c", Data: []byte(`_{"kind":"room"}`)},
		{Room: "r1", Seq: 6, Sender: "ann", ID: "m1", Data: good},
	})
	if len(kept) != 1 || kept[0].ID != "m1" {
		t.Errorf("kept is %+v", kept)
	}
	var ids []string
	for _, e := range parked {
		ids = append(ids, e.ID)
	}
	if !slices.Equal(ids, []string{"x1", "x2", "x3", "x4"}) {
		t.Errorf("parked are %v", ids)
	}
}
