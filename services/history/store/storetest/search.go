package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hubbub.internal/libs/bus"
	"hubbub.internal/services/history/store"
)

// withText returns a message that is found by its text.
func withText(room string, seq uint64, sender, text string) store.Entry {
	e := message(room, seq, sender, fmt.Sprint("m", seq))
	e.Terms = store.TermsOf(sender, text, 1_700_000_000_000+int64(seq), false, false)
	return e
}

// seqsOf returns which messages a search finds, page by page.
func seqsOf(t *testing.T, s store.Store, q store.Search) (all []uint64) {
	t.Helper()
	q.Limit = max(q.Limit, 2)
	for range 1000 {
		found, err := s.Search(t.Context(), q)
		must(t, err)
		if len(found.Entries) != len(found.Places) {
			t.Fatalf("%d messages, and %d places", len(found.Entries), len(found.Places))
		}
		for _, e := range found.Entries {
			all = append(all, e.Seq)
		}
		if q.After = found.Next; found.Next == "" {
			return all
		}
	}
	t.Fatal("the search has no end")
	return nil
}

func findsSeqs(t *testing.T, s store.Store, q store.Search, want ...uint64) {
	t.Helper()
	if diff := cmp.Diff(want, seqsOf(t, s, q)); diff != "" {
		t.Errorf("%+v: %s", q, diff)
	}
}

func all(terms ...string) (lists [][]string) {
	for _, term := range terms {
		lists = append(lists, []string{term})
	}
	return lists
}

func testSearch(t *testing.T, s store.Store) {
	ctx := t.Context()
	findsSeqs(t, s, store.Search{Rooms: []string{"r1"}, All: all("hello")})
	add(
		t, s, withText("r1", 1, "ann", "hello world"), withText("r2", 2, "bob", "Hello İstanbul"), withText("r1", 3, "bob", "goodbye world"),
		withText("r1", 4, "Ann", "hello hello 東京都"), message("r1", 5, "ann", "m5"), withText("d-A_B", 6, "ann", "hello there"),
		withText("r2", 7, "ann", "world"), withText("r1", 7, "ann", "world of one seq"), withText("r1", bus.MaxSeq-1, "eve", "world's end"),
	)
	rooms := []string{"r1", "r2", "d-A_B", "unknown"}
	findsSeqs(t, s, store.Search{Rooms: rooms, All: all("hello")}, 6, 4, 2, 1)
	findsSeqs(t, s, store.Search{Rooms: rooms[:1], All: all("hello")}, 4, 1)
	findsSeqs(t, s, store.Search{Rooms: rooms[2:], All: all("hello")}, 6)
	findsSeqs(t, s, store.Search{Rooms: rooms[3:], All: all("hello")})
	findsSeqs(t, s, store.Search{All: all("hello")})
	findsSeqs(t, s, store.Search{Rooms: rooms, All: all("hello", "world")}, 1)
	findsSeqs(t, s, store.Search{Rooms: rooms, All: [][]string{{"goodbye", "there"}}}, 6, 3)
	findsSeqs(t, s, store.Search{Rooms: rooms, All: [][]string{{"goodbye", "there"}, {"world", "hello"}}}, 6, 3)
	findsSeqs(t, s, store.Search{Rooms: rooms, All: [][]string{{"hello"}, {}}})
	findsSeqs(t, s, store.Search{Rooms: rooms, All: all("world"), None: []string{"goodbye", "hello"}}, bus.MaxSeq-1, 7, 7)
	findsSeqs(t, s, store.Search{Rooms: rooms, All: all("istanbul")}, 2)
	findsSeqs(t, s, store.Search{Rooms: rooms, All: all("東京", "京都")}, 4)
	// Who wrote it is told by an id as it is.
	findsSeqs(t, s, store.Search{Rooms: rooms, All: all(store.FromTerm("Ann"))}, 4)
	findsSeqs(t, s, store.Search{Rooms: rooms, All: all(store.FromTerm("ann"), "hello")}, 6, 1)
	from := time.Date(2023, 11, 14, 0, 0, 0, 0, time.UTC)
	findsSeqs(t, s, store.Search{Rooms: rooms, All: [][]string{{"goodbye"}, store.DateTerms(from, from.AddDate(0, 0, 1))}}, 3)
	findsSeqs(t, s, store.Search{Rooms: rooms, All: [][]string{{"goodbye"}, store.DateTerms(from.AddDate(0, 0, 1), from.AddDate(10, 0, 0))}})
	// More rooms than a store names to its index.
	for i := range 100 {
		rooms = append(rooms, fmt.Sprint("x", i))
		add(t, s, withText(fmt.Sprint("x", i), 1000+uint64(i), "ann", "elsewhere hello"))
	}
	findsSeqs(t, s, store.Search{Rooms: rooms[:60], All: all("hello"), Limit: 70}, append(countdown(1055, 1000), 6, 4, 2, 1)...)
	found, err := s.Search(ctx, store.Search{Rooms: rooms, All: all("hello"), Limit: 3})
	must(t, err)
	after, err := s.Search(ctx, store.Search{Rooms: rooms, All: all("hello"), Limit: 1, After: found.Places[0]})
	must(t, err)
	same(t, found.Entries[1:2], after.Entries, nil)
	elsewhere, err := s.Search(ctx, store.Search{Rooms: rooms, All: all("hello"), Limit: 3, After: "elsewhere"})
	same(t, 0, len(elsewhere.Entries), err)
}

func countdown(from, to uint64) (all []uint64) {
	for n := from; n >= to; n-- {
		all = append(all, n)
	}
	return all
}

// testSearchChanges changes what messages are found by.
func testSearchChanges(t *testing.T, s store.Store) {
	ctx := t.Context()
	a, twin := withText("r1", 1, "ann", "first words"), withText("r1", 1, "bob", "conflicting words")
	twin.ID = "twin"
	add(t, s, a, withText("r1", 2, "ann", "second words"), twin, message("r1", 3, "ann", "m3"))
	put := func(e store.Entry, through uint64, text string) {
		t.Helper()
		terms := store.Terms{Room: e.Room, Seq: e.Seq, Name: e.Name(), Through: through}
		if text != "" {
			terms.Terms = store.TermsOf(e.Sender, text, 0, false, false)
		}
		must(t, s.PutTerms(ctx, []store.Terms{terms}))
	}
	q := func(term string) store.Search { return store.Search{Rooms: []string{"r1"}, All: all(term)} }
	findsSeqs(t, s, q("words"), 2, 1, 1)
	put(a, 10, "edited words")
	findsSeqs(t, s, q("first"))
	findsSeqs(t, s, q("edited"), 1)
	findsSeqs(t, s, q("conflicting"), 1)
	put(twin, 11, "other words")
	findsSeqs(t, s, q("conflicting"))
	findsSeqs(t, s, q("other"), 1)
	put(a, 12, "")
	findsSeqs(t, s, q("edited"))
	findsSeqs(t, s, q("words"), 2, 1)
	put(a, 12, "") // again
	// A message of the time before there was an index, and one that is none.
	put(message("r1", 3, "ann", "m3"), 0, "third words")
	put(message("r1", 9, "ann", "none"), 0, "no words")
	put(message("r9", 9, "eve", "none"), 0, "no words")
	findsSeqs(t, s, q("words"), 3, 2, 1)
	// Handed over again, it is as it was.
	add(t, s, withText("r1", 2, "ann", "second words"))
	findsSeqs(t, s, q("second"), 2)
	must(t, s.PutTerms(ctx, nil))

	// A room that is removed is not found, and one that comes after it is.
	for n := 1; n > 0; {
		var err error
		n, err = s.RemoveEntries(ctx, "r1", 2)
		must(t, err)
	}
	findsSeqs(t, s, q("words"))
	add(t, s, withText("r2", 1, "ann", "words again"))
	findsSeqs(t, s, store.Search{Rooms: []string{"r1", "r2"}, All: all("words")}, 1)
}

func testCompletions(t *testing.T, s store.Store) {
	ctx := t.Context()
	for i := range uint64(9) {
		text := "term "
		if i%2 == 0 {
			text += "terminal "
		}
		if i == 4 {
			text += "tern 東京 zebra"
		}
		add(t, s, withText("r1", i+1, "ann", text))
	}
	for prefix, want := range map[string][]string{"ter": {"term", "terminal", "tern"}, "termi": {"terminal"}, "東": {"東京"}, "q": nil, "ann": nil} {
		got, err := s.Completions(ctx, prefix, 10)
		same(t, want, got, err)
	}
	got, err := s.Completions(ctx, "t", 1)
	same(t, []string{"term"}, got, err)
}

// testWordsGo: some hours after the last message with a word is gone, no word is completed to it.
func testWordsGo(t *testing.T, s store.Store) {
	ctx := t.Context()
	tidied := func(later time.Duration) {
		t.Helper()
		for more := true; more; {
			var err error
			more, err = s.Tidy(ctx, time.Now().Add(later).UnixMilli(), true)
			must(t, err)
		}
	}
	words := func(prefix string, want ...string) {
		t.Helper()
		got, err := s.Completions(ctx, prefix, 100)
		slices.Sort(got)
		same(t, want, got, err)
	}
	tidied(24 * time.Hour) // where there is nothing
	for i := range uint64(300) {
		text := fmt.Sprintf("xeno both everywhere number%d", i)
		if i == 299 {
			text = "everywhere xerox"
		}
		add(t, s, withText("r1", i+1, "ann", text))
	}
	for i := range uint64(120) { // more rooms than a step looks into
		add(t, s, withText(fmt.Sprint("s", i), 1, "ann", "everywhere"))
	}
	add(t, s, withText("z1", 1, "ann", "both"), withText("z2", 1, "ann", "xylem yellow"))
	words("x", "xeno", "xerox", "xylem")
	_, err := s.RemoveThrough(ctx, "r1", 299, 1000)
	must(t, err)
	// Another text, by an edit, and none: it is deleted.
	must(t, s.PutTerms(ctx, []store.Terms{{Room: "z2", Seq: 1, Name: store.Name{Sender: "ann", ID: "m1"}, Through: 2, Terms: store.TermsOf("ann", "xylem xenial", 1, false, false)}}))
	must(t, s.PutTerms(ctx, []store.Terms{{Room: "r1", Seq: 300, Name: store.Name{Sender: "ann", ID: "m300"}, Through: 301}}))
	add(t, s, withText("z3", 1, "ann", "number7")) // said again
	tidied(24 * time.Hour)
	words("x", "xenial", "xylem")
	words("number", "number7")
	words("both", "both")
	words("every", "everywhere")
	words("yell")
	// A room that is removed.
	_, err = s.RemoveEntries(ctx, "z2", 10)
	must(t, err)
	tidied(24 * time.Hour)
	words("x")
	add(t, s, withText("z2", 2, "ann", "xylem"))
	words("x", "xylem")
	tidied(48 * time.Hour)
	words("x", "xylem")
}

func testIndexing(t *testing.T, s store.Store) {
	ctx := t.Context()
	got, err := s.Indexing(ctx)
	same(t, store.Indexing{}, got, err)
	for _, tt := range []struct {
		now, until int64
		want       bool
	}{{10, 20, true}, {15, 30, false}, {21, 30, true}} {
		mine, err := s.ClaimIndexing(ctx, tt.now, tt.until)
		same(t, tt.want, mine, err)
	}
	want := store.Indexing{Version: 7, Room: "r1", Seq: bus.MaxSeq, Done: true}
	must(t, s.SaveIndexing(ctx, want))
	got, err = s.Indexing(ctx)
	same(t, want, got, err)
	mine, err := s.ClaimIndexing(ctx, 22, 40) // it was given back
	same(t, true, mine, err)
	got, err = s.Indexing(ctx)
	same(t, want, got, err)
}

// testDateTerms holds that the terms of dates are those of the messages of these days, and few.
func testDateTerms(t *testing.T, s store.Store) {
	from, to := time.Date(2024, 11, 29, 5, 0, 0, 0, time.UTC), time.Date(2026, 2, 2, 1, 0, 0, 0, time.UTC)
	terms := store.DateTerms(from, to)
	if len(terms) != 2+1+1+1+2 { // two days, December, 2025, January, two days
		t.Errorf("%q", terms)
	}
	for day := from.AddDate(0, 0, -3); day.Before(to.AddDate(0, 0, 3)); day = day.AddDate(0, 0, 1) {
		has := slices.ContainsFunc(store.TermsOf("ann", "", day.UnixMilli(), false, false), func(term string) bool { return slices.Contains(terms, term) })
		if want := !day.Before(from) && day.Before(time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC)); has != want {
			t.Errorf("%s is found: %v", day, has)
		}
	}
	same(t, true, len(store.DateTerms(time.UnixMilli(0), time.Date(2080, 1, 1, 0, 0, 0, 0, time.UTC))) == 110, nil)
	must(t, s.PutTerms(t.Context(), nil))
}
