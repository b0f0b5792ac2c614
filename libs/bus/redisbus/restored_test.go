package redisbus_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/bus/redisbus"
)

// TestLossIsToldOnce: the log of the process says how much was lost in one line, however many
// senders it had.
func TestLossIsToldOnce(t *testing.T) {
	t.Parallel()
	s := bustest.Redis(t)
	core, logs := observer.New(zap.WarnLevel)
	b, err := redisbus.Open(t.Context(), redisbus.Config{URL: s.URL(), Follow: never, Keep: 30 * time.Second}, zap.New(core), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	say := func(i int) {
		t.Helper()
		if _, err := bus.Append(t.Context(), b, bus.NewEntry{Room: "room", Sender: fmt.Sprint("sender", i), ID: "id"}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 20 {
		say(i)
	}
	if err := raw(t, s).FlushDB(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	say(20)
	told := logs.FilterMessageSnippet("appended again").All()
	if len(told) != 1 || told[0].ContextMap()["entries"] != int64(20) {
		t.Errorf("%d lines: %v", len(told), told)
	}
}

// TestRemovedStaysAway: what was removed is not taken for lost, also when its idempotence key has
// expired.
func TestRemovedStaysAway(t *testing.T) {
	t.Parallel()
	s := bustest.Redis(t)
	b, metric := openKeeping(t, redisbus.Config{URL: s.URL(), Follow: never})
	other := open(t, redisbus.Config{URL: s.URL(), Follow: never})
	seqs := put(t, b, "room", 0, 3)
	if err := other.Remove(t.Context(), "room", seqs[2]); err != nil {
		t.Fatal(err)
	}
	c := raw(t, s)
	keys, err := c.Keys(t.Context(), "hub:*once:*").Result()
	if err != nil || len(keys) != 3 {
		t.Fatal(keys, err)
	}
	if err := c.Del(t.Context(), keys...).Err(); err != nil {
		t.Fatal(err)
	}
	s.Kill()
	s.Start()
	put(t, b, "room", 3, 1)
	put(t, b, "room", 4, 1)
	if got, want := ids(t, b, "room"), []string{"id0", "id1", "id3", "id4"}; !slices.Equal(got, want) {
		t.Errorf("the log has %v, want %v", got, want)
	}
	if n := metric("restored_entries_total"); n != 0 {
		t.Errorf("%v entries were counted as appended again", n)
	}
}

// TestKeptIsGivenBack: what is kept takes bounded memory, and none when nothing has been said for a
// while.
func TestKeptIsGivenBack(t *testing.T) {
	t.Parallel()
	s := bustest.Redis(t)
	b, metric := openKeeping(t, redisbus.Config{URL: s.URL(), Follow: never, Keep: time.Second, KeepBytes: 1 << 20})
	for i := range 40 {
		e := bus.NewEntry{Room: fmt.Sprint("room", i%4), Sender: "ann", ID: fmt.Sprint(i), Data: make([]byte, 100<<10)}
		if _, err := bus.Append(t.Context(), b, e); err != nil {
			t.Fatal(err)
		}
	}
	if n := metric("kept_bytes"); n <= 0 || n > 1<<20 {
		t.Errorf("%v bytes are kept", n)
	}
	eventually(t, "nothing is kept", func() bool { return metric("kept_bytes") == 0 })
}
