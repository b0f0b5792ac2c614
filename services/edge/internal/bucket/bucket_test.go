package bucket

import "testing"

func TestBucket(t *testing.T) {
	l := Limit{Rate: 10, Burst: 3}
	var b Bucket
	now := ^uint32(0) - 1000 // it wraps around
	take := func(want bool, wantWait uint32) {
		t.Helper()
		if ok, wait := b.Take(l, now); ok != want || wait != wantWait {
			t.Errorf("took %v, wait %d; want %v, %d", ok, wait, want, wantWait)
		}
	}
	for range 3 {
		take(true, 0)
	}
	take(false, 100)
	now += 60
	take(false, 40)
	now += 40
	take(true, 0)
	take(false, 100)
	now += 2000
	for range 3 {
		take(true, 0)
	}
	take(false, 100)
	now += 1 << 31 // a long silence does not overflow
	take(true, 0)
}

func TestFull(t *testing.T) {
	l := Limit{Rate: 10, Burst: 3}
	b := New(5)
	if !b.Full(l, 5) {
		t.Error("a new bucket is not full")
	}
	b.Take(l, 5)
	if b.Full(l, 104) || !b.Full(l, 105) {
		t.Error("a token at ten a second does not take 100 ms")
	}
}
