package history

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"

	"hubbub.internal/libs/api"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/bus/busurl"
	"hubbub.internal/libs/chat"
)

// TestLogTakenBack has the log lose everything and get it again, at other places, from those who appended it. Pages show all
// of it once, and the text of a message that was deleted is not in the log again, whether or not the deletion had been
// stored.
func TestLogTakenBack(t *testing.T) {
	redis := bustest.Redis(t, "--appendonly", "no")
	cfg := busConfig(redis.URL())
	cfg.BusKeep, cfg.BusKeepBytes = 30*time.Second, 1<<20
	b, err := busurl.Open(t.Context(), cfg, zap.NewNop(), nil, api.RequiredGroups)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	w, _ := start(t, b, openStore(t, filepath.Join(t.TempDir(), "history.db")))
	remove := func(id string) uint64 {
		t.Helper()
		seq, code := w.do(chat.Event{Type: chat.TypeDeleted, Room: "r1", User: "ann", ID: "d-" + id, Target: id})
		if code != "" {
			t.Fatal(code)
		}
		return seq
	}
	for _, id := range []string{"m1", "m2", "m3"} {
		w.say("r1", "ann", id, "text of "+id)
	}
	w.event(chat.Event{Type: chat.TypeEdited, Room: "r1", User: "ann", ID: "e1", Target: "m2", Text: "text of m2, edited"})
	w.stored("r1", remove("m1"))
	w.store.down.Store(true)
	w.store.readers.Store(true)
	last := remove("m2")
	redis.Kill()
	redis.Start()
	w.eventually("the log has it again", func() bool {
		heads, err := b.Heads(t.Context(), []string{"r1"})
		return err == nil && heads[0].ID == "d-m2" && heads[0].Seq > last
	})
	w.store.down.Store(false)
	w.eventually("history has gone through it", func() bool { return testutil.ToFloat64(w.metrics.repeats) >= 5 })
	w.eventually("the log has no text that was deleted", func() bool {
		log, err := b.Replay(t.Context(), "r1", bus.Position{}, 100)
		if err != nil {
			t.Fatal(err)
		}
		var all strings.Builder
		for _, e := range log.Entries {
			all.Write(e.Data)
		}
		return !strings.Contains(all.String(), "text of m1") && !strings.Contains(all.String(), "text of m2") && strings.Contains(all.String(), "text of m3")
	})
	page := w.page(historyapi.PageRequest{Room: "r1"}).Messages
	if len(page) != 3 || !page[0].Deleted || !page[1].Deleted || page[2].Text != "text of m3" || page[0].ID != "m1" || page[1].ID != "m2" {
		t.Errorf("the page is %+v", page)
	}

	// The deletion comes after the repeat.
	data := []byte(`_{"type":"msg","room":"r1","id":"m3","user":"ann","text":"text of m3"}`)
	a, err := bus.Append(t.Context(), b, bus.NewEntry{Room: "r1", Sender: "copy", ID: "m3", Data: data})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.consume(t.Context(), []bus.Entry{{Room: "r1", Seq: a.Seq, Sender: "ann", ID: "m3", Data: data}}); err != nil {
		t.Fatal(err)
	}
	remove("m3")
	w.eventually("the repeat is erased with the message", func() bool {
		log, err := b.Replay(t.Context(), "r1", bus.Position{Seq: a.Seq - 1}, 100)
		return err == nil && len(log.Entries) == 1 && log.Entries[0].ID == "d-m3"
	})
}

// TestRepeatsAreNotedOnce has a batch come again and again while the store does not answer: what is remembered of others
// stays, and a deletion erases each place once.
func TestRepeatsAreNotedOnce(t *testing.T) {
	var r repeats
	other := message{"r1", "m1"}
	r.add(other, 7)
	for range maxRepeats {
		r.add(message{"r1", "m2"}, 8)
	}
	r.add(message{"r1", "m2"}, 9)
	if got := r.of(message{"r1", "m2"}); !slices.Equal(got, []uint64{8, 9}) {
		t.Errorf("the places are %d", got[:min(len(got), 10)])
	}
	if got := r.of(other); !slices.Equal(got, []uint64{7}) {
		t.Errorf("those of another message are %d", got)
	}
}
