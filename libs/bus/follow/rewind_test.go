package follow_test

import (
	"testing"
	"testing/synctest"
	"time"

	"hubbub.internal/libs/bus/driver"
	"hubbub.internal/libs/bus/follow"
)

func TestRewind(t *testing.T) {
	tests := []struct {
		name   string
		happen func(b *bench, last driver.Entry)
	}{
		{"the log ends earlier", func(b *bench, last driver.Entry) {
			b.m.rewind(last.Seq - 1)
			b.e.Suspect("test")
		}},
		{"the log ends earlier, and where it ends cannot be asked", func(b *bench, last driver.Entry) {
			b.m.rewind(last.Seq - 1)
			b.m.then(func() { b.m.fail(1) })
			b.e.Suspect("test")
			time.Sleep(time.Second)
		}},
		{"another entry in the place of the last", func(b *bench, last driver.Entry) {
			b.m.rewind(last.Seq - 1)
			b.m.append("r")
			b.e.Suspect("test")
		}},
		{"a hint with a Seq that was passed", func(b *bench, last driver.Entry) {
			b.m.rewind(last.Seq - 2)
			b.e.Deliver(b.m.append("r"))
		}},
		{"the log has grown beyond the last", func(b *bench, last driver.Entry) {
			b.m.rewind(last.Seq - 2)
			// as a driver does before it delivers from a new one
			b.e.Suspect("the connection was lost")
			b.m.append("r")
			b.m.append("r")
			b.e.Deliver(b.m.append("r")) // follows on the Seq that is held, but not on that entry
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			run(t, follow.Options{}, func(b *bench) {
				f, _ := b.follow("r")
				var last driver.Entry
				for range 10 {
					last = b.m.append("r")
					b.e.Deliver(last)
				}
				synctest.Wait()
				tt.happen(b, last)
				synctest.Wait()
				if _, _, n := f.seen(); n != 1 {
					t.Errorf("%d times told of a rewind, want once", n)
				}
				b.e.Deliver(b.m.append("r"))
				b.has(f, "r")
			})
		})
	}
}

func TestRemovedAndTrimmedAreNoRewind(t *testing.T) {
	run(t, follow.Options{}, func(b *bench) {
		f, _ := b.follow("r")
		for range 4 {
			b.e.Deliver(b.m.append("r"))
		}
		synctest.Wait()
		want := len(b.m.log("r"))
		b.m.remove("r", 3) // the entry held
		time.Sleep(90 * time.Second)
		if n, _ := b.m.counts(); n > 2 {
			t.Errorf("%d reads of the log for one removal", n)
		}
		b.e.Deliver(b.m.append("r")) // its prev is older than what is held
		synctest.Wait()
		b.m.trim("r", 4) // all of the room
		time.Sleep(90 * time.Second)
		b.e.Deliver(b.m.append("r")) // its prev is unknown
		synctest.Wait()
		_, got, rewinds := f.seen()
		if len(got) != want+2 || rewinds != 0 {
			t.Errorf("got %d entries and %d rewinds, want %d and none", len(got), rewinds, want+2)
		}
	})
}

func TestTrimmedBeforeItWasSeen(t *testing.T) {
	run(t, follow.Options{CompareEvery: time.Hour}, func(b *bench) {
		f, _ := b.follow("r")
		b.e.Deliver(b.m.append("r"))
		synctest.Wait()
		for range 5 {
			b.m.append("r") // nobody delivers these
		}
		b.m.trim("r", 3)
		b.e.Suspect("test")
		synctest.Wait()
		if _, _, n := f.seen(); n != 0 || len(f.missed) != 1 {
			t.Errorf("told of %d rewinds and that entries up to %v are missing, want no rewind and that once", n, f.missed)
		}
		b.e.Deliver(b.m.append("r"))
		b.has(f, "r")
	})
}
