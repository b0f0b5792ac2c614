package clocks

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// set makes a process believe that others are there, whose clocks are ahead and behind by so much.
func (p *process) set(others ...other) {
	p.others = map[string]other{}
	for i, o := range others {
		o.heard = time.Now()
		p.others[fmt.Sprint("o", i)] = o
	}
}

// TestLook: a clock has to be away by more than the limit, and at two looks one after the other;
// the furthest is named first, and of which side it is.
func TestLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := (&wire{delay: at(0)}).process("edge", 0)
		looks := func(n int, others ...other) []string {
			for range n {
				p.set(others...)
				p.look()
			}
			return p.warnings()
		}
		if said := looks(3, other{name: "a", ahead: Limit}, other{name: "b", behind: Limit}); len(said) != 0 {
			t.Errorf("at the limit: %q", said)
		}
		if said := looks(1, other{name: "a", ahead: Limit + 1}); len(said) != 0 {
			t.Errorf("at the first look: %q", said)
		}
		looks(1)
		if said := looks(1, other{name: "a", behind: Limit + 1}); len(said) != 0 {
			t.Errorf("at the first look again: %q", said)
		}
		many := []other{{name: "a", ahead: 6 * time.Second}, {name: "b", behind: 9 * time.Second, ahead: time.Second}, {name: "c", ahead: 7 * time.Second}, {name: "d"}, {name: "e"}, {name: "f"}}
		said := strings.Join(looks(1, many...), "\n")
		if !strings.Contains(said, "[b: 9s behind ours c: 7s ahead of ours a: 6s ahead of ours]") || strings.Contains(said, "this machine's clock") {
			t.Errorf("said %q", said)
		}
		if said := looks(5, many...); len(said) != 0 {
			t.Errorf("again at once: %q", said)
		}
		time.Sleep(warnEvery)
		if said := looks(1, many[:4]...); len(said) != 1 || !strings.Contains(said[0], "this machine's clock") {
			t.Errorf("most others are away: %q", said)
		}
		time.Sleep(warnEvery)
		if said := looks(1, many[0]); len(said) != 1 || strings.Contains(said[0], "this machine's clock") {
			t.Errorf("the only other is away: %q", said)
		}
	})
}

// TestKnownWhenFull: whose time is known already is heard on, however many others there are; who
// was not heard for long is forgotten.
func TestKnownWhenFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := (&wire{delay: at(0)}).process("edge", 0)
		for i := range maxOthers {
			p.receive(fmt.Appendf(nil, `{"id":"x%d","at":1}`, i))
		}
		p.receive([]byte(`{"id":"x0","at":2,"name":"again"}`))
		p.receive([]byte(`{"id":"new","at":2}`))
		if _, there := p.others["new"]; there || p.others["x0"].name != "again" {
			t.Error("not the one that is known is heard")
		}
		time.Sleep(expiry)
		if all := p.current(); len(all) != 0 || len(p.others) != 0 {
			t.Errorf("%d are current, %d remembered", len(all), len(p.others))
		}
	})
}

// TestTold: of clocks that are ahead by more than is worth it, so many are told, and no more.
func TestTold(t *testing.T) {
	l := &wire{delay: at(0)}
	p, q := l.process("edge", 0), l.process("history", 0)
	if _, err := l.Subscribe(t.Context(), Channel, q.receive); err != nil {
		t.Fatal(err)
	}
	for ahead, want := range map[time.Duration]time.Duration{worthTelling: 0, worthTelling + time.Millisecond: worthTelling + time.Millisecond} {
		p.others = map[string]other{q.id: {ahead: ahead}}
		p.tell()
		if got := q.others[p.id].behind; got != want {
			t.Errorf("ahead by %s: told %s", ahead, got)
		}
	}
	var all int
	if _, err := l.Subscribe(t.Context(), Channel, func(data []byte) { all = strings.Count(string(data), `"o`) }); err != nil {
		t.Fatal(err)
	}
	many := make([]other, 3*maxTold)
	for i := range many {
		many[i].ahead = time.Minute
	}
	p.set(many...)
	if p.tell(); all != maxTold {
		t.Errorf("told of %d", all)
	}
}
