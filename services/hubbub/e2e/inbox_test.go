package e2e

import (
	"slices"
	"testing"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/client"
	"hubbub.internal/libs/wire"
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
	testFollowedThread(t, ann, bob, device, public)
}

// testFollowedThread has bob answer in a thread of ann's, be told of an answer, and read it.
func testFollowedThread(t *testing.T, ann *person, bob *account, device *person, room string) {
	t.Helper()
	rootSeq := ann.send(room, "root")
	page := device.page(room)
	at := slices.IndexFunc(page, func(m chat.Message) bool { return m.Seq == rootSeq })
	if at < 0 {
		t.Fatalf("the page has %+v", page)
	}
	root := client.Name{User: ann.id, ID: page[at].ID}
	answer := func(s *client.Session, text string) {
		t.Helper()
		if _, err := s.Post(t.Context(), room, client.Post{Text: text, Thread: root}); err != nil {
			t.Fatal(err)
		}
	}
	answer(bob.session, "mine")
	answer(ann.session, "theirs")
	has := func(want int) bool {
		threads, _, err := device.client.NewThreads(t.Context())
		return err == nil && (want == 0 && len(threads) == 0 || len(threads) == 1 && threads[0].ID == root.ID && threads[0].Unread == want)
	}
	for deadline := time.Now().Add(patience); !has(1); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the inbox has no thread with one answer")
		}
	}
	if all, _, err := bob.session.Followed(t.Context(), true, ""); err != nil || len(all) != 1 || all[0].Latest.Text != "theirs" || all[0].Root.Text != "root" {
		t.Errorf("followed threads: %+v, %v", all, err)
	}
	if err := bob.session.ReadThread(t.Context(), room, root, 0); err != nil {
		t.Fatal(err)
	}
	if !has(0) {
		t.Error("the thread is not read")
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if slices.ContainsFunc(device.events(chat.UserRoom(bob.id)), func(e wire.Event) bool { return e.Type == chat.TypeChanged && e.Target == chat.ListThreads }) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the device is not told")
		}
	}
}
