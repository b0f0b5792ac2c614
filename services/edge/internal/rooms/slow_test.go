package rooms

import (
	"fmt"
	"testing"
	"time"
)

// TestSlowTableIsBounded: of more users than it holds the table forgets the oldest.
func TestSlowTableIsBounded(t *testing.T) {
	table := newSlowTable()
	table.limit = 10
	now := time.Now()
	for i := range 100 {
		if wait := table.reserve(fmt.Sprint("u", i), "lobby", 30, now); wait != 0 {
			t.Fatalf("user %d waits %s", i, wait)
		}
	}
	if n := len(table.young) + len(table.old); n > 20 {
		t.Errorf("%d are kept", n)
	}
	if wait := table.reserve("u95", "lobby", 30, now.Add(time.Second)); wait != 29*time.Second {
		t.Errorf("a late one waits %s", wait)
	}
	if wait := table.reserve("u95", "lobby", 30, now.Add(-time.Hour)); wait != 30*time.Second {
		t.Errorf("with the clock set back by an hour: %s", wait)
	}
}
