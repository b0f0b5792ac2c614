package load

import (
	"context"
	"fmt"
	"slices"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/client"
)

// room is a room of a crowd.
type room struct {
	id   string
	acks map[string]uint64 // seq of each message acknowledged since the last verdict, by id

	// Of the verdicts so far.
	checked uint64      // history through this Seq has been judged
	next    map[int]int // by sender: the least number that its next message may have
	known   map[string]bool
}

func newRoom(id string) *room {
	return &room{id: id, acks: make(map[string]uint64), next: make(map[int]int), known: make(map[string]bool)}
}

// Verdict says what became of the messages that a crowd sent.
type Verdict struct {
	Acknowledged int `json:"acknowledged"`
	Delivered    int `json:"delivered"` // to all sockets together
	// acknowledged and not in history, or in history and not seen by a socket in the room
	Lost       int      `json:"lost"`
	Doubled    int      `json:"doubled"` // twice in history, or seen twice by a socket
	Misordered int      `json:"misordered"`
	Rewinds    int      `json:"rewinds"` // times that a socket was told that a log was rewound
	First      Findings `json:"first"`
}

// Findings are the first few of each kind, in words.
type Findings struct {
	Lost       []string `json:"lost,omitempty"`
	Doubled    []string `json:"doubled,omitempty"`
	Misordered []string `json:"misordered,omitempty"`
}

// firstFew is how many findings of each kind a verdict describes.
const firstFew = 10

// All returns the findings of all kinds.
func (f *Findings) All() []string { return slices.Concat(f.Lost, f.Doubled, f.Misordered) }

// Good reports whether nothing was lost, doubled or out of order.
func (v *Verdict) Good() bool { return v.Lost+v.Doubled+v.Misordered == 0 }

// Add adds another verdict's counts.
func (v *Verdict) Add(o Verdict) {
	v.Acknowledged += o.Acknowledged
	v.Delivered += o.Delivered
	v.Lost += o.Lost
	v.Doubled += o.Doubled
	v.Misordered += o.Misordered
	v.Rewinds += o.Rewinds
	for _, k := range [][2]*[]string{{&v.First.Lost, &o.First.Lost}, {&v.First.Doubled, &o.First.Doubled}, {&v.First.Misordered, &o.First.Misordered}} {
		all := append(*k[0], *k[1]...)
		*k[0] = all[:min(len(all), firstFew)]
	}
}

func (v *Verdict) lost(format string, args ...any) { found(&v.Lost, &v.First.Lost, format, args...) }

func (v *Verdict) doubled(format string, args ...any) {
	found(&v.Doubled, &v.First.Doubled, format, args...)
}

func (v *Verdict) misordered(format string, args ...any) {
	found(&v.Misordered, &v.First.Misordered, format, args...)
}

// found counts a finding, and describes it if it is one of the first few.
func found(count *int, first *[]string, format string, args ...any) {
	if *count++; *count <= firstFew {
		*first = append(*first, fmt.Sprintf(format, args...))
	}
}

// read returns the messages in history that were not judged yet. It asks until they reach the last
// acknowledged one.
func (r *room) read(ctx context.Context, reader *client.Session, through uint64) ([]chat.Message, error) {
	var all []chat.Message
	after := r.checked
	if after == 0 {
		after = 1 // before every seq of a room; 0 would ask for the newest page
	}
	// After ctx ends, read reads what history has, but waits for nothing more.
	grace := context.WithoutCancel(ctx)
	for {
		page, err := retry(ctx, func() (client.Page, error) {
			try, cancel := context.WithTimeout(grace, 10*time.Second)
			defer cancel()
			return reader.Messages(try, r.id, client.Query{After: after, Limit: 200})
		})
		if err != nil {
			return nil, err
		}
		all = append(all, page.Messages...)
		if n := len(all); n > 0 {
			after = all[n-1].Seq
		}
		switch {
		case page.More:
		case after >= through || ctx.Err() != nil:
			return slices.DeleteFunc(all, func(m chat.Message) bool { return m.Type != chat.TypeMsg }), nil
		default: // history has not stored the end yet
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
}

// judgeRecord compares history with the acknowledgements, and with the senders' own numbers.
func (r *room) judgeRecord(record []chat.Message, v *Verdict) {
	acks := r.acks
	r.acks = make(map[string]uint64)
	v.Acknowledged += len(acks)
	for i, m := range record {
		if i > 0 && m.Seq <= record[i-1].Seq {
			v.misordered("history of %s: seq %d comes after %d", r.id, m.Seq, record[i-1].Seq)
		}
		if r.known[m.ID] {
			v.doubled("history of %s has message %s twice, again at seq %d", r.id, m.ID, m.Seq)
		}
		r.known[m.ID] = true
		if seq, ok := acks[m.ID]; ok {
			delete(acks, m.ID)
			if seq != m.Seq {
				v.misordered("%s: message %s was acknowledged with seq %d, and history has it at %d", r.id, m.ID, seq, m.Seq)
			}
		}
		if sender, number, ok := originOf(m.Text); ok {
			// A message that was never acknowledged may be missing, so numbers may be skipped.
			if number < r.next[sender] {
				v.misordered("%s: message %d of sender %d, at seq %d, comes after message %d", r.id, number, sender, m.Seq, r.next[sender]-1)
			}
			r.next[sender] = number + 1
		}
	}
	for id, seq := range acks {
		v.lost("%s: message %s was acknowledged with seq %d, and history does not have it", r.id, id, seq)
	}
}

// Mark identifies a message in history, for comparison with what sockets saw.
type Mark struct {
	Seq uint64
	ID  string
}

func marksOf(record []chat.Message) []Mark {
	marks := make([]Mark, len(record))
	for i, m := range record {
		marks[i] = Mark{m.Seq, m.ID}
	}
	return marks
}

// compare compares the seqs that a socket saw in a room, in order of arrival, with history. The
// socket should have seen every message after the seq after.
func (v *Verdict) compare(room, socket string, seen []uint64, after uint64, record []Mark) {
	v.Delivered += len(seen)
	for k, seq := range seen {
		if k > 0 && seq < seen[k-1] {
			v.misordered("%s: %s saw seq %d after %d", room, socket, seq, seen[k-1])
		}
	}
	seen = slices.Sorted(slices.Values(seen))
	for k, seq := range seen {
		if k > 0 && seq == seen[k-1] {
			v.doubled("%s: %s saw seq %d twice", room, socket, seq)
		}
	}
	for _, m := range record {
		if m.Seq <= after {
			continue
		}
		if _, ok := slices.BinarySearch(seen, m.Seq); !ok {
			v.lost("%s: %s never saw message %s at seq %d", room, socket, m.ID, m.Seq)
		}
	}
	for _, seq := range seen {
		if _, ok := slices.BinarySearchFunc(record, seq, func(m Mark, s uint64) int { return int(int64(m.Seq) - int64(s)) }); !ok {
			v.lost("%s: %s saw seq %d, which history does not have", room, socket, seq)
		}
	}
}
