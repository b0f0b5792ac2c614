package directory

import (
	"fmt"
	"strings"
	"testing"

	"hubbub.internal/libs/attention"
	"hubbub.internal/libs/chat"
)

func waiting(room string, unread, mentions int) chat.InboxRoom {
	return chat.InboxRoom{
		Room: room, Unread: unread, Mentions: mentions, More: unread == chat.MaxUnread, FirstUnread: 7, FirstMention: 9, Mentioned: 3,
		Last: &chat.InboxLatest{Seq: 12, Name: "Bob", TS: 1, Text: "see\nyou  there"},
	}
}

func TestWhatADigestTells(t *testing.T) {
	direct := chat.DirectRoom("u1", "u2")
	for _, tt := range []struct {
		preferences string
		room        chat.InboxRoom
		want        int
	}{
		{`{}`, waiting("r", 5, 0), 0},
		{`{}`, waiting("r", 5, 2), 2},
		{`{}`, waiting(direct, 5, 0), 5},
		{`{"notify":{"level":"everything"}}`, waiting("r", 5, 0), 5},
		{`{"notify":{"level":"everything"}}`, chat.InboxRoom{Room: "r"}, 0}, // all is removed
		{`{"notify":{"level":"everything"},"muted":["r"]}`, waiting("r", 5, 0), 0},
		{`{"notify":{"level":"nothing"}}`, waiting("r", 5, 2), 0},
		{`{"notify":{"level":"nothing"}}`, waiting(direct, 5, 0), 0},
		{`{"notify":{"level":"nothing","rooms":{"r":"mentions"}}}`, waiting("r", 5, 2), 2},
	} {
		c, err := attention.Parse([]byte(tt.preferences))
		if err != nil {
			t.Fatal(err)
		}
		at := tt.room.Mentioned
		if tt.want != tt.room.Mentions && tt.room.Last != nil {
			at = tt.room.Last.TS
		}
		if got, when := wantedOf(tt.room, c); got != tt.want || got > 0 && when != at {
			t.Errorf("with %s, of %d unread messages with %d mentions in %q are told %d of %d, want %d of %d",
				tt.preferences, tt.room.Unread, tt.room.Mentions, tt.room.Room, got, when, tt.want, at)
		}
	}
}

// TestDigestLetter reads letters as their receiver does.
func TestDigestLetter(t *testing.T) {
	direct := chat.DirectRoom("u1", "u2")
	d := digest{name: "Ann", page: "https://chat.example/in/", stop: "https://chat.example/in/#/digests/x", every: attention.Daily}
	d.rooms = []digestRoom{{InboxRoom: waiting("lobby", 14, 2), name: "Lobby", wanted: 2}}
	if got, want := d.subject("chat.example"), "Lobby: 2 mentions, 14 new messages in all at chat.example"; got != want {
		t.Errorf("the subject is %q, want %q", got, want)
	}
	for _, tt := range []struct {
		room digestRoom
		want string
	}{
		{digestRoom{InboxRoom: waiting("r", 1, 1), wanted: 1}, "1 mention"},
		{digestRoom{InboxRoom: waiting("r", 99, 1), wanted: 1}, "1 mention, more than 99 new messages in all"},
		{digestRoom{InboxRoom: waiting("r", 99, 99), wanted: 99}, "99 mentions, more than 99 new messages in all"},
		{digestRoom{InboxRoom: waiting("r", 3, 0), wanted: 3}, "3 new messages"},
		{digestRoom{InboxRoom: waiting(direct, 1, 0), direct: true, wanted: 1}, "1 new message"},
	} {
		if got := tt.room.count(); got != tt.want {
			t.Errorf("%+v counts %q, want %q", tt.room, got, tt.want)
		}
	}
	d.threads = []digestThread{{InboxThread: chat.InboxThread{Room: "lobby", Author: "u2", ID: "m1", Unread: 2, FirstUnread: 30}, name: "Lobby"}}
	if got, want := d.subject("chat.example"), "New for you in 2 conversations at chat.example"; got != want {
		t.Errorf("the subject is %q, want %q", got, want)
	}
	d.rooms = append(d.rooms, digestRoom{InboxRoom: waiting(direct, 3, 0), name: "Bob", direct: true, wanted: 3})
	if got, want := d.subject("chat.example"), "New for you in 3 conversations at chat.example"; got != want {
		t.Errorf("the subject is %q, want %q", got, want)
	}
	text := d.letter()
	for _, want := range []string{
		"Hello Ann,\n", "\nLobby: 2 mentions, 14 new messages in all\n    https://chat.example/in/#/room/lobby/9\n",
		"\nBob: 3 new messages\n    https://chat.example/in/#/room/" + direct + "/7\n",
		"\nLobby: 2 new answers in a thread that you follow\n    https://chat.example/in/#/room/lobby/thread/u2/m1/30\n",
		"\n-- \nYou get such a letter once a day at most.", "https://chat.example/in/#/digests/x\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in the letter:\n%s", want, text)
		}
	}
	if strings.Contains(text, "see") {
		t.Errorf("the letter has what somebody said, which the operator does not allow:\n%s", text)
	}
	d.text = true
	if text := d.letter(); !strings.Contains(text, "\n    Bob: see you there\n") {
		t.Errorf("the letter does not have what was said last:\n%s", text)
	}
	for len(d.rooms)+len(d.threads) < digestLines {
		if d.full() {
			t.Fatalf("full with %d places", len(d.rooms)+len(d.threads))
		}
		d.rooms = append(d.rooms, digestRoom{InboxRoom: waiting(fmt.Sprint("r", len(d.rooms)), 1, 1), name: "Room", wanted: 1})
	}
	if !d.full() || !strings.Contains(d.letter(), "\nAnd 1 more conversation.\n") || d.subject("x") != "New for you in 21 conversations at x" {
		t.Errorf("of one place more the letter has:\n%s", d.letter())
	}
}
