package session

import (
	"testing"
	"time"

	"hubbub.internal/libs/auth"
)

// TestPersonOf has sessions told apart by ids of every shape.
func TestPersonOf(t *testing.T) {
	ids := []string{
		"", "s", "s-ann", "0123456789abcdef",
		"0192f3c0-1a2b-7c3d-8e4f-5a6b7c8d9e0f", "0192f3c0-1a2b-7c3d-8e4f-5a6b7c8d9e0e", "0192F3C0-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
		"0192f3c01a2b7c3d8e4f5a6b7c8d9e0f", "61626364-6566-6768-696a-6b6c6d6e6f70", "abcdefghijklmnop", "0192f3c0-1a2b-7c3d-8e4f_5a6b7c8d9e0f",
	}
	for _, id := range ids {
		p := newPerson(&auth.Claims{User: "ann", Name: "Ann", Session: id}, "web", time.Now())
		if p.session() != id {
			t.Errorf("session %q is called %q", id, p.session())
		}
		if p.user() != "ann" || p.name() != "Ann" || p.device() != "web" {
			t.Errorf("with session %q it is %q, %q, on %q", id, p.user(), p.name(), p.device())
		}
		for _, other := range ids {
			if p.of(other) != (id == other) {
				t.Errorf("session %q is %q: %v", id, other, p.of(other))
			}
		}
	}
	if n := len(compact("0192f3c0-1a2b-7c3d-8e4f-5a6b7c8d9e0f")); n != 16 {
		t.Errorf("an id of the directory takes %d bytes", n)
	}
}

// TestPersonLapses asks a person's token whether it has run out.
func TestPersonLapses(t *testing.T) {
	issued := time.Unix(1_700_000_000, 0)
	p := newPerson(&auth.Claims{User: "ann", Name: "Ann", Session: "s", Issued: issued, Expires: issued.Add(time.Minute)}, "web", issued)
	for after, want := range map[time.Duration]bool{-time.Hour: false, 0: false, 59 * time.Second: false, time.Minute: true, time.Hour: true} {
		if got := p.lapsed(issued.Add(after)); got != want {
			t.Errorf("after %s it has run out: %t", after, got)
		}
	}
	if n := testing.AllocsPerRun(100, func() { p.lapsed(issued); p.before(1) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestPersonGoodAt: the directory says that a session goes on, by a clock that is behind the
// edge's, and then ends it.
func TestPersonGoodAt(t *testing.T) {
	issued := time.Unix(1_700_000_000, 999_000_000)
	p := newPerson(&auth.Claims{User: "ann", Name: "Ann", Session: "s", Issued: issued, Expires: issued.Add(15 * time.Minute)}, "web", issued)
	now := issued.Add(15*time.Minute + 400*time.Millisecond)
	p.goodAt(now)
	if last := now.Add(-auth.Leeway); p.before(last.Add(-time.Second).UnixMilli()) || !p.before(last.UnixMilli()+1) {
		t.Error("what the directory said is not heeded to the second")
	}
	for _, behind := range []time.Duration{0, 11 * time.Second, 59 * time.Second} {
		if !p.before(now.Add(time.Second - behind).UnixMilli()) {
			t.Errorf("revoked a second later by a clock that is %s behind: the session goes on", behind)
		}
	}
	if p.before(issued.UnixMilli()) {
		t.Error("a revocation from before it was asked about ends it")
	}
	if p.lapsed(now.Add(13*time.Minute)) || !p.lapsed(now.Add(15*time.Minute)) {
		t.Error("it is not asked about again after the life of a token")
	}
	p.goodAt(issued) // an answer that comes late
	if p.lapsed(now) {
		t.Error("an older answer undoes a newer one")
	}
}
