package chat_test

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hubbub.internal/libs/chat"
)

func TestValidID(t *testing.T) {
	long := strings.Repeat("i", chat.MaxIDLen)
	for _, id := range []string{"a", "-", "_", "0", "AZaz09_-", "lobby", chat.NewID(), long} {
		if !chat.ValidID(id) {
			t.Errorf("%q is refused", id)
		}
	}
	for _, id := range []string{"", long + "i", "a b", "a.b", "a*", ">", "a/b", "..", "a\x00", "é", "a\n", "a:b", "{a}", "a,b", "@", "[", "`"} {
		if chat.ValidID(id) {
			t.Errorf("%q is an id", id)
		}
	}
}

func TestReserved(t *testing.T) {
	for id, want := range map[string]bool{chat.ControlRoom: true, "_x": true, "lobby": false, "a_": false, "": false} {
		if chat.Reserved(id) != want {
			t.Errorf("Reserved(%q) is %v", id, !want)
		}
	}
	for _, id := range append(slices.Clone(chat.DefaultRooms), chat.UserRoom(chat.NewID()), chat.DirectRoom("a", "b")) {
		if !chat.ValidID(id) || chat.Reserved(id) {
			t.Errorf("%q is no id that a client may name", id)
		}
	}
}

func TestNewID(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	before := time.Now().UnixMilli()
	id := chat.NewID()
	if !form.MatchString(id) || !chat.ValidID(id) {
		t.Fatalf("%s is no UUIDv7", id)
	}
	ms := int64(0)
	for _, c := range strings.ReplaceAll(id[:13], "-", "") {
		ms = ms<<4 | int64(strings.IndexRune("0123456789abcdef", c))
	}
	if after := time.Now().UnixMilli(); ms < before || ms > after {
		t.Errorf("%s was made at %d, between %d and %d", id, ms, before, after)
	}
}

// TestNewIDIsRandom shows that each bit that no form and no clock decides is now 0 and now 1.
func TestNewIDIsRandom(t *testing.T) {
	const digits = "0123456789abcdef"
	var ones, zeros [36]int
	for range 200 {
		for i, c := range chat.NewID() {
			d := strings.IndexRune(digits, c)
			if d < 0 {
				continue
			}
			ones[i] |= d
			zeros[i] |= ^d & 0xf
		}
	}
	for i, want := range "xxxxxxxx-xxxx-7xxx-3fff-ffffffffffff" { // x: the clock's
		free := strings.IndexRune(digits, want)
		if free < 0 || want == '7' {
			continue
		}
		if ones[i]&free != free || zeros[i]&free != free {
			t.Errorf("digit %d has the bits %04b and lacks %04b, all of %04b are free", i, ones[i], zeros[i], free)
		}
	}
}

// TestNewIDOrder shows that an id made a microsecond later sorts later.
func TestNewIDOrder(t *testing.T) {
	last := chat.NewID()
	for range 5000 {
		for now := time.Now(); time.Since(now) < time.Microsecond; {
		}
		id := chat.NewID()
		if id <= last {
			t.Fatalf("%s does not sort after %s", id, last)
		}
		last = id
	}
}

func TestNewIDUnique(t *testing.T) {
	const makers, each = 4, 5000
	ids := make([][]string, makers)
	var wait sync.WaitGroup
	for i := range ids {
		wait.Go(func() {
			for range each {
				ids[i] = append(ids[i], chat.NewID())
			}
		})
	}
	wait.Wait()
	all := slices.Concat(ids...)
	slices.Sort(all)
	if n := len(slices.Compact(all)); n != makers*each {
		t.Errorf("%d ids of %d are different", n, makers*each)
	}
}

func TestDirectRoom(t *testing.T) {
	// Fixed for ever: a direct room is found again by its users alone.
	if got, want := chat.DirectRoom("ada", "bob"), "d-WJJBXRLVYPBRTGUTSVAM6AJ4XH"; got != want {
		t.Errorf("DirectRoom(ada, bob) is %s, want %s", got, want)
	}
	form := regexp.MustCompile(`^d-[A-Z2-7]{26}$`)
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.StringMatching(`[A-Za-z0-9_-]{1,64}`)
		a, b, c := id.Draw(t, "a"), id.Draw(t, "b"), id.Draw(t, "c")
		room := chat.DirectRoom(a, b)
		if room != chat.DirectRoom(b, a) {
			t.Fatal("the order of the users matters")
		}
		if !form.MatchString(room) || !chat.ValidID(room) {
			t.Fatalf("%s is no id of a direct room", room)
		}
		if c != b && chat.DirectRoom(a, c) == room {
			t.Fatal("two pairs have one room")
		}
	})
}
