package ackbuffer

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func list(k *Buffer, since uint32) (all []string) {
	k.Each(since, func(e Entry) { all = append(all, fmt.Sprintf("%d %d %s %s", e.At, e.Seq, e.Room, e.Record)) })
	return all
}

// TestEntries holds what is kept against a list: it is always the end of it, all of that which is
// young, and within the bound.
func TestEntries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.SampledFrom([]int{0, 300, chunkSize, 3*chunkSize + 100}).Draw(t, "limit")
		k := New(limit)
		now, whole, least := uint32(100), []string{}, 0 // whole[least:] is what may be kept
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				now += rapid.Uint32Range(0, 3).Draw(t, "later")
				size := rapid.SampledFrom([]int{0, 10, 500, 20_000, chunkSize + 1}).Draw(t, "size")
				seq := rapid.Uint64().Draw(t, "seq")
				record := strings.Repeat("x", size)
				k.Add(now, seq, "room", []byte(record))
				if headSize+len("room")+size <= limit {
					whole = append(whole, fmt.Sprintf("%d %d room %s", now, seq, record))
				}
			},
			"trim": func(t *rapid.T) {
				now += rapid.Uint32Range(0, 10).Draw(t, "later")
				young := list(k, now-5)
				k.Trim(now - 5)
				if !slices.Equal(list(k, now-5), young) {
					t.Fatalf("holds %d of %d entries that are young", len(list(k, now-5)), len(young))
				}
			},
			"": func(t *rapid.T) {
				if k.Size() > limit {
					t.Fatalf("takes %d bytes of %d", k.Size(), limit)
				}
				held := list(k, 0)
				if n := len(whole) - len(held); n < least || !slices.Equal(held, whole[n:]) {
					t.Fatalf("holds %d of %d entries, and others than the last", len(held), len(whole))
				} else {
					least = n
				}
			},
		})
	})
}

func TestBoundAndAge(t *testing.T) {
	const size = 1000
	k := New(4 * chunkSize)
	record := make([]byte, size-headSize-1)
	for i := range uint32(1000) {
		k.Add(i, 1, "r", record)
	}
	if n := len(list(k, 0)); n < 3*chunkSize/size-3 || n > 4*chunkSize/size {
		t.Errorf("holds %d entries of %d bytes in %d", n, size, 4*chunkSize)
	}
	if n := len(list(k, 990)); n != 10 {
		t.Errorf("%d entries since 990", n)
	}
	k.Trim(1000)
	if k.Size() != 0 || k.free != nil || len(list(k, 0)) != 0 {
		t.Errorf("what nobody needs takes %d bytes", k.Size())
	}
}

func TestAddAllocatesNothing(t *testing.T) {
	k := New(4 * chunkSize)
	record := make([]byte, 300)
	add := func() {
		for range 1000 { // some chunks
			k.Add(1, 1, "room", record)
		}
	}
	add()
	if n := testing.AllocsPerRun(20, add); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
