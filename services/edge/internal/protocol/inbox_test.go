package protocol

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hubbub.internal/libs/api/history"
)

func TestInbox(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann := r.login("ann")
		ann.say(`{"id":"1","type":"inbox","room":"lobby","next":"x"}`)
		r.pass(time.Second)
		if got := ann.answers("1"); len(got) != 1 || got[0].raw != `{"type":"inbox","id":"1","rooms":[{"room":"lobby","read":0,"through":0,"unread":3,"mentions":0}],"next":"annlobbyx"}` {
			t.Errorf("the inbox is %+v", got)
		}
		ann.say(`{"id":"2","type":"inbox","next":"%s"}`, strings.Repeat("x", 65))
		if got := ann.answers("2"); len(got) != 1 || got[0].Code != "bad_request" {
			t.Errorf("a next that is none: %+v", got)
		}
	})
}

// TestMarks holds what the record is told, and that a position that was taken back can be told
// again: the edge does not drop it as one that it has passed on already.
func TestMarks(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann := r.login("ann")
		ann.enter("lobby")
		ann.say(`{"id":"1","type":"read","room":"lobby","seq":9}`)
		ann.say(`{"id":"2","type":"unread","room":"lobby","seq":7}`)
		r.pass(100 * time.Millisecond)
		ann.say(`{"id":"3","type":"read","room":"lobby","seq":9}`)
		ann.say(`{"id":"4","type":"seen","room":"other"}`)
		ann.say(`{"id":"5","type":"seen"}`)
		r.pass(3 * time.Second)
		want := []history.MarkRequest{{User: "ann", Room: "lobby", Unread: true, Seq: 7}, {User: "ann", Room: "other"}, {User: "ann"}}
		if diff := cmp.Diff(want, r.marks); diff != "" {
			t.Error(diff)
		}
		if len(r.reads) != 2 || r.reads[1].Seq != 9 {
			t.Errorf("read positions that were told: %+v", r.reads)
		}
	})
}
