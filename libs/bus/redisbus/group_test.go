package redisbus

import (
	"testing"
	"time"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/bus/driver"
)

// TestEndsAreThoseOfAll partitions, or an error: who waits until a group has consumed everything
// would wait for less when one partition gives no answer.
func TestEndsAreThoseOfAll(t *testing.T) {
	t.Parallel()
	b := openBoth(t, Config{URL: bustest.Redis(t).URL(), Partitions: 2, TrimEvery: time.Hour}, nil)
	room := "a"
	for driver.PartitionOf(room, 2) != 0 {
		room += "a"
	}
	got, err := bus.Append(t.Context(), b, bus.NewEntry{Room: room, Sender: "ann", ID: "1"})
	if err != nil {
		t.Fatal(err)
	}
	if ends, err := b.Driver.Ends(t.Context()); err != nil || len(ends) != 2 || ends[0] != got.Seq || ends[1] != 0 {
		t.Errorf("the ends are %v, %v", ends, err)
	}
	if behind, err := b.Driver.Behind(t.Context(), "group", []uint64{got.Seq, 0}); err != nil || !behind {
		t.Errorf("a group that has read nothing is not behind: %v", err)
	}
	if behind, err := b.Driver.Behind(t.Context(), "group", []uint64{got.Seq - 1, 0}); err != nil || behind {
		t.Errorf("a group is behind what comes later: %v", err)
	}
	if err := b.Driver.at(1).Set(t.Context(), b.Driver.keys.log(1), "broken", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if ends, err := b.Driver.Ends(t.Context()); err == nil {
		t.Errorf("one partition gives no answer, and the ends are %v", ends)
	}
}
