package mongo

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/mongotest"
	"hubbub.internal/services/history/store"
)

// TestRoundTrips counts what the server is asked for what a page is made of: each is one round
// trip, however many messages there are and however often they were changed.
func TestRoundTrips(t *testing.T) {
	proxy := mongotest.NewProxy(t, mongotest.URL(t))
	s, err := Open(t.Context(), proxy.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	var all []store.Entry
	var names []store.Name
	seq := uint64(0)
	add := func(e store.Entry) {
		seq++
		e.Room, e.Seq, e.Data = "r1", seq, []byte(`_{"emoji":"+","on":true}`)
		all = append(all, e)
	}
	for i := range 250 {
		id := fmt.Sprint("m", i)
		add(store.Entry{Sender: "ann", ID: id, Type: "msg"})
		names = append(names, store.Name{Sender: "ann", ID: id})
	}
	for _, name := range names {
		add(store.Entry{Sender: "bob", ID: "x" + name.ID, Type: "reacted", Target: name.ID, Author: name.Sender, Slot: "reacted:bob:+"})
	}
	for i := range 20 { // as people talk: some answer by a reaction
		id := fmt.Sprint("n", i)
		add(store.Entry{Sender: "ann", ID: id, Type: "msg"})
		if i%4 == 0 {
			add(store.Entry{Sender: "bob", ID: "x" + id, Type: "reacted", Target: id, Author: "ann", Slot: "reacted:bob:+"})
		}
	}
	for part := range slices.Chunk(all, 100) {
		if _, err := s.entries.InsertMany(t.Context(), records(part)); err != nil {
			t.Fatal(err)
		}
	}
	proxy.Commands()
	for _, tt := range []struct {
		what  string
		do    func(ctx context.Context) ([]store.Entry, error)
		found int
		want  []string
	}{
		{"the latest", func(ctx context.Context) ([]store.Entry, error) {
			last, found, err := s.Latest(ctx, "r1", 16)
			if last.Seq != seq {
				t.Errorf("the last entry is at %d, want %d", last.Seq, seq)
			}
			return found, err
		}, 16, []string{"find"}},
		{"the latest, behind many changes", func(ctx context.Context) ([]store.Entry, error) {
			_, found, err := s.Latest(ctx, "r1", 51)
			return found, err
		}, 51, []string{"find", "find"}},
		{"before", func(ctx context.Context) ([]store.Entry, error) { return s.Newest(ctx, "r1", bus.MaxSeq, 201) }, 201, []string{"find"}},
		{"after", func(ctx context.Context) ([]store.Entry, error) { return s.Oldest(ctx, "r1", 1, 201) }, 201, []string{"find"}},
		{"what is about them", func(ctx context.Context) ([]store.Entry, error) { return s.About(ctx, "r1", names[:200], 0) }, 200, []string{"find"}},
		{"an entry", func(ctx context.Context) ([]store.Entry, error) {
			e, _, err := s.Find(ctx, "r1", "ann", "m7")
			return []store.Entry{e}, err
		}, 1, []string{"find"}},
	} {
		found, err := tt.do(t.Context())
		if err != nil || len(found) != tt.found {
			t.Errorf("%s: %d entries, %v, want %d", tt.what, len(found), err, tt.found)
		}
		if got := proxy.Commands(); !slices.Equal(got, tt.want) {
			t.Errorf("%s takes %v, want %v", tt.what, got, tt.want)
		}
	}
}

func records(entries []store.Entry) []record {
	all := make([]record, len(entries))
	for i, e := range entries {
		all[i] = recordOf(store.Key(e.Room, e.Seq), e)
	}
	return all
}
