package storetest

import (
	"fmt"
	"testing"

	"hubbub.internal/services/history/store"
)

func testJobs(t *testing.T, s store.Store) {
	ctx := t.Context()
	a := store.Job{ID: "j1", Room: "r1", User: "ann", After: 3, Actor: "bob", Name: "Bob", Created: 10}
	b := store.Job{ID: "j0x", User: "ann", Actor: "bob", Name: "Bob", Created: 20}
	c := store.Job{ID: "j0", Room: "r2", Created: 20, Done: 30}
	for _, j := range []store.Job{b, a, c} {
		must(t, s.PutJob(ctx, j))
	}
	other := a
	other.User = "eve"
	must(t, s.PutJob(ctx, other))
	open, err := s.OpenJobs(ctx, 10)
	same(t, []store.Job{a, b}, open, err)
	open, err = s.OpenJobs(ctx, 1)
	same(t, []store.Job{a}, open, err)
	all, err := s.JobsSince(ctx, 20)
	same(t, []store.Job{c, b}, all, err)

	got, mine, err := s.ClaimJob(ctx, "j1", 100, 200)
	a.Lease = 200
	same(t, a, got, err)
	_, again, err := s.ClaimJob(ctx, "j1", 150, 250)
	must(t, err)
	_, gone, err := s.ClaimJob(ctx, "j0", 100, 200)
	must(t, err)
	_, none, err := s.ClaimJob(ctx, "j9", 100, 200)
	must(t, err)
	if !mine || again || gone || none {
		t.Errorf("claimed: %v, while another has it: %v, one that is done: %v, one that is not there: %v", mine, again, gone, none)
	}
	a.Pass, a.AtRoom, a.AtID, a.Lease = 1, "r1", "m7", 0
	must(t, s.SaveJob(ctx, a))
	got, mine, err = s.ClaimJob(ctx, "j1", 150, 250)
	a.Lease = 250
	same(t, a, got, err)
	if !mine {
		t.Error("a job that was given back cannot be claimed")
	}
	a.Done = 300
	must(t, s.SaveJob(ctx, a))
	open, err = s.OpenJobs(ctx, 10)
	same(t, []store.Job{b}, open, err)
}

func testSenders(t *testing.T, s store.Store) {
	ctx := t.Context()
	m := []store.Entry{message("r1", 4, "ann", "m3"), message("r1", 3, "ann", "m2"), message("r1", 2, "ann", "m1")}
	add(t, s, m[2], m[1], m[0], message("r1", 5, "bob", "m4"), about("r1", 6, "ann", "m5", "edited", "m3"), message("r3", 1, "ann", "m6"), message("r2", 1, "bob", "m7"))
	got, err := s.MessagesOf(ctx, "r1", "ann", "", 10)
	same(t, m, got, err)
	got, err = s.MessagesOf(ctx, "r1", "ann", "m3", 1)
	same(t, []store.Entry{m[1]}, got, err)
	got, err = s.MessagesOf(ctx, "r2", "ann", "", 10)
	same(t, 0, len(got), err)
	mine := []store.Entry{m[2], m[1], m[0], message("r3", 1, "ann", "m6")}
	got, err = s.MessagesBy(ctx, "ann", "", 0, 10)
	same(t, mine, got, err)
	got, err = s.MessagesBy(ctx, "ann", "r1", 2, 1)
	same(t, mine[1:2], got, err)
	got, err = s.MessagesBy(ctx, "ann", "r1", 4, 10)
	same(t, mine[3:], got, err)
	got, err = s.MessagesBy(ctx, "ann", "r3", 1, 10)
	same(t, 0, len(got), err)
	for after, want := range map[string]string{"": "r1", "r1": "r2", "r2": "r3", "r3": "", "r": "r1"} {
		room, err := s.NextRoom(ctx, after)
		same(t, want, room, err)
	}
}

func testRemoveRoom(t *testing.T, s store.Store) {
	ctx := t.Context()
	for i := range 5 {
		add(t, s, message("r1", uint64(i+1), "ann", fmt.Sprint("m", i)))
	}
	beside := []store.Entry{message("r", 1, "ann", "m1"), message("r10", 1, "ann", "m1")}
	add(t, s, beside...)
	_, err := s.PutRead(ctx, "r1", "ann", 3)
	must(t, err)
	_, err = s.PutRead(ctx, "r10", "ann", 1)
	must(t, err)
	n, err := s.RemoveEntries(ctx, "r1", 3)
	same(t, 3, n, err)
	n, err = s.RemoveEntries(ctx, "r1", 3)
	same(t, 2, n, err)
	n, err = s.RemoveEntries(ctx, "r1", 3)
	same(t, 0, n, err)
	must(t, s.RemoveReads(ctx, "r1"))
	for _, e := range beside {
		got, err := s.Since(ctx, e.Room, 0, 10)
		same(t, []store.Entry{e}, got, err)
	}
	reads, err := s.Reads(ctx, "ann")
	same(t, map[string]uint64{"r10": 1}, reads, err)
}
