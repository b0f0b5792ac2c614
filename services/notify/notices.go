package notify

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/attention"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/notify/push"
	"hubbub.internal/services/notify/queue"
)

const (
	// askTimeout bounds each request to another service.
	askTimeout = 5 * time.Second
	// askAgain is the pause after a service did not answer.
	askAgain = 5 * time.Second
	// peopleAtOnce is for how many people of a room tell asks for read positions at the same time.
	peopleAtOnce = 4
	// maxSenders is how many senders one request names.
	maxSenders = 100
)

// The kinds of a notice, for the page.
const (
	kindMessage = "message"
	kindMention = "mention"
	kindDirect  = "direct"
	kindTest    = "test"
)

// notice is what a push carries, in JSON. The service worker of the page reads it; see
// docs/notifications.md.
type notice struct {
	Kind   string `json:"kind"`
	Room   string `json:"room,omitempty"`
	Name   string `json:"name,omitempty"`   // of the room; of a direct room, none
	Seq    uint64 `json:"seq,omitempty"`    // of the first new message
	Author string `json:"author,omitempty"` // of the last one
	Count  int    `json:"count,omitempty"`
	Text   string `json:"text,omitempty"` // of the last one
}

func encode(n notice) ([]byte, error) {
	b, err := json.Marshal(n)
	for err == nil && len(b) > push.MaxPayload && n.Text != "" {
		n.Text = n.Text[:0]
		b, err = json.Marshal(n)
	}
	return b, err
}

// topicOf returns the push topic for a room (RFC 8030, section 5.4).
func topicOf(room string) string {
	sum := sha256.Sum256([]byte(room))
	return base64.RawURLEncoding.EncodeToString(sum[:24])
}

// notifyBatch sends people notices of what is new in a room. If a service does not answer, it tries
// again until the messages are too old.
func (s *Service) notifyBatch(ctx context.Context, b queue.Batch) {
	now := time.Now()
	b.Events = slices.DeleteFunc(b.Events, func(e queue.Event) bool {
		old := now.Sub(e.Taken) > s.cfg.TooOld
		if old {
			s.metrics.old.Inc()
		}
		return old
	})
	users, direct := s.whoMay(ctx, b)
	if direct {
		s.notifyUsers(ctx, b, nil)
	}
	for some := range slices.Chunk(users, directoryapi.MaxReach) {
		s.notifyUsers(ctx, b, some)
	}
}

// whoMay returns the users who may get a notice of a batch; direct: the members of the room, whom
// only the directory knows.
func (s *Service) whoMay(ctx context.Context, b queue.Batch) (users []string, direct bool) {
	seen := map[string]bool{}
	add := func(all []string) {
		for _, u := range all {
			if !seen[u] {
				seen[u] = true
				users = append(users, u)
			}
		}
	}
	for _, e := range b.Events {
		switch {
		case e.All && e.Kind == queue.Direct:
			direct = true
		case e.All:
			add(s.listeners.Everybody())
		default:
			add(e.Users)
		}
	}
	if direct {
		return nil, true
	}
	// Most users with keywords are not in the room, and the cache knows that without a request.
	users = slices.DeleteFunc(users, func(u string) bool {
		ctx, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		a, err := s.access.Access(ctx, u, b.Room)
		return err == nil && !a.Read
	})
	return users, false
}

// notifyUsers sends notices of a batch to some users; nil: the members of the direct room.
func (s *Service) notifyUsers(ctx context.Context, b queue.Batch, users []string) {
	ask, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	reach, err := s.directory.Reach(ask, directoryapi.ReachRequest{Room: b.Room, Users: users, Senders: senders(b)})
	if err != nil {
		s.log.Info("the directory did not answer how to reach people; trying again", zap.Error(err))
		s.putBack(b.Events, users, time.Now().Add(askAgain))
		return
	}
	now := time.Now()
	var wanted []person
	for _, p := range reach.People {
		events := chosen(b.Events, p)
		if len(events) == 0 {
			continue
		}
		if p.Choices.Silent(now) {
			s.metrics.skipped.WithLabelValues(skipSilent).Inc()
			continue
		}
		wanted = append(wanted, person{p, events})
	}
	wanted = s.away(ctx, wanted)
	var all errgroup.Group
	all.SetLimit(peopleAtOnce)
	for _, p := range wanted {
		all.Go(func() error { s.notifyUser(ctx, reach, b.Room, p); return nil })
	}
	_ = all.Wait()
}

// person is a user with the events of the notice.
type person struct {
	directoryapi.Person
	events []queue.Event
}

// senders returns the senders of a batch's messages.
func senders(b queue.Batch) (all []string) {
	for _, e := range b.Events {
		if len(all) < maxSenders && !slices.Contains(all, e.Sender) {
			all = append(all, e.Sender)
		}
	}
	return all
}

// chosen returns the events of which a person wants notices, each message once, ordered by seq.
func chosen(events []queue.Event, p directoryapi.Person) (all []queue.Event) {
	for _, e := range events {
		if e.Sender == p.User || slices.Contains(p.Hidden, e.Sender) || !e.All && !slices.Contains(e.Users, p.User) {
			continue
		}
		level := p.Choices.In(e.Room)
		if level == attention.Nothing || e.Kind == queue.Everything && level != attention.Everything {
			continue
		}
		at := slices.IndexFunc(all, func(other queue.Event) bool { return other.Seq == e.Seq })
		switch {
		case at < 0:
			all = append(all, e)
		case e.Kind > all[at].Kind:
			if e.Text == "" {
				e.Text = all[at].Text
			}
			all[at] = e
		case all[at].Text == "":
			all[at].Text = e.Text
		}
	}
	slices.SortStableFunc(all, func(a, b queue.Event) int { return int(int64(a.Seq) - int64(b.Seq)) })
	return all
}

// away returns the people who are not active on a device and not in do not disturb. If presence
// does not answer, it returns everybody.
func (s *Service) away(ctx context.Context, some []person) []person {
	if len(some) == 0 {
		return nil
	}
	ids := make([]string, len(some))
	for i, p := range some {
		ids[i] = p.User
	}
	ask, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	now, err := s.presence.Active(ask, ids)
	if err != nil {
		s.log.Info("presence did not answer who is active; sending notices to everybody", zap.Error(err))
		return some
	}
	return slices.DeleteFunc(some, func(p person) bool {
		switch {
		case slices.Contains(now.DND, p.User):
			s.metrics.skipped.WithLabelValues(skipSilent).Inc()
		case slices.Contains(now.Active, p.User):
			s.metrics.skipped.WithLabelValues(skipActive).Inc()
		default:
			return false
		}
		return true
	})
}

// notifyUser sends a person a notice of what they have not read.
func (s *Service) notifyUser(ctx context.Context, reach directoryapi.Reach, room string, p person) {
	ask, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	inbox, err := s.history.Inbox(ask, historyapi.InboxRequest{User: p.User, Room: room})
	if err != nil {
		s.log.Info("history did not answer what a user has read; trying again", zap.String("user", p.User), zap.Error(err))
		s.putBack(p.events, []string{p.User}, time.Now().Add(askAgain))
		return
	}
	if len(inbox.Rooms) != 1 {
		return // no longer a member
	}
	events := slices.DeleteFunc(p.events, func(e queue.Event) bool { return done(e, inbox.Rooms[0]) })
	if len(events) == 0 {
		s.metrics.skipped.WithLabelValues(skipRead).Inc()
		return
	}
	now := time.Now()
	if wait := s.pace.Wait(p.User, room, now); wait > 0 {
		s.putBack(events, []string{p.User}, now.Add(wait))
		return
	}
	first, last := events[0], events[len(events)-1]
	n := notice{Kind: kindMessage, Room: room, Name: reach.Name, Seq: first.Seq, Author: last.Name, Count: len(events)}
	for _, e := range events {
		switch e.Kind {
		case queue.Direct:
			n.Kind = kindDirect
		case queue.Mention, queue.Word:
			n.Kind = kindMention
		}
	}
	if s.cfg.Text {
		n.Text = last.Text
		if n.Text == "" {
			n.Text = s.textOf(ctx, p.User, room, last.Seq)
		}
	}
	payload, err := encode(n)
	if err != nil {
		s.log.Error("could not encode a notice", zap.Error(err))
		return
	}
	for _, d := range p.Devices {
		s.sender.Send(push.Push{User: p.User, Device: d, Payload: payload, Topic: topicOf(room), Urgent: n.Kind != kindMessage})
	}
}

// done reports whether a message needs no notice any more: it is read or deleted.
func done(e queue.Event, room chat.InboxRoom) bool {
	switch {
	case e.Thread || e.Seq > room.Through: // of which the inbox says nothing
		return false
	case e.Seq <= room.Read || room.Unread == 0:
		return true
	}
	return e.Kind == queue.Mention && room.Mentions == 0
}

// textOf returns the text of a message, or nothing if history does not answer.
func (s *Service) textOf(ctx context.Context, user, room string, seq uint64) string {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	page, err := s.history.Page(ctx, historyapi.PageRequest{User: user, Room: room, Around: seq, Limit: 2, All: true})
	if err != nil {
		s.log.Info("history did not answer with the text of a message", zap.Error(err))
	}
	for _, m := range page.Messages {
		if m.Seq == seq {
			return cut(m.Text)
		}
	}
	return ""
}

// putBack queues events again for a time, for some users; nil: for those whom they were for.
func (s *Service) putBack(events []queue.Event, users []string, due time.Time) {
	for _, e := range events {
		if users != nil {
			if !e.All {
				mine := slices.DeleteFunc(slices.Clone(users), func(u string) bool { return !slices.Contains(e.Users, u) })
				if len(mine) == 0 {
					continue
				}
				e.Users = mine
			} else {
				e.Users, e.All = users, false
			}
		}
		s.metrics.dropped.Add(float64(s.queue.Again(e, due)))
	}
}
