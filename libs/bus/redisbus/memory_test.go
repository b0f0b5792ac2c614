package redisbus_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/bus/redisbus"
)

// TestNothingIsLeftOfTrimmedEntries: what retention and Remove have taken leaves nothing behind but
// the heads of rooms and a few numbers, whatever the order of the two.
func TestNothingIsLeftOfTrimmedEntries(t *testing.T) {
	t.Parallel()
	s := bustest.Redis(t)
	b := open(t, redisbus.Config{
		URL: s.URL(), Partitions: 2, MaxAge: time.Second, TrimEvery: 20 * time.Millisecond, Groups: []string{"slow"},
	})
	c := raw(t, s)
	rooms := []string{"a", "b", "c"}
	for _, r := range rooms {
		seqs := put(t, b, r, 0, 20)
		for _, i := range []int{0, 5, 6, 18} {
			if err := b.Remove(t.Context(), r, seqs[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, p := range []string{"0", "1"} { // the slow group has read it all
		if err := c.HSet(t.Context(), "hub:{"+p+"}:read", "slow", uint64(bus.MaxSeq)).Err(); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"{0}:config", "{0}:groups", "{0}:heads", "{0}:log", "{0}:meta", "{0}:read", "{1}:heads", "{1}:log", "{1}:meta", "{1}:read"}
	eventually(t, "only heads are left", func() bool {
		keys, err := c.Keys(t.Context(), "hub:*").Result()
		if err != nil {
			t.Fatal(err)
		}
		var left []string
		for _, k := range keys {
			// these expire by themselves
			if k = strings.TrimPrefix(k, "hub:"); !strings.Contains(k, ":once:") {
				left = append(left, k)
			}
		}
		slices.Sort(left)
		return slices.Equal(left, want)
	})
	for _, p := range []string{"0", "1"} {
		if n, err := c.XLen(t.Context(), "hub:{"+p+"}:log").Result(); err != nil || n != 0 {
			t.Errorf("partition %s has %d entries, %v", p, n, err)
		}
		if n, err := c.HGet(t.Context(), "hub:{"+p+"}:meta", "bytes").Result(); err != nil || n != "0" {
			t.Errorf("partition %s counts %s bytes, %v", p, n, err)
		}
	}
	ttl, err := c.Keys(t.Context(), "hub:*:once:*").Result()
	if err != nil || len(ttl) != 60 {
		t.Fatalf("%d idempotence keys, %v", len(ttl), err)
	}
	if d, err := c.TTL(t.Context(), ttl[0]).Result(); err != nil || d < bus.DedupeWindow/2 || d > bus.DedupeWindow {
		t.Errorf("an idempotence key expires after %s, %v", d, err)
	}
}

// TestRemovedContentIsGone: the content is nowhere on the server after Remove.
func TestRemovedContentIsGone(t *testing.T) {
	t.Parallel()
	s := bustest.Redis(t)
	b := open(t, redisbus.Config{URL: s.URL(), Partitions: 1})
	a, err := bus.Append(t.Context(), b, bus.NewEntry{Room: "room", Sender: "ann", ID: "id", Data: []byte("the secret")})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Remove(t.Context(), "room", a.Seq); err != nil {
		t.Fatal(err)
	}
	c := raw(t, s)
	keys, err := c.Keys(t.Context(), "*").Result()
	if err != nil || len(keys) == 0 {
		t.Fatalf("%v, %v", keys, err)
	}
	for _, k := range keys {
		dump, err := c.Dump(t.Context(), k).Result()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(dump, "secret") {
			t.Errorf("key %s still has it", k)
		}
	}
}
