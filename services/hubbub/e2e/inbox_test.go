package e2e

import (
	"slices"
	"testing"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/hubbub/rigs/cluster"
)

// inbox returns what is new in a room to somebody who need not be connected.
func (a *account) inbox(room string) chat.InboxRoom {
	a.t.Helper()
	rooms, _, err := a.session.Inbox(a.t.Context(), room, "")
	if err != nil {
		a.t.Fatal(err)
	}
	if len(rooms) != 1 {
		a.t.Fatalf("%s has %d rooms of %s", a.name, len(rooms), room)
	}
	return rooms[0]
}

// testInbox has somebody away who is invited, mentioned, and later accepts; and somebody who joins
// an empty room, leaves the device, and comes in with another.
func testInbox(t *testing.T, c *cluster.Cluster) {
	ann, bob := enter(t, c.URL, c.URL, "ann"), newAccount(t, c.URL, "bob")
	room := ann.createRoom("Books of "+ann.name, true)
	ann.join(room)
	ann.send(room, "before")
	ann.addMember(room, bob.id)
	first := ann.send(room, "@"+bob.name+" welcome")
	ann.send(room, "你好@"+bob.name+"请看")
	ann.send(room, "`@"+bob.name+"`")
	if err := bob.session.AcceptInvitation(t.Context(), room); err != nil {
		t.Fatal(err)
	}
	if got := bob.inbox(room); got.Unread != 3 || got.Mentions != 2 || got.FirstUnread != first || got.FirstMention != first {
		t.Errorf("after the invitation: %+v", got)
	}

	public := newRoom(t, c)
	if err := bob.session.JoinRoom(t.Context(), public); err != nil {
		t.Fatal(err)
	}
	ann.join(public)
	first = ann.send(public, "one")
	mention := ann.send(public, "@"+bob.name)
	ann.send(public, "three")
	if got := bob.inbox(public); got.Unread != 3 || got.Mentions != 1 || got.FirstUnread != first || got.FirstMention != mention {
		t.Errorf("after joining an empty room: %+v", got)
	}

	// With a device: it is told of marks that another makes, and of mentions.
	device := bob.enter(t, c.URL)
	device.join(public)
	if err := device.client.Seen(t.Context(), public); err != nil {
		t.Fatal(err)
	}
	if got := bob.inbox(public); got.Unread != 0 || got.Mentions != 0 {
		t.Errorf("after it was seen: %+v", got)
	}
	if err := device.client.Unread(t.Context(), public, mention); err != nil {
		t.Fatal(err)
	}
	rooms, _, err := device.client.Inbox(t.Context(), public, "")
	if err != nil || len(rooms) != 1 || rooms[0].Unread != 2 || rooms[0].Mentions != 1 {
		t.Errorf("after it was unread: %+v, %v", rooms, err)
	}
	last := ann.send(public, "and @"+bob.name)
	own := chat.UserRoom(bob.id)
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		told := map[string]bool{}
		for _, e := range device.events(own) {
			told[e.Type+" "+e.Target] = true
			if e.Type == chat.TypeMentioned && e.At == last {
				told["last"] = true
			}
		}
		if told["last"] && told[chat.TypeChanged+" "+chat.ListInbox] {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the device was told %v", told)
		}
	}
	// A mention is told first, and kept then: a crash between the two tells it again.
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		page := device.page(public)
		at := slices.IndexFunc(page, func(m chat.Message) bool { return m.Seq == last })
		if at >= 0 && slices.Equal(page[at].Mentions, []string{bob.id}) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the page has %+v", page)
		}
	}
}
