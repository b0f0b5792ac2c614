package history

import (
	"bytes"
	"encoding/json"
	"fmt"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// shown is a message of a page, as clients get it.
type shown struct {
	seq  uint64
	json []byte // a chat.Message
	gone bool   // it was deleted
}

// message returns the message that s has in JSON.
func (s *shown) message() (m chat.Message, err error) {
	if err := json.Unmarshal(s.json, &m); err != nil {
		return m, fmt.Errorf("message %d: %w", s.seq, err)
	}
	return m, nil
}

// encodeMessage encodes a message with what was done to it: done, or where that is nil what the
// store has said. Only where it has another text than its entry is it parsed.
func encodeMessage(e store.Entry, done *chat.Message) (shown, error) {
	m := shown{seq: e.Seq, gone: done != nil && done.Deleted || done == nil && e.Done != nil && e.Done.Deleted}
	var err error
	switch {
	case done == nil && (e.Done == nil || len(e.Done.Members) == 0):
		m.json, err = chat.AppendMessage(make([]byte, 0, len(e.Data)+32), e.Data, e.Seq, chat.Message{})
	case done == nil && !bytes.Contains(e.Data, []byte(`"text"`)):
		// The text of a message that was edited or deleted is erased, so that none is there twice.
		m.json, err = chat.AppendMessage(make([]byte, 0, len(e.Data)+len(e.Done.Members)+32), e.Data, e.Seq, chat.Message{})
		if err == nil {
			m.json = append(append(append(m.json[:len(m.json)-1], ','), e.Done.Members...), '}')
		}
	case done == nil:
		var was chat.Message
		if was, err = e.Done.Message(); err == nil {
			return encodeMessage(e, &was)
		}
	case done.Text == "" && done.EditedTS == 0 && !done.Deleted:
		m.json, err = chat.AppendMessage(make([]byte, 0, len(e.Data)+256), e.Data, e.Seq, *done)
	default:
		text := done.Text
		if done.Event, err = chat.DecodeEntry(e.Data, e.Seq, 0); err == nil {
			done.Text = text
			m.json, err = json.Marshal(done)
		}
	}
	if err != nil {
		return m, fmt.Errorf("message %d of room %s: %w", e.Seq, e.Room, err)
	}
	return m, nil
}

// encodePage encodes a historyapi.Page: with a root, that of a thread.
func encodePage(all []shown, more bool, found uint64, acts, events []shown, root []byte, hasRoot bool) json.RawMessage {
	size := 64 + len(root)
	for _, list := range [][]shown{all, acts, events} {
		for _, m := range list {
			size += len(m.json) + 1
		}
	}
	out := appendAll(append(make([]byte, 0, size), `{"messages":[`...), all)
	out = fmt.Appendf(out, `],"more":%v`, more)
	if found > 0 {
		out = fmt.Appendf(out, `,"found":%d`, found)
	}
	if len(acts) > 0 {
		out = append(appendAll(append(out, `,"acts":[`...), acts), ']')
	}
	if len(events) > 0 {
		out = append(appendAll(append(out, `,"events":[`...), events), ']')
	}
	if hasRoot {
		out = append(append(out, `,"root":`...), root...)
	}
	return append(out, '}')
}

func appendAll(out []byte, all []shown) []byte {
	for i, m := range all {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, m.json...)
	}
	return out
}
