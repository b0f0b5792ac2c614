package wheel

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestWheel holds the wheel against a map.
func TestWheel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// it wraps around
		now := rapid.SampledFrom([]uint32{0, 5, 1 << 20, ^uint32(0) - 100}).Draw(t, "start")
		timers := make([]Timer, 20)
		w := New(now, func(id uint32) *Timer { return &timers[id] })
		want := map[uint32]uint32{}
		id := rapid.Uint32Range(0, 19)
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				i, ahead := id.Draw(t, "id"), rapid.Uint32Range(0, 3*slots).Draw(t, "ahead")
				w.Set(i, now+ahead)
				want[i] = now + max(1, ahead)
			},
			"clear": func(t *rapid.T) {
				i := id.Draw(t, "id")
				w.Clear(i)
				delete(want, i)
			},
			"advance": func(t *rapid.T) {
				to := now + rapid.Uint32Range(0, 3*slots).Draw(t, "ticks")
				again := rapid.Bool().Draw(t, "again") && to-now < slots-10
				w.Advance(to, func(i uint32) {
					due, ok := want[i]
					if !ok || int32(to-due) < 0 {
						t.Fatalf("%d fired at %d or before, is due at %d, %v", i, to, due, ok)
					}
					delete(want, i)
					if again { // set from within, for later
						w.Set(i, to+5)
						want[i] = to + 5
					}
				})
				now = to
				for i, due := range want {
					if int32(now-due) >= 0 {
						t.Fatalf("%d did not fire at %d", i, due)
					}
				}
			},
			"": func(t *rapid.T) {
				if w.Len() != len(want) {
					t.Fatalf("%d timers, want %d", w.Len(), len(want))
				}
				for i := range timers {
					if _, ok := want[uint32(i)]; ok != timers[i].Set() {
						t.Fatalf("%d is set: %v", i, timers[i].Set())
					}
				}
			},
		})
	})
}

// TestFarAhead sets a timer for longer than the wheel goes round.
func TestFarAhead(t *testing.T) {
	timers := make([]Timer, 1)
	w := New(0, func(id uint32) *Timer { return &timers[id] })
	const due = 10*slots + 7
	w.Set(0, due)
	fired := false
	for now := uint32(1); now < due; now++ {
		if w.Advance(now, func(uint32) { fired = true }); fired {
			t.Fatalf("it fired at %d", now)
		}
	}
	if w.Advance(due, func(uint32) { fired = true }); !fired {
		t.Error("it did not fire")
	}
}

// TestSetAgain sets one timer again and again, as a client can have it done: the wheel does not
// grow by that.
func TestSetAgain(t *testing.T) {
	timers := make([]Timer, 1)
	w := New(0, func(id uint32) *Timer { return &timers[id] })
	fired := 0
	for range 10_000 {
		w.Set(0, 100)
		w.Set(0, 250)
	}
	held := 0
	for _, list := range w.lists {
		held += len(list)
	}
	if held != 1 {
		t.Errorf("it is in %d lists", held)
	}
	w.Advance(249, func(uint32) { fired++ })
	if fired != 0 || !timers[0].Set() {
		t.Errorf("it fired %d times before it was due", fired)
	}
	if w.Advance(250, func(uint32) { fired++ }); fired != 1 || w.Len() != 0 {
		t.Errorf("it fired %d times", fired)
	}
}

// TestCrowdedTick: very many timers go off at one tick, again and again, as those of sockets do
// that a pause of the process has brought into step, and others one by one meanwhile. The memory of
// the one long list is not left behind with short ones.
func TestCrowdedTick(t *testing.T) {
	const crowd, others, rounds = 4 * maxSpare, 500, 50
	timers := make([]Timer, crowd+others)
	w := New(0, func(id uint32) *Timer { return &timers[id] })
	for id := range uint32(crowd) {
		w.Set(id, 250)
	}
	for id := range uint32(others) {
		w.Set(crowd+id, 1+id)
	}
	for now := uint32(1); now <= rounds*250; now++ {
		w.Advance(now, func(id uint32) {
			if id < crowd {
				w.Set(id, now+250)
			} else {
				w.Set(id, now+others)
			}
		})
	}
	held := 0
	for _, list := range slices.Concat(w.lists[:], w.spare) {
		held += cap(list)
	}
	if held > 2*crowd {
		t.Errorf("%d timers have lists for %d", len(timers), held)
	}
}

// TestJump sets a timer after the wheel stood empty for long: it fires in its time, and not at
// once.
func TestJump(t *testing.T) {
	timers := make([]Timer, 2)
	w := New(0, func(id uint32) *Timer { return &timers[id] })
	fired := 0
	fire := func(uint32) { fired++ }
	const now = 5000
	w.Jump(now)
	w.Set(0, now+50)
	w.Advance(now+49, fire)
	if fired != 0 {
		t.Fatal("it fired before its time")
	}
	w.Jump(now + 900) // not empty: nothing is skipped
	w.Advance(now+50, fire)
	if fired != 1 {
		t.Error("it did not fire")
	}
}
