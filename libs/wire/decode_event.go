package wire

import (
	"encoding/json"
	"fmt"

	"hubbub.internal/libs/chat"
)

// DecodeEvent returns the event of a frame. It reads events with flat fields alone, which are
// nearly all, without reflection: in a busy room a client does little else.
func DecodeEvent(frame []byte) (Event, error) {
	var e Event
	s := scanner{b: frame}
	if s.next() == '{' && e.flat(&s) {
		return e, nil
	}
	e = Event{}
	if err := json.Unmarshal(frame, &e); err != nil {
		return Event{}, fmt.Errorf("decode event: %w", err)
	}
	return e, nil
}

// flat reads the frame's object, and returns false if encoding/json has to do it.
func (e *Event) flat(s *scanner) bool {
	s.i++
	for {
		if s.next() != '"' {
			return false
		}
		key, ok := s.str()
		if !ok || s.next() != ':' {
			return false
		}
		s.i++
		switch c := s.next(); {
		case c == '"':
			l, ok := s.str()
			if !ok || !e.setText(string(key.inner()), &l) {
				return false
			}
		case isDigit(c):
			n, exact, ok := s.num()
			if !ok || !exact || !e.setNumber(string(key.inner()), n) {
				return false
			}
		case c == 't' || c == 'f':
			if !s.constant(c) || !e.setBool(string(key.inner()), c == 't') {
				return false
			}
		default:
			return false
		}
		c := s.next()
		s.i++
		if c == '}' {
			return s.next() == 0 && s.i == len(s.b)
		}
		if c != ',' {
			return false
		}
	}
}

func (e *Event) setText(key string, l *literal) bool {
	var at *string
	switch key {
	case "type":
		if name, ok := typeNames[string(l.inner())]; ok {
			e.Type = name // a shared constant, not a copy
			return true
		}
		at = &e.Type
	case "room":
		at = &e.Room
	case "id":
		at = &e.ID
	case "user":
		at = &e.User
	case "name":
		at = &e.Name
	case "text":
		at = &e.Text
	case "reply_to":
		at = &e.ReplyTo
	case "reply_author":
		at = &e.ReplyAuthor
	case "target":
		at = &e.Target
	case "author":
		at = &e.Author
	case "emoji":
		at = &e.Emoji
	case "member":
		at = &e.Member
	case "role":
		at = &e.Role
	case "act":
		at = &e.Act
	case "member_name":
		at = &e.MemberName
	case "announce":
		at = &e.Announce
	case "msg_id":
		at = &e.MsgID
	case "message":
		at = &e.Message
	case "code":
		at = (*string)(&e.Code)
	default:
		return false
	}
	if l.escaped {
		*at = string(appendUnescaped(make([]byte, 0, l.size), l.inner()))
	} else {
		*at = string(l.inner())
	}
	return true
}

func (e *Event) setNumber(key string, n uint64) bool {
	switch key {
	case "seq":
		e.Seq = n
	case "prev":
		e.Prev = n
	case "ts":
		e.TS = int64(n)
	case "until":
		e.Until = int64(n)
	case "slow":
		e.Slow = int(n)
	case "retry_after_ms":
		e.RetryAfterMS = int64(n)
	default:
		return false
	}
	return true
}

func (e *Event) setBool(key string, v bool) bool {
	switch key {
	case "on":
		e.On = v
	case "more":
		e.More = v
	case "rewind":
		e.Rewind = v
	default:
		return false
	}
	return true
}

var typeNames = func() map[string]string {
	names := map[string]string{}
	for _, s := range []string{
		chat.TypeMsg, chat.TypeEdited, chat.TypeDeleted, chat.TypeReacted, chat.TypePinned, chat.TypeTopic, chat.TypeMember,
		chat.TypeReset, chat.TypeInvited, chat.TypeRemoved, chat.TypeChanged, chat.TypeModerated, EventWelcome, EventJoined, EventAck, EventError, EventTyping,
		EventRead, EventPresence, EventWho, EventHistory, EventNotice, EventBye,
	} {
		names[s] = s
	}
	return names
}()
