package storetest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// testDone changes messages in every way, in the order of the log and in any other: where a store
// says with a message what was done to it, that is what the entries about it say.
func testDone(t *testing.T, s store.Store) {
	for i := range 12 {
		room := fmt.Sprint("done", i)
		all := doings(t, room)
		if i > 0 {
			shuffled := rand.New(rand.NewPCG(uint64(i), 0)) //nolint:gosec // the same in each run
			shuffled.Shuffle(len(all), func(a, b int) { all[a], all[b] = all[b], all[a] })
		}
		for _, e := range all {
			add(t, s, e)
		}
		add(t, s, all...) // handed over again
		isDone(t, s, room)
	}
}

// doings are three messages and what is about them, in order.
func doings(t *testing.T, room string) (all []store.Entry) {
	t.Helper()
	put := func(kind, user, target string, e chat.Event) {
		e.Type, e.Room, e.User, e.Target, e.ID, e.TS = kind, room, user, target, fmt.Sprint("e", len(all)), int64(len(all))
		if kind == chat.TypeMsg {
			e.ID, e.Target = target, ""
		} else {
			e.Author = "ann"
		}
		data, err := chat.AppendEntry(nil, e)
		must(t, err)
		entry := store.Entry{Room: room, Seq: uint64(10 * (len(all) + 1)), Sender: user, ID: e.ID, Type: kind, Target: e.Target, Author: e.Author, Data: data}
		entry.Slot, entry.Past = store.SlotOf(entry)
		all = append(all, entry)
	}
	put(chat.TypeMsg, "ann", "m1", chat.Event{Text: "one"})
	put(chat.TypeMsg, "ann", "m2", chat.Event{Text: "two"})
	put(chat.TypeMsg, "bob", "m1", chat.Event{Text: "another's"})
	put(chat.TypeReacted, "bob", "m1", chat.Event{Emoji: "+", On: true})
	put(chat.TypeEdited, "ann", "m1", chat.Event{Text: "1 \u2028 <&>"})
	put(chat.TypeReacted, "cy", "m1", chat.Event{Emoji: "+", On: true})
	put(chat.TypePinned, "bob", "m1", chat.Event{On: true})
	put(chat.TypeReacted, "bob", "m1", chat.Event{Emoji: "+", On: false})
	put(chat.TypeReacted, "bob", "m1", chat.Event{Emoji: "+", On: true}) // now behind cy
	put(chat.TypeReacted, "bob", "m2", chat.Event{Emoji: "+", On: true})
	put(chat.TypeEdited, "ann", "m2", chat.Event{Text: "2"})
	put(chat.TypeDeleted, "mod", "m2", chat.Event{})
	put(chat.TypeReacted, "cy", "m2", chat.Event{Emoji: "-", On: true})
	put(chat.TypePinned, "bob", "m1", chat.Event{})
	put(chat.TypeEdited, "ann", "m1", chat.Event{Text: "uno"})
	return all
}

// isDone holds that what the messages of a room say was done to them is what entries say.
func isDone(t *testing.T, s store.Store, room string) {
	t.Helper()
	found, err := s.Oldest(t.Context(), room, 0, 10)
	if must(t, err); len(found) != 3 {
		t.Fatalf("messages are %+v", found)
	}
	for _, e := range found {
		about, err := s.About(t.Context(), room, []store.Name{e.Name()}, 0)
		must(t, err)
		var want chat.Message
		for _, a := range about {
			event, err := store.EventOf(a)
			must(t, err)
			store.Change(&want, event)
		}
		if e.Done == nil {
			continue
		}
		got, err := e.Done.Message()
		must(t, err)
		want.Event = chat.Event{Text: want.Text}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || e.Done.Deleted != want.Deleted {
			t.Errorf("of %s by %s: %s", e.ID, e.Sender, diff)
		}
	}
}
