package protocol

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/edge/internal/rooms"
)

// TestLiveOfAnotherRelease: what no release knows how to read is left out, and so is what was cut.
func TestLiveOfAnotherRelease(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann := r.login("ann")
		ann.enter("lobby")
		good := append(rooms.AppendLive(nil, "lobby"), `{"type":"typing","room":"lobby","user":"bob"}`...)
		newer := append([]byte{9}, good[1:]...)
		send := func(b []byte) {
			for i := range 64 { // whichever channel is the room's
				if err := r.bus.Publish(fmt.Sprint("edge.live.", i), b); err != nil {
					t.Fatal(err)
				}
			}
			r.settle()
		}
		for _, b := range [][]byte{newer, good[:1], good[:5], {}} {
			send(b)
			ann.quiet()
		}
		// more than once: the own room listens, too
		if send(good); !strings.HasPrefix(ann.ids(), "typing") {
			t.Error("what is good does not come")
		}
	})
}

// TestRoomWhoseLiveEventsCannotBeHeard is not joined, and the next time it is.
func TestRoomWhoseLiveEventsCannotBeHeard(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann := r.login("ann")
		r.server.Fail(func(call, name string) error {
			if call == "Subscribe" && strings.HasPrefix(name, "edge.live.") {
				return bus.ErrUnavailable
			}
			return nil
		})
		ann.say(`{"type":"join","id":"j","room":"lobby"}`)
		ann.refused("j", chat.CodeUnavailable)
		r.server.Fail(nil)
		ann.enter("lobby")
		bob := r.login("bob")
		bob.enter("lobby")
		bob.say(`{"type":"typing","room":"lobby"}`)
		ann.want("typing", "")
	})
}

// TestUnreadableEntry: an entry that no release can read is told as such, and what follows comes.
func TestUnreadableEntry(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann := r.login("ann")
		at := ann.enter("lobby")
		bad := r.append(bus.NewEntry{Room: "lobby", Sender: "far", ID: "bad", Data: []byte("nonsense")})
		if f := ann.want("unreadable", "bad"); f.Seq != bad || f.Prev != at || f.Room != "lobby" {
			t.Errorf("told %s", f.raw)
		}
		r.message("lobby", "m1")
		if f := ann.want("msg", "m1"); f.Prev != bad {
			t.Errorf("then came %s", f.raw)
		}
	})
}

// TestWatchedTwiceInVain: of two watches that come one after the other each fails with the room.
func TestWatchedTwiceInVain(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann := r.login("ann")
		r.know("ann", "lobby")
		r.server.Fail(func(call, _ string) error {
			if call == "Subscribe" {
				return bus.ErrUnavailable
			}
			return nil
		})
		ann.write(`{"type":"watch","id":"a","room":"lobby","on":true}`)
		ann.write(`{"type":"watch","id":"b","room":"lobby","on":true}`)
		r.settle()
		for _, f := range ann.all() {
			if f.Code != chat.CodeUnavailable {
				t.Errorf("told %s", f.raw)
			}
		}
		r.server.Fail(nil)
		if n := ann.s.rooms.Probe().Watches(ann.slot); n != 0 {
			t.Errorf("%d rooms are watched", n)
		}
	})
}

// TestSendAndWatch: who watches a room that one is in writes to it as before.
func TestSendAndWatch(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann := r.login("ann")
		ann.enter("lobby")
		ann.say(`{"type":"watch","id":"w","room":"lobby","on":true}`)
		ann.want("ack", "w")
		ann.say(`{"type":"send","id":"s","room":"lobby","msg_id":"m","text":"x"}`)
		if got := ann.outcome("s"); got != "y" {
			t.Errorf("sent: %s", got)
		}
		ann.say(`{"type":"leave","id":"l","room":"lobby"}`)
		ann.want("ack", "l")
		if n := ann.s.rooms.Probe().Watches(ann.slot); n != 1 {
			t.Errorf("%d rooms are watched after one was left", n)
		}
	})
}

// TestSlowModeFromTheBeginning: a message that a user sent by another edge right after the join
// counts, before any was sent by this one.
func TestSlowModeFromTheBeginning(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		slow := member
		slow.Slow = 30
		r.permit("ann", "lobby", slow, directory.Change{Kind: directory.ChangeRoom, Room: "lobby"})
		ann := r.login("ann")
		ann.enter("lobby")
		r.append(bus.NewEntry{Room: "lobby", Sender: "ann", ID: "elsewhere", Data: message("lobby", "elsewhere")})
		ann.all()
		ann.say(`{"type":"send","id":"s","room":"lobby","msg_id":"s","text":"x"}`)
		ann.refused("s", chat.CodeRateLimited)
	})
}

// TestActiveAgain: from a command on the time is counted anew after which a user is away.
func TestActiveAgain(t *testing.T) {
	riggedWith(t, 1, func(o *Options) { o.Session.AwayAfter, o.IdleTimeout = 2*time.Minute, time.Hour }, func(r *rig) {
		ann := r.login("ann")
		alive := func(times int) {
			for range times { // else its timer waits for a pong
				r.pass(10 * time.Second)
				ann.say(`{"type":"ping"}`)
			}
		}
		alive(15)
		ann.say(`{"type":"typing","room":"x"}`)
		alive(9)
		if s := ann.s.presenceOf(ann.slot).Status; s != "online" {
			t.Errorf("a minute and a half after a command shown as %s", s)
		}
		alive(9)
		if s := ann.s.presenceOf(ann.slot).Status; s != "idle" {
			t.Errorf("three minutes after it shown as %s", s)
		}
	})
}

// TestSeenWhenHiding: who becomes invisible was last seen then, and not each time that it is said
// again.
func TestSeenWhenHiding(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		var seen []directory.Seen
		serve(r, directory.ServiceSaw, func(q directory.SawRequest) (directory.SawReply, error) {
			seen = append(seen, q.Seen...)
			return directory.SawReply{}, nil
		})
		ann := r.login("ann")
		for i, status := range []string{"dnd", "invisible", "invisible", "online", "invisible"} {
			ann.say(`{"type":"status","status":%q}`, status)
			r.pass(5 * time.Second)
			r.mu.Lock()
			if n, want := len(seen), []int{0, 1, 1, 1, 2}[i]; n != want || n > 0 && seen[n-1].User != "ann" {
				t.Errorf("after %s: seen %+v, want %d times", status, seen, want)
			}
			r.mu.Unlock()
		}
	})
}
