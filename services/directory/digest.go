package directory

import (
	"fmt"
	"strings"

	"hubbub.internal/libs/attention"
	"hubbub.internal/libs/chat"
)

// digestLines is how many rooms and threads a digest names; of more it says how many.
const digestLines = 20

// digest is what a letter tells somebody who is away.
type digest struct {
	name    string // of the receiver
	rooms   []digestRoom
	threads []digestThread
	page    string // address of the page, with a slash at its end
	stop    string // address where the receiver ends digests
	every   attention.Frequency
	text    bool // it says what the last message of each room says
	more    int  // rooms and threads that it does not name
}

// full reports whether a digest names as many places as it may, and counts one more if so.
func (d *digest) full() bool {
	if len(d.rooms)+len(d.threads) < digestLines {
		return false
	}
	d.more++
	return true
}

// digestRoom is a room in which something waits.
type digestRoom struct {
	chat.InboxRoom
	name   string // of a direct room, that of the others
	direct bool
	wanted int   // messages that the receiver wants to be told of; of 99 there may be more
	at     int64 // when the last of them was sent, in UTC milliseconds
}

// digestThread is a thread with new answers that the receiver follows.
type digestThread struct {
	chat.InboxThread
	name string // of the room
}

func (d *digest) empty() bool { return len(d.rooms)+len(d.threads) == 0 }

func plural(n int, more bool, one, many string) string {
	switch {
	case more:
		return fmt.Sprintf("more than %d %s", n, many)
	case n == 1:
		return "1 " + one
	default:
		return fmt.Sprintf("%d %s", n, many)
	}
}

// subject names a place if there is one alone, and never what somebody wrote.
func (d *digest) subject(host string) string {
	switch {
	case len(d.rooms) == 1 && len(d.threads) == 0:
		return fmt.Sprintf("%s: %s at %s", d.rooms[0].name, d.rooms[0].count(), host)
	case len(d.rooms) == 0 && len(d.threads) == 1:
		return fmt.Sprintf("%s: %s at %s", d.threads[0].name, d.threads[0].count(), host)
	default:
		return fmt.Sprintf("New for you in %d conversations at %s", len(d.rooms)+len(d.threads)+d.more, host)
	}
}

// count says what waits in a room.
func (r *digestRoom) count() string {
	if r.direct || r.wanted != r.Mentions || r.Mentions == 0 {
		return plural(r.Unread, r.More, "new message", "new messages")
	}
	out := plural(r.Mentions, false, "mention", "mentions")
	if rest := r.Unread - r.Mentions; rest > 0 || r.More {
		out += ", " + plural(r.Unread, r.More, "new message", "new messages") + " in all"
	}
	return out
}

func (t *digestThread) count() string {
	return plural(t.Unread, t.More, "new answer", "new answers") + " in a thread that you follow"
}

// letter returns the text of the letter.
func (d *digest) letter() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Hello %s,\n\nsince you were last at %s there is something new for you:\n", d.name, d.page)
	for _, r := range d.rooms {
		seq := r.FirstUnread
		if !r.direct && r.FirstMention > 0 {
			seq = r.FirstMention
		}
		fmt.Fprintf(&b, "\n%s: %s\n", r.name, r.count())
		if d.text && r.Last != nil && !r.Last.Deleted && r.Last.Text != "" {
			fmt.Fprintf(&b, "    %s: %s\n", r.Last.Name, strings.Join(strings.Fields(r.Last.Text), " "))
		}
		fmt.Fprintf(&b, "    %s#/room/%s%s\n", d.page, r.Room, atSeq(seq))
	}
	for _, t := range d.threads {
		fmt.Fprintf(&b, "\n%s: %s\n    %s#/room/%s/thread/%s/%s%s\n", t.name, t.count(), d.page, t.Room, t.Author, t.ID, atSeq(t.FirstUnread))
	}
	if d.more > 0 {
		fmt.Fprintf(&b, "\nAnd %s.\n", plural(d.more, false, "more conversation", "more conversations"))
	}
	fmt.Fprintf(&b, "\n-- \nYou get such a letter %s at most. Change that under Notifications in Settings, or end these letters here:\n%s\n", oftenAs(d.every), d.stop)
	return b.String()
}

func atSeq(seq uint64) string {
	if seq == 0 {
		return ""
	}
	return fmt.Sprintf("/%d", seq)
}

func oftenAs(f attention.Frequency) string {
	switch f {
	case attention.Hourly:
		return "once an hour"
	case attention.Weekly:
		return "once a week"
	default:
		return "once a day"
	}
}
