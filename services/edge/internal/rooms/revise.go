package rooms

import (
	"bytes"
	"context"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/edge/internal/ring"
)

// Nobody gets a text that was replaced or deleted, once the edge knows of it: a log keeps what was
// appended, so whatever an edge gives out of the past goes through here.

// revise takes the text of a message out of the ring that an edit or a deletion has made void. It
// returns the hash of the message's name, and the data with which the entry itself is given out: an
// edit of a message that was deleted has no text.
func (f *RoomTopic) revise(e bus.Entry) (name uint64, data []byte) {
	change, err := chat.DecodeEntry(e.Data, e.Seq, e.Prev)
	if err != nil || change.AuthorOf() == "" { // by a release that did not say whose message it is
		return 0, e.Data
	}
	name = ring.NameOf(change.AuthorOf(), change.Target)
	held := f.Ring().Named(name)
	texts := chat.Texts{}
	learn(texts, e.Seq, e.Data)
	for i := range held {
		held[i].Payload = append([]byte{chat.EntryVersion}, held[i].Payload...)
		learn(texts, held[i].Seq, held[i].Payload)
	}
	for _, h := range held {
		old, err := chat.DecodeEntry(h.Payload, h.Seq, 0)
		if err != nil || old.Text == "" { // it has lost its text already, or has none
			continue
		}
		if now := without(texts, old.User, old.ID, h.Seq, h.Payload); !bytes.Equal(now, h.Payload) {
			f.Ring().Revise(h, now[1:])
		}
	}
	return name, without(texts, e.Sender, e.ID, e.Seq, e.Data)
}

// learn adds an entry to texts. It ignores one that cannot be read: the consumers of the log report
// that.
func learn(texts chat.Texts, seq uint64, data []byte) { _ = texts.Add("", seq, data) }

// without returns the data with which an entry is given out.
func without(texts chat.Texts, sender, id string, seq uint64, data []byte) []byte {
	now, err := texts.Revise(sender, id, seq, data)
	if err != nil {
		return data // it is none
	}
	return now
}

// maxAhead is how many entries of a room's log are looked through for what replaces the texts
// before them.
const maxAhead = 50_000

// revised returns a part of a room's log without texts that were replaced or deleted, as far as it
// and what follows on it say it.
func (h *Hub) revised(ctx context.Context, room string, r bus.Replayed) (bus.Replayed, error) {
	texts := chat.Texts{}
	for rest, n := r, 0; ; {
		for _, e := range rest.Entries {
			learn(texts, e.Seq, e.Data)
		}
		if n += len(rest.Entries); !rest.More || len(rest.Entries) == 0 {
			break
		}
		if n >= maxAhead {
			return r, errFarBehind
		}
		last := rest.Entries[len(rest.Entries)-1]
		var err error
		if rest, err = h.Bus.Replay(ctx, room, bus.Position{Seq: last.Seq, ID: last.ID}, MaxReplay); err != nil {
			return r, err
		}
	}
	for i := range r.Entries {
		e := &r.Entries[i]
		e.Data = without(texts, e.Sender, e.ID, e.Seq, e.Data)
	}
	return r, nil
}
