package storetest

import (
	"sync"
	"testing"

	"hubbub.internal/libs/bus"
	"hubbub.internal/services/history/store"
)

func testReads(t *testing.T, s store.Store) {
	ctx := t.Context()
	for _, tt := range []struct{ seq, want uint64 }{{5, 5}, {3, 5}, {bus.MaxSeq, bus.MaxSeq}} {
		got, err := s.PutRead(ctx, "r1", "ann", tt.seq)
		same(t, tt.want, got, err)
	}
	_, err := s.PutRead(ctx, "r2", "ann", 1)
	must(t, err)
	_, err = s.PutRead(ctx, "r1", "bob", 2)
	must(t, err)
	all, err := s.Reads(ctx, "ann")
	same(t, map[string]uint64{"r1": bus.MaxSeq, "r2": 1}, all, err)
	all, err = s.Reads(ctx, "eve")
	same(t, map[string]uint64{}, all, err)
}

func testReadsAtOnce(t *testing.T, s store.Store) {
	const n = 50
	var wait sync.WaitGroup
	for i := range uint64(n) {
		wait.Go(func() {
			if _, err := s.PutRead(t.Context(), "r1", "ann", (i*7)%n+1); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	all, err := s.Reads(t.Context(), "ann")
	same(t, map[string]uint64{"r1": n}, all, err)
}
