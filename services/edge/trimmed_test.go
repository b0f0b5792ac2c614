package edge_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/follow"
	"hubbub.internal/libs/bus/natsbus"
	"hubbub.internal/libs/bus/natsembed"
	"hubbub.internal/libs/chat"
)

// TestTrimmedIsNoRewind: retention takes what idle rooms have, right after a message was deleted
// that is younger than all of it: nobody is told anything, neither in idle rooms nor in rooms
// without a message, and what is said next comes.
func TestTrimmedIsNoRewind(t *testing.T) {
	t.Parallel()
	// A machine with much else to do needs more time between two comparisons.
	for age := 100 * time.Millisecond; !trimsWithoutRewind(t, age); age *= 4 {
		if age > 5*time.Second {
			t.Fatal("something came in between each time")
		}
	}
}

// trimsWithoutRewind reports whether it could test that, with entries that are kept for age.
func trimsWithoutRewind(t *testing.T, age time.Duration) bool {
	server, err := natsembed.Start(natsembed.Options{Dir: t.TempDir(), Port: natsembed.NoListener})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Shutdown)
	r := &running{t: t, reg: prometheus.NewRegistry()}
	b, err := natsbus.Open(t.Context(), natsbus.Config{
		InProcess: server, Partitions: 2, Personal: chat.IsUserRoom, MaxAge: age, TrimEvery: 5 * time.Millisecond, Follow: follow.Options{CompareEvery: 3 * age / 2},
	}, zap.NewNop(), r.reg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	compared := func() float64 { return r.count("hubbub_bus_follow_compared_rooms_total") }

	w := newWorldWith(t, b)
	e := w.edge()
	rooms := []string{"idle-0", "idle-1", "idle-2", "idle-3"}
	ann := w.login(e, "ann")
	for _, room := range rooms {
		ann.join(room)
	}
	ann.join("empty")
	// hears checks that the next thing that ann is told is a message.
	hears := func(room, id string) {
		t.Helper()
		if e, code := ann.eventOrClose(); code != 0 || e.Type != chat.TypeMsg || e.Room != room || e.ID != id {
			t.Fatalf("closed with %d, told %+v; want message %s of %s", code, e, id, room)
		}
	}
	left := func(room string) int {
		t.Helper()
		got, err := b.Replay(t.Context(), room, bus.Position{}, 10)
		if err != nil {
			t.Fatal(err)
		}
		return len(got.Entries)
	}
	// compare waits until a comparison has begun, and has ended.
	compare := func() {
		t.Helper()
		from := compared()
		eventually(t, "every room is compared", func() bool { return compared() >= from+2*r.count("hubbub_bus_follow_rooms") })
	}
	// It has to happen between two comparisons, and the message has to be gone first. Otherwise all
	// is done once more.
	for try, tested := 0, false; !tested; try++ {
		if try == 10 {
			return false
		}
		compare()
		for _, room := range rooms {
			w.stream(room, try, 1, 5)
			hears(room, fmt.Sprint("n", try))
		}
		begun := compared()
		young := w.append("busy", []byte(`_{"type":"msg","text":"gone at once"}`))
		if err := b.Remove(t.Context(), "busy", young.Seq); err != nil {
			t.Fatal(err)
		}
		inTime := left(rooms[0]) == 1
		eventually(t, "all entries are trimmed", func() bool { return left(rooms[len(rooms)-1]) == 0 })
		tested = inTime && compared() == begun
	}
	compare()
	for _, room := range append(rooms, "empty") {
		w.stream(room, 2000, 1, 5)
		hears(room, "n2000")
	}
	return true
}
