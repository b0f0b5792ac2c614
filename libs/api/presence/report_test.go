package presence

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"hubbub.internal/libs/chat"
)

func drawSession(t *rapid.T) Session {
	id := rapid.StringMatching(`[A-Za-z0-9_-]{1,64}`)
	return Session{
		ID: rapid.Uint64().Draw(t, "id"), User: id.Draw(t, "user"), Name: rapid.String().Draw(t, "name"),
		Device: rapid.SampledFrom([]string{"", "web", "phone"}).Draw(t, "device"),
		Status: rapid.SampledFrom([]Status{Online, Idle, DND, Invisible}).Draw(t, "status"),
		Rooms:  rapid.SliceOfNDistinct(rapid.StringMatching(`[A-Za-z0-9-][A-Za-z0-9_-]{1,63}`), 0, 20, rapid.ID[string]).Draw(t, "rooms"),
		Since:  rapid.Int64Range(0, 1<<53).Draw(t, "since"),
	}
}

// received is a change as it was sent.
func received(c *Change) Session {
	s := Session{ID: c.ID, User: string(c.User), Name: string(c.Name), Device: string(c.Device), Status: c.Status, Since: c.Since}
	for _, room := range c.Rooms {
		s.Rooms = append(s.Rooms, string(room))
	}
	return s
}

// TestReportsArrive: every change arrives as it was told, in order, under its number.
func TestReportsArrive(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tally := NewTally("edge", 7, nil)
		var want []string
		for range rapid.IntRange(0, 20).Draw(t, "changes") {
			s := drawSession(t)
			s.Rooms = slices.DeleteFunc(s.Rooms, func(r string) bool { return r == chat.UserRoom(s.User) })
			if len(s.Rooms) == 0 {
				s.Rooms = nil
			}
			switch rapid.IntRange(0, 4).Draw(t, "kind") {
			case 0:
				tally.Enter(s)
				s.Name = s.name()
				want = append(want, fmt.Sprintf("enter %+v", s))
			case 1:
				tally.Join(s.ID, s.User, "room")
				want = append(want, fmt.Sprintf("join %d room", s.ID))
			case 2:
				tally.Leave(s.ID, s.User, "room")
				want = append(want, fmt.Sprintf("leave %d room", s.ID))
			case 3:
				tally.SetStatus(s.ID, Online, s.Status)
				want = append(want, fmt.Sprintf("status %d %s", s.ID, s.Status))
			default:
				tally.Exit(s)
				want = append(want, fmt.Sprintf("exit %d", s.ID))
			}
		}
		var got []string
		number := uint64(0)
		for _, msg := range tally.Changes() {
			r, err := DecodeReport(msg)
			if err != nil || string(r.Edge) != "edge" || r.Incarnation != 7 || r.Changes.From != number {
				t.Fatalf("%+v, %v; at number %d", r, err, number)
			}
			number += r.Changes.N
			clone := r.Changes.Clone()
			clear(msg) // the clone has its own memory
			var c Change
			if err := clone.Each(&c, func(c *Change) {
				switch c.Kind {
				case Entered:
					got = append(got, fmt.Sprintf("enter %+v", received(c)))
				case Joined:
					got = append(got, fmt.Sprintf("join %d %s", c.ID, c.Room))
				case Left:
					got = append(got, fmt.Sprintf("leave %d %s", c.ID, c.Room))
				case StatusChanged:
					got = append(got, fmt.Sprintf("status %d %s", c.ID, c.Status))
				case Exited:
					got = append(got, fmt.Sprintf("exit %d", c.ID))
				}
			}); err != nil {
				t.Fatal(err)
			}
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

// TestDigest: whatever order things happen in, the digest is that of what is there; and it differs
// when that does.
func TestDigest(t *testing.T) {
	t.Parallel()
	digest := func(t *Tally) uint64 {
		r, err := DecodeReport(last(t.Heartbeat()))
		if err != nil {
			panic(err)
		}
		return r.Heartbeat.Digest
	}
	a := Session{ID: 1, User: "ann", Name: "Ann", Device: "web", Status: Online, Rooms: []string{"r1", "r2"}, Since: 5}
	one, two := NewTally("e", 1, nil), NewTally("e", 1, nil)
	one.Enter(a)
	b := a
	b.Rooms, b.Status = []string{chat.UserRoom("ann"), "r2"}, DND
	two.Enter(b)
	two.Join(1, "ann", "r1")
	two.Join(1, "ann", chat.UserRoom("ann"))
	two.Join(1, "ann", "_control")
	two.Join(1, "ann", "r3")
	two.SetStatus(1, DND, Online)
	two.Leave(1, "ann", "r3")
	if digest(one) != digest(two) {
		t.Error("equal sessions have different digests")
	}
	seen := map[uint64]string{digest(one): "the original"}
	for name, change := range map[string]func(*Session){
		"id": func(s *Session) { s.ID = 2 }, "user": func(s *Session) { s.User = "bob" }, "device": func(s *Session) { s.Device = "phone" },
		"status": func(s *Session) { s.Status = Idle }, "since": func(s *Session) { s.Since++ },
		"room": func(s *Session) { s.Rooms = []string{"r1", "r9"} }, "fewer rooms": func(s *Session) { s.Rooms = []string{"r1"} },
	} {
		c := a
		change(&c)
		other := NewTally("e", 1, nil)
		other.Enter(c)
		if twin, ok := seen[digest(other)]; ok {
			t.Errorf("another %s has the digest of %s", name, twin)
		}
		seen[digest(other)] = name
	}
	a.Name = "forgotten"
	one.Exit(a)
	if digest(one) != 0 {
		t.Error("nobody is left, and the digest is not 0")
	}
	if n, number := one.Count(); n != 0 || number != 2 {
		t.Errorf("%d sessions after change %d", n, number)
	}
}

func last(messages [][]byte) []byte { return messages[len(messages)-1] }

// TestSnapshotsArrive: the chunks of a snapshot hold every session, whole.
func TestSnapshotsArrive(t *testing.T) {
	t.Parallel()
	want := map[uint64]Session{}
	for i := range uint64(20_000) {
		s := Session{ID: i, User: fmt.Sprintf("user-%036d", i), Name: "Name", Device: "web", Status: DND, Since: int64(i)}
		for k := range i % 7 {
			s.Rooms = append(s.Rooms, fmt.Sprintf("room-%036d", i%100+k))
		}
		want[i] = s
	}
	tally := NewTally("edge", 3, func(yield func(Session) bool) {
		for _, s := range want {
			if !yield(s) {
				return
			}
		}
	})
	got := map[uint64]Session{}
	req := SnapshotRequest{}
	for {
		msg, err := tally.Answer(AppendSnapshotRequest(nil, req))
		if err != nil {
			t.Fatal(err)
		}
		if len(msg) > 300<<10 {
			t.Errorf("a chunk of %d bytes", len(msg))
		}
		k, err := DecodeChunk(msg, "edge", 3)
		if err != nil {
			t.Fatal(err)
		}
		var c Change
		if err := k.Each(&c, func(c *Change) { got[c.ID] = received(c) }); err != nil {
			t.Fatal(err)
		}
		if req.ID, req.Index = k.ID, k.Index+1; req.Index == k.Chunks {
			break
		}
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if req.Index < 5 {
		t.Errorf("only %d chunks: the test is too small", req.Index)
	}
	// Another replica that asks for no newer one gets the same; one that does gets another; the
	// third pushes out the first.
	again, err := tally.Answer(AppendSnapshotRequest(nil, SnapshotRequest{}))
	if err != nil {
		t.Fatal(err)
	}
	if k, _ := DecodeChunk(again, "edge", 3); k.ID != req.ID {
		t.Error("a second snapshot was taken for nothing")
	}
	for range 2 {
		tally.Enter(Session{ID: 1 << 40, User: "new"})
		_, number := tally.Count()
		if _, err := tally.Answer(AppendSnapshotRequest(nil, SnapshotRequest{Min: number})); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tally.Answer(AppendSnapshotRequest(nil, req)); err == nil || !strings.Contains(err.Error(), chat.CodeNotFound) {
		t.Errorf("three snapshots are kept: %v", err)
	}
	for _, bad := range [][]byte{nil, {}, {1}, {9, 1, 1, 1}, AppendSnapshotRequest(nil, SnapshotRequest{Index: 1 << 30}), AppendSnapshotRequest(nil, SnapshotRequest{Min: 1 << 30})} {
		if _, err := tally.Answer(bad); err == nil {
			t.Errorf("%x is answered", bad)
		}
	}
}

// TestOverflow: what cannot be sent is dropped as a whole, in a bounded memory, and leaves a gap in
// the numbers.
func TestOverflow(t *testing.T) {
	t.Parallel()
	tally := NewTally("edge", 1, nil)
	overflows := 0
	tally.overflow = func() { overflows++ }
	s := Session{ID: 1, User: "ann", Name: strings.Repeat("n", MaxName)}
	for overflows == 0 {
		tally.Enter(s)
		if len(tally.full) > maxBatches {
			t.Fatal("more is kept than the limit")
		}
	}
	tally.Enter(s)
	_, number := tally.Count()
	messages := tally.Changes()
	r, err := DecodeReport(messages[0])
	if err != nil || len(messages) != 1 || r.Changes.From != number-1 {
		t.Errorf("after an overflow: %d messages, %+v, %v", len(messages), r.Changes, err)
	}
}

// TestLongTextsAreCut: what replicas would refuse is not sent.
func TestLongTextsAreCut(t *testing.T) {
	t.Parallel()
	tally := NewTally("edge", 1, nil)
	tally.Enter(Session{ID: 1, User: "ann", Name: strings.Repeat("ä", MaxName), Device: "no device", Status: "unheard of"})
	r, err := DecodeReport(tally.Changes()[0])
	if err != nil {
		t.Fatal(err)
	}
	var c Change
	if err := r.Changes.Each(&c, func(c *Change) {
		if len(c.Name) > MaxName || len(c.Name) < MaxName-2 || len(c.Device) != 0 || c.Status != Online {
			t.Errorf("%d bytes of name, device %q, status %s", len(c.Name), c.Device, c.Status)
		}
	}); err != nil {
		t.Error(err)
	}
}

// TestNewerRelease: unknown kinds of changes and what is added at the end of a change are passed
// over.
func TestNewerRelease(t *testing.T) {
	t.Parallel()
	ops := appendOp(nil, 99, func(b []byte) []byte { return append(b, bytes.Repeat([]byte{7}, 300)...) })
	ops = appendOp(ops, opExit, func(b []byte) []byte { return append(b, 5, 1, 2, 3) })
	r, err := DecodeReport(appendChanges(nil, "edge", 1, batch{n: 2, ops: ops}))
	if err != nil {
		t.Fatal(err)
	}
	var c Change
	n := 0
	if err := r.Changes.Each(&c, func(c *Change) {
		if n++; c.Kind != Exited || c.ID != 5 {
			t.Errorf("%+v", c)
		}
	}); err != nil || n != 1 {
		t.Errorf("%d changes, %v", n, err)
	}
}

func TestDamagedReportsAreRefused(t *testing.T) {
	t.Parallel()
	tally := NewTally("edge", 1, func(yield func(Session) bool) { yield(Session{ID: 1, User: "ann", Rooms: []string{"room"}}) })
	tally.Enter(Session{ID: 1, User: "ann", Rooms: []string{"room"}})
	chunk, err := tally.Answer(AppendSnapshotRequest(nil, SnapshotRequest{}))
	if err != nil {
		t.Fatal(err)
	}
	decode := func(msg []byte) error {
		if _, err := DecodeChunk(msg, "edge", 1); err == nil {
			return nil
		}
		_, err := DecodeReport(msg)
		return err
	}
	for _, msg := range append(tally.Heartbeat(), tally.Goodbye(), chunk) {
		if err := decode(msg); err != nil {
			t.Fatal(err)
		}
		for i := range msg {
			for _, flip := range []byte{1, 0x80} {
				bad := bytes.Clone(msg)
				bad[i] ^= flip
				if err := decode(bad); !errors.Is(err, ErrBadReport) {
					t.Errorf("byte %d of %x flipped: %v", i, msg, err)
				}
			}
			if err := decode(msg[:i]); !errors.Is(err, ErrBadReport) {
				t.Errorf("%d bytes of %x: %v", i, msg, err)
			}
		}
	}
	if _, err := DecodeChunk(chunk, "another", 1); !errors.Is(err, ErrBadReport) {
		t.Error("a snapshot of another edge is taken")
	}
	if _, err := DecodeChunk(chunk, "edge", 2); !errors.Is(err, ErrBadReport) {
		t.Error("a snapshot of another process is taken")
	}
}

// FuzzReport: whatever comes, with a right checksum, is decoded or refused.
func FuzzReport(f *testing.F) {
	tally := NewTally("edge", 1, func(yield func(Session) bool) { yield(Session{ID: 1, User: "ann", Rooms: []string{"room"}}) })
	tally.Enter(Session{ID: 1, User: "ann", Name: "Ann", Rooms: []string{"room"}})
	tally.Join(1, "ann", "other")
	tally.SetStatus(1, Online, DND)
	chunk, _ := tally.Answer(AppendSnapshotRequest(nil, SnapshotRequest{}))
	for _, msg := range append(tally.Heartbeat(), tally.Goodbye(), chunk) {
		f.Add(msg[:len(msg)-4])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		msg := seal(bytes.Clone(body))
		var c Change
		check := func(c *Change) {
			ids := append([][]byte{}, c.Rooms...)
			switch c.Kind {
			case Entered:
				ids = append(ids, c.User)
			case Joined, Left:
				ids = append(ids, c.Room)
			}
			for _, id := range ids {
				if !chat.ValidID(string(id)) {
					t.Errorf("id %q", id)
				}
			}
		}
		if r, err := DecodeReport(msg); err == nil && r.Changes != nil {
			_ = r.Changes.Each(&c, check)
		}
		if k, err := DecodeChunk(msg, "edge", 1); err == nil {
			_ = k.Each(&c, check)
		}
		_, _ = tally.Answer(body)
	})
}
