package follow_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"hubbub.internal/libs/bus/driver"
	"hubbub.internal/libs/bus/follow"
)

// told checks what a follower was told besides entries.
func (b *bench) told(f *follower, rewinds int, missed ...uint64) {
	b.t.Helper()
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.rewinds != rewinds || !slices.Equal(f.missed, missed) {
		b.t.Errorf("told of %d rewinds, and that entries up to %v are missing; want %d and %v", f.rewinds, f.missed, rewinds, missed)
	}
}

// say appends an entry that comes live.
func (b *bench) say(room string) driver.Entry {
	e := b.m.append(room)
	b.e.Deliver(e)
	synctest.Wait()
	return e
}

// forEach runs a test with a driver that knows what was taken of each room, and with one that knows
// it of the log.
func forEach(t *testing.T, opts follow.Options, test func(b *bench)) {
	for name, coarse := range map[string]bool{"exact": false, "coarse": true} {
		t.Run(name, func(t *testing.T) {
			opts := opts
			opts.Coarse = coarse
			run(t, opts, func(b *bench) {
				b.m.coarse = coarse
				test(b)
			})
		})
	}
}

// TestRetentionOfOtherRooms: retention may pass the place up to which a quiet room is known to be
// complete, when the log is small and busy, or has a hole where an entry was removed. Its followers
// are told nothing.
func TestRetentionOfOtherRooms(t *testing.T) {
	forEach(t, follow.Options{}, func(b *bench) {
		empty, _ := b.follow("empty")
		f, _ := b.follow("r")
		first := b.say("r")
		one, _ := b.follow("one")
		b.say("one")
		b.m.remove("one", 0) // its only entry
		before, _ := b.m.counts()
		for range 2 { // which show up to where nothing is missing
			for range 5 {
				b.m.append("other")
			}
			time.Sleep(31 * time.Second)
		}
		b.m.trimTo(b.m.end())
		b.e.Suspect("the connection was lost")
		synctest.Wait()
		for range 3 {
			for range 50 {
				b.m.append("other")
			}
			b.m.trimTo(b.m.end())
			time.Sleep(31 * time.Second) // compared once
		}
		b.e.SuspectRooms("test", "r", "one", "empty")
		synctest.Wait()
		b.e.Suspect("the connection was lost")
		for _, f := range []*follower{empty, f, one} {
			b.told(f, 0)
		}
		if n, _ := b.m.counts(); n-before > 3 { // of the one that was removed, for each Suspect
			b.t.Errorf("%d reads of the log for rooms in which nothing was said", n-before)
		}
		// And it goes on where it was: nothing lies between.
		next := b.say("r")
		if _, got, _ := f.seen(); len(got) != 2 || got[1].Prev != first.Seq || got[1].Seq != next.Seq {
			t.Errorf("followed %+v", got)
		}
		b.say("empty")
		b.has(empty, "empty")
		b.say("one")
		b.told(f, 0)
		b.told(empty, 0)
		b.told(one, 0)
	})
}

// TestDisturbedAndTrimmed: a room whose subscription may have missed something that retention has
// taken is told so, once, and that is no rewind.
func TestDisturbedAndTrimmed(t *testing.T) {
	forEach(t, follow.Options{}, func(b *bench) {
		f, _ := b.follow("r")
		b.say("r")
		b.m.append("r") // nobody hears of it
		lost := b.m.append("r")
		b.m.trimTo(lost.Seq)
		b.e.Suspect("the connection was lost")
		b.told(f, 0, lost.Seq)
		b.e.Suspect("and again")
		time.Sleep(time.Minute)
		b.told(f, 0, lost.Seq)
		b.say("r")
		b.has(f, "r")
		b.m.append("r")
		more := b.m.append("r")
		b.m.trimTo(more.Seq - 1)
		b.e.Suspect("the connection was lost")
		b.told(f, 0, lost.Seq, more.Seq-1)
		b.has(f, "r")
		b.m.rewind(more.Seq - 1)
		b.e.Suspect("the connection was lost")
		b.told(f, 1, lost.Seq, more.Seq-1)
	})
}

// TestTrimmedUnseen: also without a Suspect, what shows that an entry did not come live is taken
// for a loss.
func TestTrimmedUnseen(t *testing.T) {
	tests := map[string]func(b *bench) (through uint64){
		"a hint names it": func(b *bench) uint64 {
			lost := b.m.append("r")
			hint := b.m.append("r")
			b.m.trimTo(lost.Seq)
			b.e.Deliver(hint)
			return hint.Seq - 1
		},
		"a hint is of it": func(b *bench) uint64 {
			hint := b.m.append("r")
			hint.Prev, hint.Data = 0, nil
			b.m.trimTo(hint.Seq)
			b.e.Deliver(hint)
			return hint.Seq
		},
		"a comparison finds the room behind": func(b *bench) uint64 {
			lost := b.m.append("r")
			last := b.m.append("r")
			b.m.trimTo(lost.Seq)
			b.e.SuspectRooms("test", "r")
			time.Sleep(time.Second) // and no hint comes
			return last.Seq - 1
		},
		"a hint is of it, and a later one of an entry that was removed": func(b *bench) uint64 {
			b.m.then(func() { // which the log does not show
				lost, gone := b.m.append("r"), b.m.append("r")
				b.m.trimTo(lost.Seq)
				b.m.remove("r", 0)
				lost.Prev, gone.Prev = 0, 0
				b.e.Deliver(lost)
				b.e.Deliver(gone)
			})
			b.e.Deliver(driver.Entry{Room: "r", Seq: b.m.end(), ID: "unknown"})
			time.Sleep(time.Second)
			return b.m.end()
		},
		"more hints came than are held back": func(b *bench) uint64 {
			lost := b.m.append("r")
			hint := b.m.append("r") // which names it, and is dropped with the others
			b.m.trimTo(lost.Seq)
			b.m.during = func() {
				for range 2 {
					b.e.Deliver(b.m.append("r"))
				}
			}
			b.e.Deliver(hint)
			return hint.Seq - 1
		},
	}
	for name, happen := range tests {
		t.Run(name, func(t *testing.T) {
			forEach(t, follow.Options{HoldBack: 2}, func(b *bench) {
				f, _ := b.follow("r")
				b.say("r")
				b.told(f, 0, happen(b))
				b.say("r")
				b.has(f, "r")
			})
		})
	}
}

// TestTrimmedAndOnItsWay: an entry that the log has and that is on its way live, and one that was
// removed before it was read, are no losses, also in a room whose older entries retention has
// taken.
func TestTrimmedAndOnItsWay(t *testing.T) {
	tests := map[string]struct {
		happen func(b *bench)
		more   int // entries that come
	}{
		"compared before it came": {func(b *bench) {
			e := b.m.append("r")
			b.e.SuspectRooms("test", "r")
			time.Sleep(10 * time.Millisecond)
			b.e.Deliver(e)
		}, 1},
		"compared before two came": {func(b *bench) {
			one, two := b.m.append("r"), b.m.append("r")
			b.e.SuspectRooms("test", "r")
			time.Sleep(10 * time.Millisecond)
			b.e.Deliver(one)
			b.e.Deliver(two)
		}, 2},
		"removed before it was read": {func(b *bench) {
			e := b.m.append("r")
			b.m.remove("r", 0)
			b.e.Deliver(e)
		}, 0},
		"removed before it was read, and another came": {func(b *bench) {
			gone := b.m.append("r")
			e := b.m.append("r")
			b.m.remove("r", 0)
			b.e.Deliver(gone)
			b.e.Deliver(e)
		}, 1},
		"removed when it had not come and another did": {func(b *bench) {
			b.m.append("r")
			e := b.m.append("r")
			b.m.remove("r", 0)
			b.e.Deliver(e)
		}, 1},
		"compared before it came, and removed then": {func(b *bench) {
			e := b.m.append("r")
			b.m.heading = func() { b.m.remove("r", 0) }
			b.e.SuspectRooms("test", "r")
			time.Sleep(10 * time.Millisecond)
			b.e.Deliver(e)
		}, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			forEach(t, follow.Options{}, func(b *bench) {
				f, _ := b.follow("r")
				b.say("r")
				b.m.append("other")
				b.m.trimTo(b.m.end())
				tt.happen(b)
				time.Sleep(time.Second)
				b.told(f, 0)
				b.say("r")
				b.told(f, 0)
				if _, got, _ := f.seen(); len(got) != 1+tt.more+1 {
					t.Errorf("%d entries came", len(got))
				}
			})
		})
	}
}

// TestTrimmedWithoutASign: a driver that knows what was taken of each room is believed also when
// nothing else shows a loss.
func TestTrimmedWithoutASign(t *testing.T) {
	run(t, follow.Options{}, func(b *bench) {
		f, _ := b.follow("r")
		b.say("r")
		lost := b.m.append("r")
		b.m.trimTo(lost.Seq)
		b.e.SuspectRooms("test", "r")
		b.told(f, 0, lost.Seq)
	})
}

// TestTrimmedAfterARewind: up to where a room was complete in a log that has lost its tail says
// nothing of what is there now.
func TestTrimmedAfterARewind(t *testing.T) {
	for name, first := range map[string]int{"an empty room": 0, "a room whose entry stays": 1, "a room that has grown since": 2} {
		t.Run(name, func(t *testing.T) {
			forEach(t, follow.Options{}, func(b *bench) {
				f, _ := b.follow("r")
				if first > 0 {
					b.say("r")
				}
				end := b.m.end()
				for range 10 {
					b.m.append("other")
				}
				b.e.Suspect("test") // the room is complete up to there
				synctest.Wait()
				b.m.rewind(end)
				if first > 1 {
					b.m.append("r")
				}
				b.e.Suspect("the connection was lost")
				synctest.Wait()
				b.m.append("r")
				lost := b.m.append("r")
				for range 10 {
					b.m.append("other")
				}
				b.m.trimTo(lost.Seq)
				b.e.Suspect("the connection was lost")
				synctest.Wait()
				if f.rewinds != 0 || len(f.missed) != 1 || f.missed[0] < lost.Seq {
					t.Errorf("told of %d rewinds, and that entries up to %v are missing, want %d or more", f.rewinds, f.missed, lost.Seq)
				}
				b.say("r")
				b.has(f, "r")
			})
		})
	}
}

// TestTrimmedDuringAComparison: a comparison that asked the log before retention came, and has its
// answer after the room was found truncated, still speaks for the room.
func TestTrimmedDuringAComparison(t *testing.T) {
	run(t, follow.Options{Coarse: true}, func(b *bench) {
		b.m.coarse = true
		f, _ := b.follow("r")
		last := b.say("r")
		b.m.append("other")
		b.e.SuspectRooms("test", "r") // it has nothing up to there, either
		synctest.Wait()
		other := b.m.append("other")
		read := make(chan struct{})
		b.m.heading = func() { // the comparison's answer is that the room has nothing up to other
			b.m.trimTo(other.Seq)
			b.m.then(func() { // the first Replay is from the entry held,
				b.m.then(func() { // the second from where the room is known to be complete
					close(read)
					time.Sleep(time.Millisecond)
				})
			})
			b.e.Deliver(driver.Entry{Room: "r", Seq: last.Seq - 1, Prev: 1, ID: "of long ago"})
			<-read
		}
		b.e.Suspect("the connection was lost")
		b.told(f, 0)
		time.Sleep(time.Second)
		b.told(f, 0)
		b.say("r")
		b.told(f, 0)
		if _, got, _ := f.seen(); len(got) != 2 {
			t.Errorf("followed %+v", got)
		}
	})
}

// TestHeadIsAskedAfterSubscribing: what is appended between the two calls of a join is before the
// head, or comes live.
func TestHeadIsAskedAfterSubscribing(t *testing.T) {
	for calls := range 2 {
		run(t, follow.Options{}, func(b *bench) {
			say := func() {
				if e := b.m.append("r"); b.m.subscribed("r") {
					b.e.Deliver(e)
				}
			}
			b.m.asking = say // before the first call
			if calls == 1 {
				b.m.asking = func() { b.m.asking = say } // before the second
			}
			f, _ := b.follow("r")
			b.has(f, "r")
			if head, got, _ := f.seen(); len(b.m.log("r")) != 1 || head == 0 && len(got) == 0 {
				t.Errorf("head %d, followed %v", head, got)
			}
		})
	}
}
