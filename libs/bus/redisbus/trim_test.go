package redisbus

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
)

// TestTrimTogether: processes that find the log too large at the same time take no more together than one would.
func TestTrimTogether(t *testing.T) {
	t.Parallel()
	s := bustest.Redis(t)
	var buses []*Bus
	for range 6 {
		b, err := Open(t.Context(), Config{URL: s.URL(), Partitions: 1, MaxBytes: 1 << 20, TrimEvery: time.Hour}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
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
	sizes, _, err := buses[0].sizes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	size, want := sizes[0], sizes[0]/4 // as all of them have seen it
	for _, b := range buses {
		wg.Go(func() {
			if _, err := b.trimPartition(t.Context(), 0, want, size, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	sizes, _, err = buses[0].sizes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if left := size - want; sizes[0] > left || sizes[0] < left-2*(int64(len(data))+overhead) {
		t.Errorf("%d bytes are left, want about %d", sizes[0], left)
	}
	if left, err := buses[0].trimPartition(t.Context(), 0, 0, 0, nil); err != nil || left != sizes[0] { // what came meanwhile stays
		t.Errorf("%d bytes are left of %d, %v", left, sizes[0], err)
	}
}
