package bustest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

var appendTests = map[string]func(*testing.T, *suite){
	"append: Seqs grow":                           checkSeqsGrow,
	"append: many senders at once":                checkManySenders,
	"append: a thousand without waiting":          checkAppendWithoutWaiting,
	"append: a repeat adds nothing":               checkRepeat,
	"append: a repeat at the same time":           checkRepeatAtOnce,
	"append: another room or sender is no repeat": checkNoRepeat,
	"append: the data is copied":                  checkAppendCopies,
	"append: done is called by another goroutine": checkDoneElsewhere,
	"append: what is refused":                     checkAppendRefuses,
	"append: the greatest entry":                  checkGreatestEntry,
}

func checkSeqsGrow(t *testing.T, s *suite) {
	room := name("room")
	last := uint64(0)
	for range 50 {
		seq := put(t, s.bus, entry(room, "ann", chat.NewID()))
		if seq <= last || seq > bus.MaxSeq {
			t.Fatalf("Seq %d after %d", seq, last)
		}
		last = seq
	}
}

func checkManySenders(t *testing.T, s *suite) {
	const senders, each = 10, 30
	room := name("room")
	var mu sync.Mutex
	want := make(map[uint64]string)
	var wg sync.WaitGroup
	for n := range senders {
		wg.Go(func() {
			for i := range each {
				e := entry(room, fmt.Sprint("sender", n), fmt.Sprint("id", i))
				seq := put(t, s.bus, e)
				mu.Lock()
				if was, ok := want[seq]; ok {
					t.Errorf("Seq %d for %s and for %s", seq, was, e.Sender+" "+e.ID)
				}
				want[seq] = e.Sender + " " + e.ID
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	got := make(map[uint64]string)
	next := make(map[string]int)
	for _, e := range readAll(t, s.bus, room) {
		got[e.Seq] = e.Sender + " " + e.ID
		if id := fmt.Sprint("id", next[e.Sender]); e.ID != id {
			t.Errorf("%s: entry %s where %s should be", e.Sender, e.ID, id)
		}
		next[e.Sender]++
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("acknowledged (-) and in the log (+):\n%s", diff)
	}
}

func checkAppendWithoutWaiting(t *testing.T, s *suite) {
	const n = 1000
	rooms := []string{name("room"), name("room"), name("room")}
	var mu sync.Mutex
	acked := make(map[string]uint64)
	var wg sync.WaitGroup
	wg.Add(n)
	for i := range n {
		id := fmt.Sprint("id", i)
		s.bus.Append(entry(rooms[i%len(rooms)], "ann", id), func(a bus.Appended, err error) {
			defer wg.Done()
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			acked[id] = a.Seq
		})
	}
	wg.Wait()
	for _, r := range rooms {
		for _, e := range readAll(t, s.bus, r) {
			if acked[e.ID] != e.Seq {
				t.Errorf("%s: acknowledged with Seq %d, in the log with %d", e.ID, acked[e.ID], e.Seq)
			}
			delete(acked, e.ID)
		}
	}
	if len(acked) > 0 {
		t.Errorf("%d acknowledged entries are not in the log: %v", len(acked), acked)
	}
}

func checkRepeat(t *testing.T, s *suite) {
	other := s.open(t) // it did not see the first append
	room := name("room")
	want := fill(t, s.bus, room, 3)
	for _, b := range []bus.Interface{s.bus, other} {
		for _, e := range want {
			again := bus.NewEntry{Room: room, Sender: e.Sender, ID: e.ID, Data: []byte("other data")}
			a, err := bus.Append(within(t), b, again)
			if err != nil || !a.Duplicate || a.Seq != e.Seq {
				t.Errorf("got %+v, %v; want the Seq of the first, %d", a, err, e.Seq)
			}
		}
	}
	if diff := cmp.Diff(want, readAll(t, s.bus, room)); diff != "" {
		t.Errorf("the log has changed:\n%s", diff)
	}
}

func checkRepeatAtOnce(t *testing.T, s *suite) {
	other := s.open(t)
	room := name("room")
	for range 10 {
		e := entry(room, "ann", chat.NewID())
		results := make(chan bus.Appended, 8)
		for i := range cap(results) {
			b := []bus.Interface{s.bus, other}[i%2]
			b.Append(e, func(a bus.Appended, err error) {
				if err != nil {
					t.Error(err)
				}
				results <- a
			})
		}
		first := 0
		seqs := make(map[uint64]bool)
		for range cap(results) {
			a := <-results
			seqs[a.Seq] = true
			if !a.Duplicate {
				first++
			}
		}
		// A driver that sent an entry twice may take its own first try for a repeat: then first is
		// 0.
		if len(seqs) != 1 || first > 1 {
			t.Errorf("%d Seqs for one key, %d of the appends said to be the first", len(seqs), first)
		}
	}
	if n := len(readAll(t, s.bus, room)); n != 10 {
		t.Errorf("%d entries, want 10", n)
	}
}

func checkNoRepeat(t *testing.T, s *suite) {
	room, other := name("room"), name("room")
	seen := make(map[string]bool)
	for _, e := range []bus.NewEntry{
		entry(room, "ann", "id"), entry(room, "bob", "id"), entry(other, "ann", "id"), entry(room, "ann", "id2"),
		entry(room, "ann-id", "id"), entry(room, "ann", "id-id"),
	} {
		a, err := bus.Append(within(t), s.bus, e)
		if err != nil || a.Duplicate {
			t.Errorf("%+v: %+v, %v", e, a, err)
		}
		seen[fmt.Sprint(e.Room, a.Seq)] = true
	}
	if len(seen) != 6 || len(readAll(t, s.bus, room)) != 5 || len(readAll(t, s.bus, other)) != 1 {
		t.Errorf("an entry is missing")
	}
}

func checkAppendCopies(t *testing.T, s *suite) {
	room := name("room")
	data := []byte("what was said")
	done := make(chan error, 1)
	s.bus.Append(bus.NewEntry{Room: room, Sender: "ann", ID: "id", Data: data}, func(_ bus.Appended, err error) { done <- err })
	copy(data, "something else")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := string(readAll(t, s.bus, room)[0].Data); got != "what was said" {
		t.Errorf("the log has %q", got)
	}
}

func checkDoneElsewhere(t *testing.T, s *suite) {
	for _, e := range []bus.NewEntry{entry(name("room"), "ann", "id"), entry("no name", "ann", "id")} {
		var mu sync.Mutex
		done := make(chan struct{}, 2)
		mu.Lock()
		s.bus.Append(e, func(bus.Appended, error) {
			mu.Lock()
			defer mu.Unlock()
			done <- struct{}{}
		})
		mu.Unlock()
		<-done
	}
}

func checkAppendRefuses(t *testing.T, s *suite) {
	room := name("room")
	for _, bad := range []string{"", "a b", "a.b", "a*", "a>", "a:b", "{a}", "ä", "a\n", strings.Repeat("a", 65)} {
		for _, e := range []bus.NewEntry{entry(bad, "ann", "id"), entry(room, bad, "id"), entry(room, "ann", bad)} {
			if a, err := bus.Append(within(t), s.bus, e); !errors.Is(err, bus.ErrBadName) {
				t.Errorf("%+v: %+v, %v; want ErrBadName", e, a, err)
			}
		}
	}
	e := entry(room, "ann", "id")
	e.Data = make([]byte, bus.MaxData+1)
	if _, err := bus.Append(within(t), s.bus, e); !errors.Is(err, bus.ErrTooLarge) {
		t.Errorf("%v, want ErrTooLarge", err)
	}
	if got := readAll(t, s.bus, room); len(got) != 0 {
		t.Errorf("%d entries were added", len(got))
	}
}

func checkGreatestEntry(t *testing.T, s *suite) {
	room := name("room")
	f := s.follow(t, s.bus, room)
	id := strings.Repeat("i", chat.MaxIDLen)
	for _, data := range [][]byte{nil, {0}, bytes.Repeat([]byte{'\r', '\n', 0, 0xff}, bus.MaxData/4)} {
		e := bus.NewEntry{Room: room, Sender: id, ID: chat.NewID(), Data: data}
		put(t, s.bus, e)
		all := readAll(t, s.bus, room)
		got := all[len(all)-1]
		if got.ID != e.ID || got.Sender != id || !bytes.Equal(got.Data, data) {
			t.Errorf("%d bytes of data came back as %d, from %s with id %s", len(data), len(got.Data), got.Sender, got.ID)
		}
	}
	f.has(t, readAll(t, s.bus, room))
}
