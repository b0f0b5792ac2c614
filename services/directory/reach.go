package directory

import (
	"context"
	"errors"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/attention"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// maxSenders is how many senders one request may name.
const maxSenders = 100

// reach tells notify how to reach people who are away.
type reach struct {
	*core
	records *records
	rights  *rights
	lookup  *lookup
	push    *push
}

// answerReachable answers directoryapi.ServiceReachable.
func (s *reach) answerReachable(ctx context.Context, r directoryapi.ReachableRequest) (directoryapi.Reachable, error) {
	out, err := s.reachable(ctx, r)
	return out, s.stored(err)
}

func (s *reach) reachable(ctx context.Context, r directoryapi.ReachableRequest) (out directoryapi.Reachable, err error) {
	out.People = []directoryapi.Listener{}
	var some []store.Subscription
	if r.User != "" {
		some, err = s.store.SubscriptionsOf(ctx, []string{r.User})
	} else {
		some, err = s.store.SubscriptionsAfter(ctx, r.After, directoryapi.MaxReachable)
		if len(some) == directoryapi.MaxReachable {
			out.Next = some[len(some)-1].Session
		}
	}
	if err != nil {
		return out, err
	}
	seen := map[string]bool{}
	for _, x := range some {
		if seen[x.User] {
			continue
		}
		seen[x.User] = true
		l := directoryapi.Listener{User: x.User}
		if l.Choices, err = s.choices(ctx, x.User); err != nil {
			return out, err
		}
		if l.Choices.Level == attention.Everything {
			mine, err := s.lookup.memberships(ctx, x.User)
			if err != nil {
				return out, err
			}
			for _, m := range mine.Rooms {
				l.Rooms = append(l.Rooms, m.Room)
			}
		}
		out.People = append(out.People, l)
	}
	return out, nil
}

// choices returns what a user has chosen to be told of. It ignores what it cannot parse, which
// another release may have stored.
func (s *reach) choices(ctx context.Context, user string) (attention.Choices, error) {
	p, err := s.store.Preferences(ctx, user)
	if err != nil {
		return attention.Choices{}, err
	}
	c, _ := attention.Parse([]byte(p.Values))
	return c, nil
}

// answerReach answers directoryapi.ServiceReach.
func (s *reach) answerReach(ctx context.Context, r directoryapi.ReachRequest) (directoryapi.Reach, error) {
	if !chat.ValidID(r.Room) || len(r.Users) > directoryapi.MaxReach || len(r.Senders) > maxSenders {
		return directoryapi.Reach{}, chat.E(chat.CodeBadRequest, "room must be an id, and the lists of users and senders short enough for one request")
	}
	out, err := s.reach(ctx, r)
	return out, s.stored(err)
}

func (s *reach) reach(ctx context.Context, r directoryapi.ReachRequest) (out directoryapi.Reach, err error) {
	out.People = []directoryapi.Person{}
	room, there, err := s.records.roomThere(ctx, r.Room)
	if err != nil || !there {
		return out, err
	}
	out.Direct = isTalk(room)
	if !out.Direct {
		out.Name = room.Name
	} else if len(r.Users) == 0 {
		all, err := s.store.Members(ctx, r.Room, "", maxGroup)
		if err != nil {
			return out, err
		}
		for _, m := range all {
			r.Users = append(r.Users, m.User)
		}
	}
	all, err := s.store.SubscriptionsOf(ctx, r.Users)
	if err != nil {
		return out, err
	}
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].User == all[0].User {
			n++
		}
		p, member, err := s.howReached(ctx, room, all[:n], r.Senders)
		if err != nil {
			return out, err
		}
		if member && len(p.Devices) > 0 {
			out.People = append(out.People, p)
		}
		all = all[n:]
	}
	return out, nil
}

// howReached returns how to reach a user who has subscriptions, and whether the user is a member of
// a room now.
func (s *reach) howReached(ctx context.Context, room store.Room, mine []store.Subscription, senders []string) (p directoryapi.Person, member bool, err error) {
	p.User = mine[0].User
	u, err := s.store.User(ctx, p.User)
	if errors.Is(err, store.ErrNotFound) || err == nil && (u.Deleted() || u.Disabled) {
		return p, false, nil
	} else if err != nil {
		return p, false, err
	}
	if out, err := s.rights.banned(ctx, "", p.User); err != nil || out {
		return p, false, err
	}
	a, err := s.rights.accessTo(ctx, room, p.User)
	if err != nil || a.Role == "" || !a.Read {
		return p, false, err
	}
	if p.Devices, err = s.loggedIn(ctx, mine); err != nil {
		return p, true, err
	}
	if p.Choices, err = s.choices(ctx, p.User); err != nil {
		return p, true, err
	}
	for _, other := range senders {
		_, err := s.store.Block(ctx, p.User, other)
		if errors.Is(err, store.ErrNotFound) {
			continue
		} else if err != nil {
			return p, true, err
		}
		p.Hidden = append(p.Hidden, other)
	}
	return p, true, nil
}

// loggedIn returns the devices whose log-in has not ended.
func (s *reach) loggedIn(ctx context.Context, some []store.Subscription) (devices []directoryapi.Device, err error) {
	now := time.Now()
	for _, x := range some {
		session, err := s.store.Session(ctx, x.Session)
		if errors.Is(err, store.ErrNotFound) || err == nil && over(session, now) {
			continue
		} else if err != nil {
			return nil, err
		}
		devices = append(devices, directoryapi.Device{Session: x.Session, Endpoint: x.Endpoint, Key: x.Key, Secret: x.Secret})
	}
	return devices, nil
}

// answerDevices answers directoryapi.ServiceDevices.
func (s *reach) answerDevices(ctx context.Context, r directoryapi.DevicesRequest) (out directoryapi.Devices, err error) {
	all, err := s.store.SubscriptionsOf(ctx, []string{r.User})
	if err == nil {
		out.Devices, err = s.loggedIn(ctx, all)
	}
	if r.Session != "" {
		mine := out.Devices
		out.Devices = nil
		for _, d := range mine {
			if d.Session == r.Session {
				out.Devices = append(out.Devices, d)
			}
		}
	}
	return out, s.stored(err)
}

// answerLapsed answers directoryapi.ServiceLapsed. A device that has subscribed again meanwhile
// stays.
func (s *reach) answerLapsed(ctx context.Context, r directoryapi.LapsedRequest) (out directoryapi.LapsedReply, err error) {
	x, err := s.store.Session(ctx, r.Session)
	if errors.Is(err, store.ErrNotFound) {
		return out, nil // its subscription is gone, too
	} else if err != nil {
		return out, s.stored(err)
	}
	mine, err := s.push.subscriptionOf(ctx, x.User, r.Session)
	if err != nil || mine.Endpoint != r.Endpoint {
		return out, s.stored(err)
	}
	if err := s.store.DeleteSubscription(ctx, r.Session); err != nil {
		return out, s.stored(err)
	}
	s.push.reachChanged(x.User)
	return out, nil
}
