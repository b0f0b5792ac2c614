package sqlite

import (
	"database/sql"
	"sync"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// roomCache keeps, for rooms by number, what an inbox would else read of each: its newest message,
// until the room changes, and who sent the first of many messages, until one is taken away. A
// transaction calls change before it changes a room, and settle when it is committed or rolled
// back. Its methods are safe for concurrent use.
type roomCache struct {
	mu       sync.Mutex
	ends     map[int64]roomEnd
	size     int // of ends, in bytes
	crowds   map[int64]crowd
	changing map[*sql.Tx]map[int64]roomChange
	asked    map[*question]struct{}
}

// roomEnd is what a room has at its end.
type roomEnd struct {
	known    bool
	last     *store.Entry // its newest message, which nobody may change; nil: it has none
	answered int64        // the greatest Seq of its messages in threads alone; 0: it has none
	through  uint64       // the greatest Seq that the room has had
}

// crowd is who sent the first messages from a Seq on, crowdSize at most.
type crowd struct {
	from    int64
	senders []int64 // one for each message, in order
}

// roomChange is what happens to a room.
type roomChange uint8

const (
	alters roomChange = 1 + iota // its end: messages are added, or get another text
	loses                        // messages
)

const (
	// crowdSize leaves more than chat.MaxUnread messages where who is passed over sent a third.
	crowdSize = 150
	// maxCrowds is how many are kept, of 1.2 kB, and maxEnds how many bytes of ends. All are
	// forgotten when there are more.
	maxCrowds = 10_000
	maxEnds   = 16 << 20
	// endSize is about what an entry takes besides its data.
	endSize = 400
	// newCrowds is how many one question reads at most, so that it takes little longer.
	newCrowds = 50
)

// known is what a question about a room can go by.
type known struct {
	at  int // the room's place in the question
	end roomEnd
	// before is a Seq: who read less far has more than chat.MaxUnread messages unread, not counting
	// those of the users who are passed over. It is 0 where that is not known.
	before int64
}

// learned is what the answer to a question says of a room.
type learned struct {
	end   roomEnd
	crowd crowd // without senders: nothing
}

// question is one that is being asked.
type question struct{ changed map[int64]roomChange }

// ask lets f ask the file about rooms, and keeps the facts that f learns, by the rooms' numbers.
// passed is in order. ask calls f again, with nothing known, for the rooms whose known facts a
// transaction may have made wrong meanwhile.
func (c *roomCache) ask(rooms, passed []int64, f func([]known) (map[int64]learned, error)) error {
	q, all := c.begin(rooms, passed)
	found, err := f(all)
	if err != nil {
		c.finish(q, nil)
		return err
	}
	c.finish(q, found)
	var again []known
	for _, k := range all {
		if by := q.changed[rooms[k.at]]; by >= alters && k.end.known || by >= loses && k.before > 0 {
			again = append(again, known{at: k.at})
		}
	}
	if len(again) == 0 {
		return nil
	}
	_, err = f(again)
	return err
}

func (c *roomCache) begin(rooms, passed []int64) (*question, []known) {
	q := &question{changed: make(map[int64]roomChange)}
	all := make([]known, len(rooms))
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, room := range rooms {
		all[i] = known{at: i, end: c.ends[room]}
		if crowd := c.crowds[room]; crowd.without(passed) > chat.MaxUnread {
			all[i].before = crowd.from
		}
	}
	if c.asked == nil {
		c.asked = make(map[*question]struct{})
	}
	c.asked[q] = struct{}{}
	return q, all
}

// without counts the messages of others than those who are passed over, who are in order.
func (c crowd) without(passed []int64) int {
	n := 0
	for _, sender := range c.senders {
		for len(passed) > 0 && passed[0] < sender {
			passed = passed[1:]
		}
		if len(passed) == 0 || passed[0] != sender {
			n++
		}
	}
	return n
}

// finish keeps what was found, but of rooms that changed since begin, or are about to.
func (c *roomCache) finish(q *question, found map[int64]learned) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.asked, q)
	for room, l := range found {
		if q.changed[room] != 0 || c.isChanging(room) {
			continue
		}
		if l.end.known {
			c.keepEnd(room, l.end)
		}
		if len(l.crowd.senders) > 0 && l.crowd.from >= c.crowds[room].from {
			if c.crowds == nil || len(c.crowds) >= maxCrowds {
				c.crowds = make(map[int64]crowd)
			}
			c.crowds[room] = l.crowd
		}
	}
}

func (c *roomCache) isChanging(room int64) bool {
	for _, rooms := range c.changing {
		if rooms[room] != 0 {
			return true
		}
	}
	return false
}

func (c *roomCache) keepEnd(room int64, e roomEnd) {
	c.forgetEnd(room)
	if c.ends == nil || c.size+e.size() > maxEnds {
		c.ends, c.size = make(map[int64]roomEnd), 0
	}
	c.ends[room] = e
	c.size += e.size()
}

func (c *roomCache) forgetEnd(room int64) {
	if e, ok := c.ends[room]; ok {
		delete(c.ends, room)
		c.size -= e.size()
	}
}

func (e roomEnd) size() int {
	if e.last == nil {
		return endSize
	}
	return endSize + len(e.last.Data)
}

// change notes that a transaction is going to change a room.
func (c *roomCache) change(tx *sql.Tx, room int64, by roomChange) {
	c.mu.Lock()
	defer c.mu.Unlock()
	rooms := c.changing[tx]
	if rooms[room] >= by {
		return
	}
	if rooms == nil {
		if c.changing == nil {
			c.changing = make(map[*sql.Tx]map[int64]roomChange)
		}
		rooms = make(map[int64]roomChange)
		c.changing[tx] = rooms
	}
	rooms[room] = by
	c.forget(room, by)
}

func (c *roomCache) forget(room int64, by roomChange) {
	c.forgetEnd(room)
	if by == loses {
		delete(c.crowds, room)
	}
	for q := range c.asked {
		q.changed[room] = max(q.changed[room], by)
	}
}

// settle notes that a transaction is committed or rolled back.
func (c *roomCache) settle(tx *sql.Tx) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for room, by := range c.changing[tx] {
		c.forget(room, by)
	}
	delete(c.changing, tx)
}
