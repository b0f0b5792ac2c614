package history

import (
	"context"
	"fmt"
	"strings"
	"testing"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// behind is a store that was written to since it was asked for the end of a room.
type behind struct {
	store.Store
	last bus.Position
}

func (b behind) Last(context.Context, string) (bus.Position, error) { return b.last, nil }

func (b behind) Latest(ctx context.Context, room string, limit int) (bus.Position, []store.Entry, error) {
	all, err := b.Newest(ctx, room, b.last.Seq+1, limit)
	return b.last, all, err
}

// TestStoredMeanwhile: entries are stored while an answer is put together, which has read them
// from the log already: each is in the answer once, in its place.
func TestStoredMeanwhile(t *testing.T) {
	w := open(t)
	var seqs []uint64
	for i := range 4 {
		seqs = append(seqs, w.say("r1", "ann", fmt.Sprint("m", i), fmt.Sprint(i)))
	}
	edited := w.event(chat.Event{Type: chat.TypeEdited, Room: "r1", User: "ann", ID: "e1", Target: "m0", Text: "zero"})
	reacted := w.event(chat.Event{Type: chat.TypeReacted, Room: "r1", User: "ann", ID: "x1", Target: "m0", Emoji: "👍", On: true})
	w.stored("r1", reacted)
	w.stop()
	all := append(seqs, edited, reacted)
	for n := range len(all) + 1 {
		last := bus.Position{}
		if n > 0 {
			last.Seq = all[n-1]
		}
		w.Service = over(w, w.bus, behind{w.store, last})
		for _, limit := range []int{1, 2, 3, 5, 6} {
			for after := uint64(0); ; {
				got, err := w.pages.since(t.Context(), historyapi.SinceRequest{Room: "r1", After: after, Limit: limit})
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range got.Entries {
					if want := next(all, after); e.Seq != want || e.Prev != after {
						t.Fatalf("%d known as stored, %d at a time: after %d comes %d, after %d; want %d", n, limit, after, e.Seq, e.Prev, want)
					}
					after = e.Seq
				}
				if len(got.Entries) > limit || !got.More && after != reacted {
					t.Fatalf("%d known as stored, %d at a time: ends with %d at %d", n, limit, len(got.Entries), after)
				}
				if !got.More {
					break
				}
			}
			var on, back []string
			for after, more := uint64(1), true; more; {
				p, err := w.pageNow(historyapi.PageRequest{Room: "r1", After: after, Limit: limit})
				if err != nil || len(p.Messages) == 0 {
					t.Fatalf("%+v, %v", p, err)
				}
				on, after, more = append(on, texts(p)), p.Messages[len(p.Messages)-1].Seq, p.More
			}
			for before, more := uint64(0), true; more; {
				p, err := w.pageNow(historyapi.PageRequest{Room: "r1", Before: before, Limit: limit})
				if err != nil || len(p.Messages) == 0 {
					t.Fatalf("%+v, %v", p, err)
				}
				back, before, more = append([]string{texts(p)}, back...), p.Messages[0].Seq, p.More
				if m := p.Messages[0]; m.ID == "m0" && len(m.Reactions["👍"]) != 1 {
					t.Errorf("%d known as stored: reactions are %v", n, m.Reactions)
				}
			}
			for way, got := range map[string][]string{"on": on, "back": back} {
				if strings.Join(got, " ") != "zero 1 2 3" {
					t.Errorf("%d known as stored, %d at a time, %s: %q", n, limit, way, got)
				}
			}
		}
		if e, ok, err := w.records.find(t.Context(), "r1", "ann", "m2"); err != nil || !ok || e.Seq != seqs[2] {
			t.Errorf("%d known as stored: %+v, %v", n, e, err)
		}
	}
}

// next returns the first of seqs after one.
func next(seqs []uint64, after uint64) uint64 {
	for _, seq := range seqs {
		if seq > after {
			return seq
		}
	}
	return 0
}
