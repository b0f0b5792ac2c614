package history

import (
	"encoding/json"
	"strings"
	"testing"

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

// TestDepartedHaveNoName: what somebody said and did who has deleted the account is given out under
// no name of theirs, whether it is stored or in the log only, and nothing else of it changes.
func TestDepartedHaveNoName(t *testing.T) {
	eachStore(t, func(t *testing.T, s *gated) {
		w, _ := start(t, openBus(t), s)
		s.readers.Store(true)
		all := func() string {
			t.Helper()
			var out strings.Builder
			for _, req := range []historyapi.PageRequest{{}, {Around: 1}, {After: 1}, {Before: bus.MaxSeq}} {
				req.Room = "r"
				p := w.page(req)
				if len(p.Messages) != 4 || len(p.Acts) != 2 {
					t.Fatalf("%+v: %+v", req, p)
				}
				_ = json.NewEncoder(&out).Encode(p) // a strings.Builder takes it
			}
			since := w.missed(historyapi.SinceRequest{Room: "r", Limit: 100})
			if len(since.Entries) != 9 {
				t.Fatalf("%d entries", len(since.Entries))
			}
			for _, e := range since.Entries {
				out.Write(e.Data[1:])
			}
			pins, err := w.pins.list(t.Context(), historyapi.PinsRequest{Room: "r", User: "bob"})
			if err != nil || len(pins.Pins) != 1 {
				t.Fatalf("%+v, %v", pins, err)
			}
			quotes, err := w.quotes.list(t.Context(), quotesRequest{"bob", "r", []quoteName{{"ann", "1"}, {"ann", "2"}}})
			if err != nil || len(quotes) != 2 {
				t.Fatalf("%+v, %v", quotes, err)
			}
			_ = json.NewEncoder(&out).Encode(pins)
			_ = json.NewEncoder(&out).Encode(quotes)
			return out.String()
		}
		says := func(id string) uint64 {
			w.event(chat.Event{Type: chat.TypeModerated, Room: "r", User: "ann", Name: "Nora", ID: "act" + id, Act: chat.ActMute, Member: "bob", MemberName: "Bob"})
			w.event(chat.Event{Type: chat.TypeMsg, Room: "r", User: "ann", Name: "Nora", ID: id, Text: "I was Ann"})
			w.event(chat.Event{Type: chat.TypeMsg, Room: "r", User: "bob", Name: "Bob", ID: id, Text: "hello", ReplyTo: id, ReplyAuthor: "ann"})
			return w.event(chat.Event{Type: chat.TypeEdited, Room: "r", User: "ann", Name: "Nora", ID: "e" + id, Target: id, Author: "ann", Text: "I was Ann once"})
		}
		w.stored("r", says("1"))
		w.stored("r", w.event(chat.Event{Type: chat.TypePinned, Room: "r", User: "ann", Name: "Nora", ID: "pin", Target: "1", Author: "ann", On: true}))
		s.down.Store(true)
		says("2") // which stays in the log
		if before := all(); strings.Count(before, `"Nora"`) != 4*4+7+2+2 || strings.Contains(before, chat.DeletedName) {
			t.Fatalf("before: %s", before)
		}
		w.gone.Store("ann", true)
		data, err := directoryapi.EncodeChange(directoryapi.Change{Kind: directoryapi.ChangeUser, User: "ann", At: 1})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := bus.Append(t.Context(), w.bus, bus.NewEntry{Room: chat.ControlRoom, Sender: "directory", ID: chat.NewID(), Data: data}); err != nil {
			t.Fatal(err)
		}
		w.eventually("the name is gone", func() bool { return !strings.Contains(all(), `"Nora"`) })
		after := all()
		if n := strings.Count(after, `"`+chat.DeletedName+`"`); n != 4*4+7+2+2 {
			t.Errorf("%d names are replaced: %s", n, after)
		}
		if strings.Count(after, `"Bob"`) != 4*4+4 || strings.Count(after, "I was Ann once") != 4*2+4+1+2 {
			t.Errorf("what else there is: %s", after)
		}
	})
}
