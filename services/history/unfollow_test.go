package history

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// TestFollowsEnd: follows of deleted accounts go, also those that came after the account, and those
// of threads that the record has no more, also where a release before has left them.
func TestFollowsEnd(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		root := chat.Thread{Author: "ann", ID: "m1"}
		w.say("r1", "ann", "m1", "root")
		w.answer("bob", "a1", root)
		w.stored("r1", w.answer("eve", "a2", root))
		follows := func(user string) (ids []string) {
			t.Helper()
			all, err := w.store.Follows(t.Context(), user, 10)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range all {
				ids = append(ids, f.ID)
			}
			slices.Sort(ids)
			return ids
		}
		are := func(what, user string, want ...string) {
			t.Helper()
			if got := follows(user); !slices.Equal(got, want) {
				t.Errorf("%s: %s follows %q, want %q", what, user, got, want)
			}
		}
		w.eventually("they follow the thread", func() bool { return len(follows("ann"))+len(follows("bob"))+len(follows("eve")) == 3 })
		for id, touched := range map[string]int64{"gone": 1, "in the log": time.Now().UnixMilli()} {
			if err := w.store.PutFollow(t.Context(), store.Follow{User: "eve", Room: "r1", Author: "ann", ID: id, Following: true, Touched: touched}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.store.PutFollow(t.Context(), store.Follow{User: "joe", Room: "r1", Author: "ann", ID: "m1", Following: true, Touched: 1}); err != nil {
			t.Fatal(err)
		}
		are("who has just begun", "joe", "m1")
		if err := w.api.Unsave(t.Context(), "joe"); err != nil {
			t.Fatal(err)
		}
		are("at once", "joe")
		// What else a service looks for every other second would take a minute of the processor
		// for a day.
		w.end()
		ctx, cancel := context.WithCancel(t.Context())
		var wait sync.WaitGroup
		defer wait.Wait()
		defer cancel()
		wait.Go(func() { w.tidier.run(ctx) })
		w.gone.Store("bob", true)
		time.Sleep(tidyEvery - time.Minute)
		are("before it is tidied", "bob", "m1")
		time.Sleep(2 * time.Minute)
		are("whose account is deleted", "bob")
		are("of a thread that there is", "ann", "m1")
		are("of one that there is not", "eve", "in the log", "m1")
		time.Sleep(tidyAnyway + tidyEvery)
		are("a day later", "eve", "m1")
		are("of somebody else", "ann", "m1")
	})
}
