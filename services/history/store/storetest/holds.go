package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"hubbub.internal/services/history/store"
)

func testHolds(t *testing.T, s store.Store) {
	ctx := t.Context()
	a := store.Hold{ID: "h9", Room: "r1", Reason: "case 1", Actor: "op", Name: "Op", Created: 10}
	b := store.Hold{ID: "h2", User: "ann", Reason: "case 2", Name: "console", Created: 20}
	for _, h := range []store.Hold{b, a, a} {
		must(t, s.PutHold(ctx, h))
	}
	all, err := s.Holds(ctx)
	same(t, []store.Hold{a, b}, all, err)

	edit := about("r2", 20, "ann", "e1", "edited", "m1")
	reaction := about("r2", 25, "bob", "x1", "reacted", "m1")
	in1 := []store.Entry{message("r1", 10, "bob", "m1"), message("r1", 20, "eve", "m2")}
	in2 := []store.Entry{message("r2", 10, "ann", "m1"), edit, reaction, message("r2", 30, "bob", "m2")}
	add(t, s, in1...)
	add(t, s, in2...)
	// An erased text, an edit that goes with its message, and a room that is removed.
	_, err = s.Erase(ctx, "r2", store.Name{Sender: "ann", ID: "m1"}, func(store.Entry) ([]byte, error) { return []byte("erased"), nil })
	must(t, err)
	_, err = s.Erase(ctx, "r2", store.Name{Sender: "ann", ID: "m1"}, func(store.Entry) ([]byte, error) { return []byte("again"), nil })
	must(t, err)
	_, err = s.RemoveThrough(ctx, "r2", 10, 10)
	must(t, err)
	_, err = s.RemoveThrough(ctx, "r2", 30, 10)
	must(t, err)
	n, err := s.RemoveEntries(ctx, "r1", 10)
	same(t, 2, n, err)

	plain := func(all ...store.Entry) []store.Entry {
		for i := range all {
			all[i].Slot, all[i].Past = "", false
		}
		return all
	}
	got, err := s.Held(ctx, a, "", 0, 10)
	same(t, plain(in1...), got, err)
	got, err = s.Held(ctx, a, "r1", 10, 10)
	same(t, plain(in1[1]), got, err)
	got, err = s.Held(ctx, b, "", 0, 10)
	same(t, plain(in2[0], edit), got, err) // as it was before it was erased
	got, err = s.Held(ctx, b, "r2", 10, 10)
	same(t, plain(edit), got, err)
	got, err = s.Held(ctx, b, "", 0, 2)
	same(t, plain(in2[0]), got, err)

	n, err = s.DropHeld(ctx, 10)
	same(t, 0, n, err)
	lifted, ok, err := s.DeleteHold(ctx, "h2")
	if same(t, b, lifted, err); !ok {
		t.Error("a hold is not lifted")
	}
	if _, ok, err = s.DeleteHold(ctx, "h2"); ok || err != nil {
		t.Errorf("a hold that is lifted already: %v, %v", ok, err)
	}
	n, err = s.DropHeld(ctx, 1)
	same(t, 1, n, err)
	n, err = s.DropHeld(ctx, 10)
	same(t, 1, n, err)
	got, err = s.Held(ctx, a, "", 0, 10)
	same(t, plain(in1...), got, err)
}

// testHoldsAtOnce: of several that lift a hold, one has lifted it.
func testHoldsAtOnce(t *testing.T, s store.Store) {
	for i := range 20 {
		id := fmt.Sprint("h", i)
		must(t, s.PutHold(t.Context(), store.Hold{ID: id, Room: "r1", Created: int64(i)}))
		var wait sync.WaitGroup
		var lifted atomic.Int64
		for range 4 {
			wait.Go(func() {
				_, ok, err := s.DeleteHold(t.Context(), id)
				if err != nil {
					t.Error(err)
				}
				if ok {
					lifted.Add(1)
				}
			})
		}
		wait.Wait()
		if n := lifted.Load(); n != 1 {
			t.Fatalf("%d of 4 have lifted the hold", n)
		}
	}
}
