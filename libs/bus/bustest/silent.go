package bustest

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"hubbub.internal/libs/bus"
)

// checkServerSilent freezes the server: connections stay up and nothing answers. The probe detects
// it; an entry that was appended meanwhile is in the log once, whatever became of its repeats; and
// a bus can be closed.
func checkServerSilent(t *testing.T, s *suite) {
	if s.Pause == nil {
		return
	}
	b, other := s.open(t), s.log.Open(t, "")
	room := name("room")
	f := s.follow(t, b, room)
	s.follow(t, other, room)
	log := fill(t, b, room, 2)
	s.Pause()
	probe := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		return b.Probe(ctx)
	}
	silent := func() {
		t.Helper()
		if err := probe(); !errors.Is(err, bus.ErrUnavailable) {
			t.Errorf("a bus that is connected and silent is probed with %v", err)
		}
	}
	eventually(t, "the probe finds it out", func() bool { return errors.Is(probe(), bus.ErrUnavailable) })
	e := entry(room, "ann", "while-silent")
	acked := make(chan bus.Entry, 1)
	b.Append(e, func(a bus.Appended, err error) {
		if err != nil {
			t.Errorf("append: %v", err)
		}
		acked <- bus.Entry{Room: room, Seq: a.Seq, Prev: log[1].Seq, Sender: e.Sender, ID: e.ID, Data: e.Data}
	})
	closed := make(chan error, 1)
	go func() { closed <- other.Close() }()
	silent()
	silent()
	s.Resume()
	log = append(log, <-acked)
	if err := <-closed; err != nil {
		t.Errorf("close: %v", err)
	}
	last := entry(room, "ann", "last")
	log = append(log, bus.Entry{Room: room, Seq: put(t, b, last), Prev: log[2].Seq, Sender: last.Sender, ID: last.ID, Data: last.Data})
	f.has(t, log)
	if got := readAll(t, b, room); len(got) != len(log) {
		t.Errorf("the log: %+v", got)
	}
	if err := b.Probe(within(t)); err != nil {
		t.Error(err)
	}
}

// checkStoreRestored restores the servers' data to what it was before five entries, as from a
// backup. Followers and callers learn of it; no later entry is taken for a lost one; consumers go
// on.
func checkStoreRestored(t *testing.T, s *suite) {
	b := s.opener(t, Retention{Groups: []string{"group"}})(t)
	room := name("room")
	f := s.follow(t, b, room)
	c := consume(t, b, "group", nil)
	log := fill(t, b, room, 10)
	c.has(t, room, log)
	s.Kill()
	copies := make(map[string]string)
	for _, dir := range s.Folders() {
		copies[dir] = t.TempDir()
		if err := os.CopyFS(copies[dir], os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
	}
	s.Start()
	log = append(log, fill(t, b, room, 5)...)
	eventually(t, "the follower has the tail", func() bool { return f.count() == len(log) })
	s.Kill()
	for dir, older := range copies {
		if err := errors.Join(os.RemoveAll(dir), os.CopyFS(dir, os.DirFS(older))); err != nil {
			t.Fatal(err)
		}
	}
	s.Start()
	fresh := fill(t, b, room, 5) // as many as were lost, so the log is as long as it was
	for _, e := range log[10:] {
		if rep := replay(t, b, room, at(e), 10); !rep.Rewound {
			t.Errorf("after an entry that is lost: %+v", rep)
		}
	}
	// A bus may have appended the lost entries again.
	rep, next := replay(t, b, room, at(log[9]), 20), 0
	for _, e := range rep.Entries {
		switch {
		case next < len(fresh) && e.ID == fresh[next].ID:
			next++
		case !slices.ContainsFunc(log[10:], func(o bus.Entry) bool { return o.ID == e.ID }):
			t.Errorf("%+v is in the log", e)
		}
	}
	if rep.Rewound || next != len(fresh) {
		t.Errorf("after the last that was kept: %+v", rep)
	}
	eventually(t, "the follower is told", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.rewinds > 0
	})
	last := fill(t, b, room, 1)[0]
	eventually(t, "and gets what comes then", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.got[len(f.got)-1].ID == last.ID
	})
	eventually(t, "what is new is consumed", func() bool {
		return slices.ContainsFunc(c.all(), func(e bus.Entry) bool { return e.ID == last.ID })
	})
}
