package redisbus_test

import (
	"context"
	"fmt"
	"testing"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/bus/redisbus"
)

// TestBatches: what waits for a consumer comes in batches that are as large as may be, and of large
// entries in smaller ones: in order, and nothing twice.
func TestBatches(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ entries, bytes, least, most int }{
		"small":                 {600, 10, 256, 256},
		"large":                 {200, 32 << 10, 64, 64},
		"more than one is read": {300, 10 << 10, 128, 128},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := open(t, redisbus.Config{URL: bustest.Redis(t).URL(), Partitions: 1, MemberEvery: bustest.MemberEvery})
			var seqs []uint64
			for i := range tt.entries {
				a, err := bus.Append(t.Context(), b, bus.NewEntry{Room: "room", Sender: "s", ID: fmt.Sprint(i), Data: make([]byte, tt.bytes)})
				if err != nil {
					t.Fatal(err)
				}
				seqs = append(seqs, a.Seq)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			largest, n := 0, 0
			err := b.Consume(ctx, "group", func(_ context.Context, batch []bus.Entry) error {
				largest = max(largest, len(batch))
				for _, e := range batch {
					if n == len(seqs) || e.Seq != seqs[n] || len(e.Data) != tt.bytes {
						t.Errorf("entry %d is %d of %d bytes", n, e.Seq, len(e.Data))
					}
					n++
				}
				if n >= len(seqs) {
					cancel()
				}
				return nil
			})
			if err != nil || n != len(seqs) {
				t.Errorf("%d entries came, %v", n, err)
			}
			if largest < tt.least || largest > tt.most {
				t.Errorf("the largest batch has %d entries, want %d to %d", largest, tt.least, tt.most)
			}
		})
	}
}
