package storetest

import (
	"fmt"
	"testing"

	"hubbub.internal/services/history/store"
)

// Changed are entries as releases kept them that knew neither authors nor slots: two messages with
// one id, each of which was edited, and what was done to the first.
func Changed() []store.Entry {
	kept := func(seq uint64, sender, kind, data string) store.Entry {
		return store.Entry{Room: sampleRoom, Seq: seq, Sender: sender, ID: fmt.Sprint("c", seq), Type: kind, Target: "m", Data: []byte("\x01" + data)}
	}
	all := []store.Entry{
		message(sampleRoom, 1, "ann", "m"), message(sampleRoom, 2, "bob", "m"),
		kept(3, "ann", "edited", `{"text":"1"}`), kept(4, "bob", "edited", `{"text":"2"}`), kept(5, "ann", "edited", `{"text":"3"}`),
		kept(6, "cy", "reacted", `{"emoji":"+","on":true}`), kept(7, "cy", "reacted", `{"emoji":"-","on":true}`), kept(8, "cy", "reacted", `{"emoji":"+"}`),
		kept(9, "di", "reacted", `{"emoji":"+","on":true}`), kept(10, "cy", "pinned", `{"on":true}`), kept(11, "cy", "pinned", `{}`),
		kept(12, "di", "reacted", `no JSON`), kept(13, "ann", "deleted", `{}`),
	}
	lost := kept(14, "ann", "deleted", `{}`) // of a message that is not there
	lost.Target = "gone"
	return append(all, lost)
}

// VerifyChanged holds that a store that was led forward knows what Changed are about, and what of
// them is past.
func VerifyChanged(t *testing.T, s store.Store) {
	t.Helper()
	seqs := func(names ...store.Name) (seqs []uint64) {
		all, err := s.About(t.Context(), sampleRoom, names, 0)
		must(t, err)
		for _, e := range all {
			if e.ID != fmt.Sprint("c", e.Seq) || e.Past || e.Target == "m" && e.Author == "" {
				t.Errorf("about %v is %+v", names, e)
			}
			seqs = append(seqs, e.Seq)
		}
		return seqs
	}
	ann, bob := store.Name{Sender: "ann", ID: "m"}, store.Name{Sender: "bob", ID: "m"}
	same(t, []uint64{5, 7, 9, 12, 13}, seqs(ann), nil)
	same(t, []uint64{4}, seqs(bob), nil)
	same(t, []uint64{14}, seqs(store.Name{Sender: "ann", ID: "gone"}), nil)
	// What is said from now on takes the place of what was said before.
	next := about(sampleRoom, 20, "cy", "c20", "reacted", "m")
	next.Data = []byte("\x01{\"emoji\":\"-\"}")
	next.Slot, next.Past = store.SlotOf(next)
	add(t, s, next)
	same(t, []uint64{5, 9, 12, 13}, seqs(ann), nil)
}
