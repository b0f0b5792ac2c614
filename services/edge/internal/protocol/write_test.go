package protocol

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

// tryAll makes a client try everything that takes the right to write, and returns the codes of the
// answers, or y.
func (c *client) tryAll(round int) string {
	c.r.t.Helper()
	var out []string
	for i, command := range []string{
		`{"type":"send","id":"%s","room":"lobby","msg_id":"%s","text":"x"}`,
		`{"type":"edit","id":"%s","room":"lobby","msg_id":"%s","target":"m","text":"x"}`,
		`{"type":"react","id":"%s","room":"lobby","msg_id":"%s","target":"m","emoji":"👍","on":true}`,
		`{"type":"pin","id":"%s","room":"lobby","msg_id":"%s","target":"m","on":true}`,
		`{"type":"typing","id":"%s","room":"lobby","was":"%s"}`,
		`{"type":"delete","id":"%s","room":"lobby","msg_id":"%s","target":"m"}`,
	} {
		id := fmt.Sprintf("w%d-%d", round, i)
		c.say(command, id, id)
		out = append(out, c.outcome(id))
	}
	return strings.Join(out, " ")
}

// outcome returns what a command is answered with: y, or the code of an error.
func (c *client) outcome(id string) string {
	c.r.t.Helper()
	switch f := answered(c.all(), id); f.Type {
	case "":
		c.r.t.Errorf("%s is not answered", id)
		return ""
	case "error":
		return fmt.Sprint(f.Code)
	}
	return "y"
}

// TestMayWrite: who is muted may not write until then and is told so, and may again without anybody
// doing anything.
func TestMayWrite(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann := r.login("ann")
		ann.enter("lobby")
		change := directory.Change{Kind: directory.ChangeAccess, User: "ann", Room: "lobby", Access: member}
		reader := directory.Access{Role: directory.RoleReader, Read: true}
		r.permit("ann", "lobby", reader, change)
		if got := ann.tryAll(0); got != "forbidden forbidden forbidden forbidden forbidden y" {
			t.Errorf("as a reader: %s", got)
		}
		ann.say(`{"type":"send","id":"r","room":"lobby","msg_id":"r","text":"x"}`)
		if all := ann.all(); !strings.Contains(all[len(all)-1].Message, "reader") {
			t.Errorf("a reader is told %+v", all[len(all)-1])
		}
		muted := member
		muted.MutedUntil, muted.MutedWhy = time.Now().Add(20*time.Second).UnixMilli(), "spam"
		r.permit("ann", "lobby", muted, change)
		if got := ann.tryAll(1); got != "muted muted muted muted muted y" {
			t.Errorf("while muted: %s", got)
		}
		ann.say(`{"type":"send","id":"s","room":"lobby","msg_id":"s","text":"x"}`)
		f := ann.want("error", "s")
		if !strings.HasPrefix(f.Message, "you are muted until ") || !strings.HasSuffix(f.Message, " UTC: spam") || f.RetryAfterMS <= 0 || f.RetryAfterMS > 20_000 {
			t.Errorf("told %s", f.raw)
		}
		asked := r.asked[directory.ServiceAccess]
		r.pass(20 * time.Second)
		if got := ann.tryAll(2); got != "y y y y y y" {
			t.Errorf("20 s later: %s", got)
		}
		if n := r.asked[directory.ServiceAccess]; n != asked {
			t.Errorf("the directory was asked %d times more", n-asked)
		}
		muted.MutedUntil = chat.Forever
		r.permit("ann", "lobby", muted, directory.Change{Kind: directory.ChangePerson, User: "ann"})
		ann.say(`{"type":"send","id":"e","room":"lobby","msg_id":"e","text":"x"}`)
		if f := ann.want("error", "e"); f.Code != chat.CodeMuted || f.Message != "you are muted until that is lifted: spam" || f.RetryAfterMS != 0 {
			t.Errorf("told %s", f.raw)
		}
		r.permit("ann", "lobby", directory.Access{Role: directory.RoleOwner, Read: true, Archived: true}, directory.Change{Kind: directory.ChangeRules, Room: "lobby"})
		if got := ann.tryAll(4); got != strings.TrimSpace(strings.Repeat("forbidden ", 6)) {
			t.Errorf("where nothing is written any more: %s", got)
		}
		announced := directory.Access{Role: directory.RoleMember, Read: true, React: true}
		r.permit("ann", "lobby", announced, change)
		if got := ann.tryAll(3); got != "forbidden forbidden y forbidden forbidden y" {
			t.Errorf("where only moderators send: %s", got)
		}
	})
}

// TestSlowMode: a member waits between messages on whatever socket, and who may hurry does not.
func TestSlowMode(t *testing.T) {
	rigged(t, 2, func(r *rig) {
		slow := member
		slow.Slow = 12
		r.permit("ann", "lobby", slow, directory.Change{Kind: directory.ChangeRoom, Room: "lobby"})
		first, second, bob := r.login("ann"), r.login("ann"), r.login("bob")
		for _, c := range []*client{first, second, bob} {
			c.enter("lobby")
		}
		n := 0
		send := func(c *client) string {
			n++
			id := fmt.Sprint("m", n)
			c.say(`{"type":"send","id":%q,"room":"lobby","msg_id":%q,"text":"x"}`, id, id)
			return c.outcome(id)
		}
		if got := send(first); got != "y" {
			t.Errorf("the first message: %s", got)
		}
		r.pass(4 * time.Second)
		second.all()
		second.say(`{"type":"send","id":"t","room":"lobby","msg_id":"t","text":"x"}`)
		if f := second.want("error", "t"); f.Code != chat.CodeRateLimited || f.RetryAfterMS < 7_000 || f.RetryAfterMS > 8_000 || !strings.Contains(f.Message, "one message every 12 s") {
			t.Errorf("after 4 s on another socket: %s", f.raw)
		}
		for range 3 {
			if got := send(bob); got != "y" {
				t.Errorf("who need not wait: %s", got)
			}
		}
		r.pass(8 * time.Second)
		if got := send(second); got != "y" {
			t.Errorf("after 12 s: %s", got)
		}
		// A message that she sent by another edge counts as well.
		r.pass(12 * time.Second)
		r.append(bus.NewEntry{Room: "lobby", Sender: "ann", ID: "elsewhere", Data: message("lobby", "elsewhere")})
		if got := send(first); got != chat.CodeRateLimited {
			t.Errorf("after a message by another edge: %s", got)
		}
	})
}

// TestSlowModeForTheImpatient: a refused message costs nothing and gains nothing, however often it
// is sent.
func TestSlowModeForTheImpatient(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		slow := member
		slow.Slow = 12
		r.permit("ann", "lobby", slow, directory.Change{Kind: directory.ChangeRoom, Room: "lobby"})
		ann := r.login("ann")
		ann.enter("lobby")
		for n := range 40 { // one a second
			id := fmt.Sprint("m", n)
			ann.say(`{"type":"send","id":%q,"room":"lobby","msg_id":%q,"text":"x"}`, id, id)
			want := chat.CodeRateLimited
			if n%12 == 0 {
				want = "y"
			}
			if got := ann.outcome(id); got != want {
				t.Errorf("after %d s: %s, want %s", n, got, want)
			}
			r.pass(time.Second)
		}
	})
}

// TestSlowModeGivesBack: a message that the log did not take costs no waiting.
func TestSlowModeGivesBack(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		slow := member
		slow.Slow = 30
		r.permit("ann", "lobby", slow, directory.Change{Kind: directory.ChangeRoom, Room: "lobby"})
		ann := r.login("ann")
		ann.enter("lobby")
		r.server.Fail(func(call, _ string) error {
			if call == "Append" {
				return bus.ErrUnavailable
			}
			return nil
		})
		ann.say(`{"type":"send","id":"a","room":"lobby","msg_id":"a","text":"x"}`)
		ann.refused("a", chat.CodeUnavailable)
		r.server.Fail(nil)
		ann.say(`{"type":"send","id":"b","room":"lobby","msg_id":"b","text":"x"}`)
		if got := ann.outcome("b"); got != "y" {
			t.Errorf("the next: %s", got)
		}
	})
}
