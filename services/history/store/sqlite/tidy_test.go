package sqlite

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// TestRemovedTextsLeaveTheFile looks for what was deleted, and for what was removed with the
// beginning of a room, in every byte of the file and of the log of writes beside it.
func TestRemovedTextsLeaveTheFile(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "history.db")
	s, err := Open(ctx, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	said := func(seq int, text string) store.Entry {
		id := chat.NewID()
		data, err := chat.AppendEntry(nil, chat.Event{Type: chat.TypeMsg, Room: "r1", ID: id, User: "ann", Text: text, TS: 1})
		if err != nil {
			t.Fatal(err)
		}
		return store.Entry{Room: "r1", Seq: uint64(seq), Sender: "ann", ID: id, Type: chat.TypeMsg, Data: data, Terms: store.TermsOf("ann", text, 1, false, false)}
	}
	var all []store.Entry
	for i := 1; i <= 600; i++ {
		text := fmt.Sprintf("common word%d", i)
		switch {
		case i <= 200:
			text += fmt.Sprintf(" zygomorphic%d", i) // goes with the beginning
		case i%50 == 0:
			text += fmt.Sprintf(" xylophonic%d", i) // is deleted
		}
		all = append(all, said(i, text))
	}
	for from := 0; from < len(all); from += 40 {
		if _, err := s.Append(ctx, all[from:from+40]); err != nil {
			t.Fatal(err)
		}
	}
	found := func(word string) bool {
		t.Helper()
		for _, suffix := range []string{"", "-wal"} {
			content, err := os.ReadFile(path + suffix)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(content, []byte(word)) {
				return true
			}
		}
		return false
	}
	// One message goes with its versions when it is deleted, another with the beginning.
	for i, of := range []store.Entry{all[99], all[299]} {
		for version := range 3 {
			id, text := chat.NewID(), fmt.Sprintf("version quixotic%d", version)
			if version == 2 {
				text = "the last version"
			}
			data, err := chat.AppendEntry(nil, chat.Event{Type: chat.TypeEdited, Room: "r1", ID: id, User: "ann", Target: of.ID, Author: "ann", Text: text, TS: 2})
			if err != nil {
				t.Fatal(err)
			}
			e := store.Entry{Room: "r1", Seq: uint64(1000 + 10*i + version), Sender: "ann", ID: id, Type: chat.TypeEdited, Target: of.ID, Author: "ann", Slot: chat.TypeEdited, Data: data}
			if _, err := s.Append(ctx, []store.Entry{e}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.KeepOriginal(ctx, "r1", of.Name(), func(e store.Entry) ([]byte, error) { return chat.WithText(e.Data, "") }); err != nil {
			t.Fatal(err)
		}
		if all, err := s.Versions(ctx, "r1", of.Name(), 1<<40, 10); err != nil || len(all) != 4 || !bytes.Contains(all[3].Data, []byte("common word")) {
			t.Fatalf("versions are %+v, %v", all, err)
		}
	}
	if !found("zygomorphic") || !found("xylophonic") || !found("quixotic") {
		t.Fatal("what is kept is not in the file: the test looks for something else")
	}
	if n, err := s.RemoveThrough(ctx, "r1", 200, 1000); err != nil || n != 200 {
		t.Fatalf("removed %d, %v", n, err)
	}
	for _, e := range all[200:] {
		if e.Seq%50 != 0 {
			continue
		}
		if _, err := s.Erase(ctx, "r1", e.Name(), func(e store.Entry) ([]byte, error) { return chat.WithText(e.Data, "") }); err != nil {
			t.Fatal(err)
		}
		if err := s.PutTerms(ctx, []store.Terms{{Room: "r1", Seq: e.Seq, Name: e.Name(), Through: e.Seq + 1}}); err != nil {
			t.Fatal(err)
		}
	}
	steps := 0
	for more := true; more; steps++ {
		if more, err = s.Tidy(ctx, 0, false); err != nil {
			t.Fatal(err)
		}
	}
	for _, word := range []string{"zygomorphic", "xylophonic", "quixotic", "word7 ", "word250"} {
		if found(word) {
			t.Errorf("%q is in the file after %d steps", word, steps)
		}
	}
	if !found("word201") || !found("common") {
		t.Error("what was not removed is gone")
	}
	for prefix, want := range map[string]int{"zygo": 0, "xylo": 0, "common": 1, "word201": 1} {
		if words, err := s.Completions(ctx, prefix, 10); err != nil || len(words) != want {
			t.Errorf("words that begin with %s: %v, %v", prefix, words, err)
		}
	}
	hits, err := s.Search(ctx, store.Search{Rooms: []string{"r1"}, All: [][]string{{"common"}}, Limit: 1000})
	if err != nil || len(hits.Entries) != 392 {
		t.Errorf("%d messages are found, %v", len(hits.Entries), err)
	}
	if more, err := s.Tidy(ctx, 0, false); more || err != nil {
		t.Errorf("with nothing removed since: %v, %v", more, err)
	}
}
