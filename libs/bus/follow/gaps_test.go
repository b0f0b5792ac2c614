package follow_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"hubbub.internal/libs/bus/driver"
	"hubbub.internal/libs/bus/follow"
)

// reads returns how often the log was read while do ran and its consequences came to rest.
func (b *bench) reads(do func()) int {
	before, _ := b.m.counts()
	do()
	synctest.Wait()
	after, _ := b.m.counts()
	return after - before
}

// TestHeldBackFollowsOn: hints that come during a fill and follow on what it brings are delivered
// without reading again.
func TestHeldBackFollowsOn(t *testing.T) {
	run(t, follow.Options{CompareEvery: time.Hour}, func(b *bench) {
		f, _ := b.follow("r")
		b.say("r")
		if n := b.reads(func() {
			b.m.append("r") // lost
			b.m.then(func() {
				for range 5 {
					b.e.Deliver(b.m.append("r"))
				}
			})
			b.e.Deliver(b.m.append("r"))
		}); n != 1 {
			t.Errorf("%d reads of the log", n)
		}
		b.has(f, "r")
		if n := b.reads(func() { b.say("r") }); n != 0 {
			t.Errorf("%d reads of the log for what follows on", n)
		}
	})
}

// TestTooMuchHeldBack: what is dropped is read from the log at once, also if nothing comes after
// it.
func TestTooMuchHeldBack(t *testing.T) {
	const limit = 3
	for more := range 3 {
		run(t, follow.Options{CompareEvery: time.Hour, HoldBack: limit}, func(b *bench) {
			f, _ := b.follow("r")
			b.say("r")
			b.m.append("r")
			b.m.then(func() {
				for range limit - 1 + more { // besides the hint that began the fill
					b.e.Deliver(b.m.append("r"))
				}
			})
			b.e.Deliver(b.m.append("r"))
			b.has(f, "r")
			if n := b.count("overflows_total"); n != float64(min(more, 1)) {
				t.Errorf("%d hints are held back, of at most %d: %v times too many", limit+more, limit, n)
			}
		})
	}
}

// TestHeldBackIsPaidBack: the bytes that are held back are counted down again, whatever becomes of
// the hints.
func TestHeldBackIsPaidBack(t *testing.T) {
	run(t, follow.Options{CompareEvery: time.Hour, HoldBytes: 20}, func(b *bench) {
		f, _ := b.follow("r")
		b.say("r")
		for range 30 {
			b.m.append("r")
			b.m.then(func() { b.e.Deliver(b.m.append("r")) }) // of a few bytes, which is delivered
			b.e.Deliver(b.m.append("r"))
			b.has(f, "r")
		}
		for range 30 {
			_, s := b.follow("left")
			b.say("left")
			b.m.append("left")
			b.m.then(s.Stop) // somebody leaves while something is held back
			b.e.Deliver(b.m.append("left"))
			synctest.Wait()
		}
		if n := b.count("overflows_total"); n != 0 {
			t.Errorf("%v times too many bytes are held back", n)
		}
	})
}

// TestDroppedIsPaidBack: the same of hints that are dropped because they are too many.
func TestDroppedIsPaidBack(t *testing.T) {
	run(t, follow.Options{CompareEvery: time.Hour, HoldBack: 2, HoldBytes: 100}, func(b *bench) {
		f, _ := b.follow("r")
		b.say("r")
		const rounds = 50
		for range rounds {
			b.m.append("r")
			b.m.then(func() {
				for range 2 { // besides the hint that began the fill
					b.e.Deliver(b.m.append("r"))
				}
			})
			b.e.Deliver(b.m.append("r"))
			b.has(f, "r")
		}
		if n := b.count("overflows_total"); n != rounds {
			t.Errorf("%v times too much was held back, want %d", n, rounds)
		}
	})
}

// TestHeldBackBeforeASuspicion: a hint from before a call of Suspect may be of a log that was
// rewound since.
func TestHeldBackBeforeASuspicion(t *testing.T) {
	run(t, follow.Options{CompareEvery: time.Hour}, func(b *bench) {
		f, _ := b.follow("r")
		b.say("r")
		b.m.append("r")
		var lost driver.Entry
		b.m.then(func() {
			lost = b.m.append("r")
			b.e.Deliver(lost)
			b.m.rewind(lost.Seq - 1)
			b.e.Suspect("the connection was lost")
			b.m.append("r") // in its place
		})
		b.e.Deliver(b.m.append("r"))
		b.has(f, "r")
		b.told(f, 0)
	})
}

// TestHintBeyondTheLog: a hint of an entry that the log never has is given up in the end, and does
// no harm.
func TestHintBeyondTheLog(t *testing.T) {
	for name, hint := range map[string]driver.Entry{"unknown prev": {}, "known prev": {Prev: 5000, Data: []byte("x")}} {
		t.Run(name, func(t *testing.T) {
			for _, first := range []bool{false, true} { // an empty room, too
				run(t, follow.Options{CompareEvery: 24 * time.Hour}, func(b *bench) {
					f, _ := b.follow("r")
					if first {
						b.say("r")
					}
					hint := hint
					hint.Room, hint.Seq, hint.ID = "r", b.m.end()+5000, "never"
					n := b.reads(func() {
						b.e.Deliver(hint)
						time.Sleep(time.Minute)
					})
					if n < 2 || n > 50 {
						t.Errorf("%d reads of the log", n)
					}
					if n := b.reads(func() { time.Sleep(time.Hour) }); n != 0 {
						t.Errorf("%d reads of the log afterwards", n)
					}
					b.m.append("r")
					if n := b.reads(func() {
						b.e.Deliver(b.m.append("r"))
						time.Sleep(time.Minute)
					}); n > 2 {
						t.Errorf("%d reads of the log for a gap", n)
					}
					b.has(f, "r")
				})
			}
		})
	}
}

// TestNudgeAheadOfTheLog: a hint without content says that there will be something; the log has it
// a moment later.
func TestNudgeAheadOfTheLog(t *testing.T) {
	run(t, follow.Options{CompareEvery: time.Hour}, func(b *bench) {
		f, _ := b.follow("r")
		b.e.Deliver(driver.Entry{Room: "r", Seq: b.m.end() + 1})
		synctest.Wait()
		if _, got, _ := f.seen(); len(got) != 0 {
			t.Errorf("got %+v of nothing", got)
		}
		b.m.append("r")
		time.Sleep(time.Second)
		b.has(f, "r")
	})
}

// TestUnknownOldHint: an entry that was never seen, at a place already passed, is asked about once.
func TestUnknownOldHint(t *testing.T) {
	run(t, follow.Options{}, func(b *bench) {
		b.follow("r")
		b.say("r")
		old := b.say("r")
		b.say("r")
		old.ID = "other"
		if n := b.reads(func() {
			for range 3 {
				b.e.Deliver(old)
				synctest.Wait()
			}
		}); n != 1 {
			t.Errorf("%d reads of the log", n)
		}
	})
}

// TestHintWhileJoining: a hint that only says that there is something is not forgotten when it
// comes before the head is known.
func TestHintWhileJoining(t *testing.T) {
	run(t, follow.Options{CompareEvery: time.Hour}, func(b *bench) {
		b.m.append("r")
		b.m.heading = func() { // which has its answer
			e := b.m.append("r")
			b.e.Deliver(driver.Entry{Room: "r", Seq: e.Seq})
		}
		f, _ := b.follow("r")
		b.has(f, "r")
		if n := len(b.m.log("r")); n != 2 {
			t.Errorf("the log has %d entries", n)
		}
	})
}

// TestJoinAfterADoubt: what follows on the head of a new join is delivered without reading the log.
func TestJoinAfterADoubt(t *testing.T) {
	run(t, follow.Options{}, func(b *bench) {
		b.e.Suspect("the connection was lost")
		synctest.Wait()
		b.m.append("r")
		b.follow("r")
		if n := b.reads(func() { b.say("r") }); n != 0 {
			t.Errorf("%d reads of the log", n)
		}
	})
}

// TestNewcomerToARoomThatIsBeingLeft: it gets a head of its own, not the one that the last follower
// left behind.
func TestNewcomerToARoomThatIsBeingLeft(t *testing.T) {
	run(t, follow.Options{CompareEvery: time.Hour}, func(b *bench) {
		_, s := b.follow("r")
		b.say("r")
		b.m.latency = time.Second // whoever subscribes and unsubscribes is busy with another room
		go func() { _, _, _ = b.e.Follow(b.t.Context(), "other", &follower{t: b.t}) }()
		synctest.Wait()
		b.m.append("r") // does not come live
		s.Stop()
		f, _ := b.follow("r")
		b.has(f, "r")
		if head, _, _ := f.seen(); head != b.m.end() {
			t.Errorf("head is %d, want %d", head, b.m.end())
		}
	})
}

// TestGivenUpWhileJoining: a room that nobody waits for any more is not followed on.
func TestGivenUpWhileJoining(t *testing.T) {
	run(t, follow.Options{CompareEvery: time.Hour}, func(b *bench) {
		b.m.latency = time.Second
		ctx, cancel := context.WithTimeout(b.t.Context(), time.Millisecond)
		defer cancel()
		if _, _, err := b.e.Follow(ctx, "r", &follower{t: b.t}); err == nil {
			t.Error("it has not waited")
		}
		time.Sleep(time.Minute)
		if b.m.subscribed("r") {
			t.Error("still subscribed")
		}
	})
}

// TestDriverAnswersForTooFew: an answer that is no answer for every room is asked for again.
func TestDriverAnswersForTooFew(t *testing.T) {
	run(t, follow.Options{CompareEvery: time.Hour}, func(b *bench) {
		b.m.short = 1
		f, _ := b.follow("r")
		b.m.append("r")
		b.m.short = 1
		b.e.Suspect("test")
		time.Sleep(time.Second)
		b.has(f, "r")
	})
}

// TestPausesAreReset: after a trouble that is over, the next one is not waited for as long as the
// last.
func TestPausesAreReset(t *testing.T) {
	run(t, follow.Options{CompareEvery: time.Hour, Workers: 1}, func(b *bench) {
		f, _ := b.follow("r")
		b.say("r")
		for name, trouble := range map[string]func(){
			"a fill":       func() { b.m.append("r"); b.e.Deliver(b.m.append("r")) },
			"a comparison": func() { b.m.append("r"); b.e.Suspect("test") },
		} {
			b.m.fail(12)
			trouble()
			time.Sleep(time.Minute)
			b.has(f, "r")
			b.m.fail(1)
			trouble()
			time.Sleep(200 * time.Millisecond)
			synctest.Wait()
			if _, got, _ := f.seen(); len(got) != len(b.m.log("r")) {
				t.Errorf("%s: not there after a short trouble that came after a long one", name)
			}
		}
		join := func(name string, failing int) {
			b.m.fail(failing)
			ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
			defer cancel()
			began := time.Now()
			if _, _, err := b.e.Follow(ctx, name, &follower{t: b.t}); err != nil {
				t.Error(err)
			}
			// of a clock that the test owns
			if failing == 1 && time.Since(began) > 200*time.Millisecond {
				t.Error("a join waits for as long as the last one had to")
			}
		}
		join("r1", 12)
		join("r2", 1)
	})
}

// TestSuspectRoomsAlone: SuspectRooms leaves the other rooms alone.
func TestSuspectRoomsAlone(t *testing.T) {
	run(t, follow.Options{CompareEvery: time.Hour}, func(b *bench) {
		for i := range 5 {
			b.follow(fmt.Sprint("r", i))
		}
		b.e.SuspectRooms("test", "r1", "r2")
		synctest.Wait()
		if n := b.count("compared_rooms_total"); n != 2 {
			t.Errorf("%v rooms are compared, want 2", n)
		}
	})
}

// TestComparedDuringAFill: what a comparison finds while the room is being read, after the log was
// read, is read too, and not when the next comparison comes.
func TestComparedDuringAFill(t *testing.T) {
	run(t, follow.Options{}, func(b *bench) {
		f, _ := b.follow("r")
		b.m.then(func() {
			b.m.append("r")
			b.e.Suspect("test")
			time.Sleep(time.Second) // until the log has answered to that
		})
		b.e.Deliver(driver.Entry{Room: "r", Seq: b.m.append("r").Seq})
		time.Sleep(2 * time.Second)
		b.has(f, "r")
	})
}
