package notify

import (
	"context"
	"slices"
	"strings"
	"time"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/notify/queue"
)

// textRunes is how many characters of a message a push carries at most.
const textRunes = 200

// consume processes log entries. It calls no service and never fails. It skips entries that it
// cannot read; history parks those for the operator.
func (s *Service) consume(_ context.Context, batch []bus.Entry) error {
	now := time.Now()
	for _, e := range batch {
		if chat.Reserved(e.Room) || s.listeners.Size() == 0 {
			continue
		}
		switch chat.TypeOf(e.Data) {
		case chat.TypeMsg, chat.TypeMentioned, chat.TypeEdited, chat.TypeDeleted, chat.TypeMember:
		default:
			continue
		}
		event, err := chat.DecodeEntry(e.Data, e.Seq, 0)
		if err != nil {
			continue
		}
		if event.Type != chat.TypeMember && event.TS < now.Add(-s.cfg.TooOld).UnixMilli() {
			s.metrics.old.Inc()
			continue
		}
		if event.Imported != nil {
			continue // an imported message
		}
		event.Room = e.Room
		switch event.Type {
		case chat.TypeMsg:
			event.User, event.ID = e.Sender, e.ID
			s.message(event, now)
		case chat.TypeMentioned:
			s.mention(event, now)
		case chat.TypeEdited: // a notice must not contain the text from before the edit
			s.queue.Cancel(e.Room, func(q *queue.Event) bool {
				if q.ID == event.Target && q.Sender == event.Author && q.ID != "" {
					q.Text = cut(event.Text)
				}
				return false
			})
		case chat.TypeDeleted:
			s.queue.Cancel(e.Room, func(q *queue.Event) bool { return q.ID == event.Target && q.Sender == event.Author && q.ID != "" })
		case chat.TypeMember:
			s.listeners.Member(event.Member, e.Room, event.Role != "")
		}
	}
	return nil
}

// message queues a message that somebody may want a notice of.
func (s *Service) message(e chat.Event, now time.Time) {
	event := queue.Event{Room: e.Room, ID: e.ID, Seq: e.Seq, Sender: e.User, Name: e.Name, Text: cut(e.Text), Thread: e.OnlyInThread(), Taken: now}
	if chat.IsDirect(e.Room) {
		event.Kind, event.All = queue.Direct, true
		s.keep(event, now)
		return
	}
	others := func(users []string) []string {
		return slices.DeleteFunc(slices.Clone(users), func(u string) bool { return u == e.User })
	}
	if users := others(s.listeners.Words(e.Text)); len(users) > 0 {
		event.Kind, event.Users = queue.Word, users
		s.keep(event, now)
	}
	if users := others(s.listeners.Of(e.Room)); len(users) > 0 {
		event.Kind, event.Users = queue.Everything, users
		s.keep(event, now)
	}
}

// mention queues a message that mentions a user, or removes it if an edit took the mention out.
func (s *Service) mention(e chat.Event, now time.Time) {
	event := queue.Event{Room: e.Room, Seq: e.At, Sender: e.User, Name: e.Name, Kind: queue.Mention, Thread: e.Thread != chat.Thread{}, Taken: now}
	if user, own := strings.CutPrefix(e.Room, chat.UserRoom("")); own {
		event.Room, event.Users = e.Target, []string{user}
		if !s.listeners.Reaches(user) {
			return
		}
	} else {
		event.All = true
	}
	if !e.On {
		s.queue.Cancel(event.Room, func(q *queue.Event) bool {
			return q.Kind == queue.Mention && q.Seq == event.Seq && q.All == event.All && slices.Equal(q.Users, event.Users)
		})
		return
	}
	// In a direct room every message gets a notice anyway.
	if chat.ValidID(event.Room) && !chat.IsDirect(event.Room) {
		s.keep(event, now)
	}
}

func (s *Service) keep(e queue.Event, now time.Time) {
	s.metrics.dropped.Add(float64(s.queue.Add(e, now)))
}

// cut returns the beginning of a text, with an ellipsis if it is longer.
func cut(text string) string {
	first := chat.FirstCharacters(text, textRunes)
	if len(first) < len(text) {
		first += "…"
	}
	return first
}
