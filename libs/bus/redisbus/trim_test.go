package redisbus

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
)

// TestTrimTogether: processes that find the log too large at the same time take no more together
// than one would.
func TestTrimTogether(t *testing.T) {
	t.Parallel()
	s := bustest.Redis(t)
	var buses []opened
	for range 6 {
		b := openBoth(t, Config{URL: s.URL(), Partitions: 1, MaxBytes: 1 << 20, TrimEvery: time.Hour}, nil)
		buses = append(buses, b)
	}
	const n = 900 // about 1 MiB: above three quarters, and not full
	data := make([]byte, 850)
	var wg sync.WaitGroup
	wg.Add(n)
	for i := range n {
		buses[0].Append(bus.NewEntry{Room: "room", Sender: "ann" + strconv.Itoa(i), ID: "id", Data: data}, func(_ bus.Appended, err error) {
			if err != nil {
				t.Error(err)
			}
			wg.Done()
		})
	}
	wg.Wait()
	sizes, _, err := buses[0].Driver.sizes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	size, want := sizes[0], sizes[0]/4 // as all of them have seen it
	for _, b := range buses {
		wg.Go(func() {
			if _, err := b.Driver.trimPartition(t.Context(), 0, want, size, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	sizes, _, err = buses[0].Driver.sizes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if left := size - want; sizes[0] > left || sizes[0] < left-2*(int64(len(data))+overhead) {
		t.Errorf("%d bytes are left, want about %d", sizes[0], left)
	}
	// what came meanwhile stays
	if left, err := buses[0].Driver.trimPartition(t.Context(), 0, 0, 0, nil); err != nil || left != sizes[0] {
		t.Errorf("%d bytes are left of %d, %v", left, sizes[0], err)
	}
}

// TestTrimmedIsNoRewind: what retention takes is known of each room, and positions at it stay good.
func TestTrimmedIsNoRewind(t *testing.T) {
	t.Parallel()
	b := openBoth(t, Config{URL: bustest.Redis(t).URL(), Partitions: 1, TrimEvery: time.Hour}, nil)
	var log []bus.Position
	for i, room := range []string{"a", "a", "b"} {
		id := "id" + strconv.Itoa(i)
		got, err := bus.Append(t.Context(), b, bus.NewEntry{Room: room, Sender: "ann", ID: id})
		if err != nil {
			t.Fatal(err)
		}
		log = append(log, bus.Position{Seq: got.Seq, ID: id})
	}
	if _, err := b.Driver.trimPartition(t.Context(), 0, 1<<40, 1<<40, nil); err != nil {
		t.Fatal(err)
	}
	kept := bus.NewEntry{Room: "a", Sender: "ann", ID: "kept"}
	last, err := bus.Append(t.Context(), b, kept)
	if err != nil {
		t.Fatal(err)
	}
	heads, err := b.Heads(t.Context(), []string{"a", "b", "c"})
	if err != nil || heads[0].Front != log[1].Seq || heads[1].Front != log[2].Seq || heads[2].Front != 0 || heads[0].Seq != last.Seq {
		t.Errorf("%+v, %v; the log had %v", heads, err, log)
	}
	for _, tt := range []struct {
		room      string
		at        bus.Position
		truncated bool
	}{{"a", log[0], true}, {"a", log[1], false}, {"b", log[2], false}, {"b", bus.Position{}, true}, {"c", bus.Position{}, false}} {
		rep, err := b.Replay(t.Context(), tt.room, tt.at, 10)
		if err != nil || rep.Rewound || rep.Truncated != tt.truncated || tt.room == "a" && len(rep.Entries) != 1 {
			t.Errorf("room %s after %v: %+v, %v", tt.room, tt.at, rep, err)
		}
	}
}
