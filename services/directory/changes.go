package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

const (
	// sender is whose entries these are in the logs.
	sender = "directory"
	// kindDescribe is the kind of an intent to change a room's name or topic, which permissions do
	// not depend on. The other kinds are kindBan, kindUnban, kindBlock, kindDirect, kindList and
	// those of directoryapi.Change.
	kindDescribe = "describe"
	// changeTimeout bounds a change with all that is told of it. It does not end with the client's
	// request: a change that was begun is told at once, whether or not anybody waits for the
	// answer.
	changeTimeout = 12 * time.Second
	// untoldAfter is how old an intent is when whoever wrote it must have crashed or failed.
	untoldAfter = changeTimeout + 3*time.Second
	// untoldBatch is how many of them are told at a time.
	untoldBatch = 100
	// maxTold is how often a membership is told when it changes while it is told.
	maxTold = 10
)

// change makes a change to the store and tells of it on the bus. The intent is in the store before
// the change is, so that a crash in between cannot leave a change that nobody heard of: whatever is
// then the truth is told later.
func (s *Service) change(ctx context.Context, i store.Intent, apply func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), changeTimeout)
	defer cancel()
	i.ID, i.Created = chat.NewID(), time.Now().UnixMilli()
	if err := s.store.PutIntent(ctx, i); err != nil {
		return err
	}
	if err := apply(ctx); errors.Is(err, store.ErrNotFound) {
		// it is known that nothing was done
		return errors.Join(err, s.store.DeleteIntent(ctx, i.ID))
	} else if err != nil {
		// What apply did is not known: the intent stays, and the truth is told in a while.
		return err
	}
	if err := s.tell(ctx, i); err != nil {
		return fmt.Errorf("tell of a change: %w", busError(err))
	}
	if err := s.store.DeleteIntent(ctx, i.ID); err != nil {
		s.log.Warn("could not delete an intent, so its change will be announced again", zap.Error(err))
	}
	return nil
}

// tellUntold tells what a crash or a failure left untold.
func (s *Service) tellUntold(ctx context.Context) error {
	left, err := s.store.IntentsBefore(ctx, time.Now().Add(-untoldAfter).UnixMilli(), untoldBatch)
	if err != nil {
		return err
	}
	s.metrics.untold.Set(float64(len(left)))
	for _, i := range left {
		if err := s.tell(ctx, i); err != nil {
			return err
		}
		if err := s.store.DeleteIntent(ctx, i.ID); err != nil {
			return err
		}
	}
	return nil
}

// tell appends what is now true of the intent's subject to the control log, and what people should
// see of it to the room's log and the user's own. What people see has ids that follow from the
// intent's, so that telling again shows nothing twice.
func (s *Service) tell(ctx context.Context, i store.Intent) error {
	switch i.Kind {
	case directoryapi.ChangeUser:
		return s.control(ctx, directoryapi.Change{Kind: i.Kind, User: i.User, Session: i.Session, At: i.Created})
	case kindBan:
		return s.tellBan(ctx, i)
	case kindKeep:
		return s.tellKept(ctx, i)
	case kindDelete:
		return s.tellDeleted(ctx, i)
	case kindUnban:
		return s.tellUnban(ctx, i)
	case kindBlock:
		return s.tellBlock(ctx, i)
	case kindMute:
		return s.tellMute(ctx, i)
	case kindRules:
		return s.tellRules(ctx, i)
	case kindResetRoom:
		return s.tellReset(ctx, i)
	case kindRetention:
		return s.tellRetention(ctx, i)
	case kindDirect:
		return s.tellDirect(ctx, i)
	case kindList:
		return s.listChanged(ctx, i.User, i.ID, i.Name, i.Created)
	case kindGuests:
		return s.tellGuests(ctx, i)
	case kindArchive:
		return s.tellArchive(ctx, i)
	case kindDeleteRoom:
		return s.tellDelete(ctx, i)
	case kindUnsave:
		return historyapi.NewClient(s.bus).Unsave(ctx, i.User)
	case kindPurge:
		return s.tellPurge(ctx, i)
	case directoryapi.ChangeRoom, kindDescribe:
		return s.tellRoom(ctx, i)
	case directoryapi.ChangeAccess:
		return s.tellMember(ctx, i)
	}
	s.log.Error("dropped an intent of an unknown kind", zap.String("kind", i.Kind), zap.String("id", i.ID))
	return nil
}

func (s *Service) tellRoom(ctx context.Context, i store.Intent) error {
	if i.Kind == directoryapi.ChangeRoom {
		if err := s.control(ctx, directoryapi.Change{Kind: i.Kind, Room: i.Room}); err != nil {
			return err
		}
	}
	room, there, err := s.roomThere(ctx, i.Room)
	if err != nil || !there {
		return err // it was never made, or has been deleted since
	}
	return s.event(ctx, chat.Event{
		Type: chat.TypeTopic, Room: room.ID, ID: i.ID, User: i.Actor, Name: room.Name, Text: room.Topic, TS: i.Created,
	})
}

// tellMember tells what a user is in a room. Another change of the same membership may be told at
// the same time, and the logs may get the two in either order; so the truth is looked up again
// after it was told, and told again if it is another: whoever tells last, tells what is.
func (s *Service) tellMember(ctx context.Context, i store.Intent) error {
	id := i.ID
	if i.Role != string(directoryapi.RoleOwner) {
		if err := s.keepOwned(ctx, i.Room); err != nil {
			return err
		}
	}
	for range maxTold {
		is, there, err := s.accessNow(ctx, i.Room, i.User)
		if err != nil {
			return err
		}
		if is.Role == "" {
			// Nothing, but for one who was brought in while being banned.
			if err := s.dropMember(ctx, i.Room, i.User); err != nil {
				return err
			}
		}
		if id == i.ID && string(is.Role) != i.Role {
			id = chat.NewID() // not what the intent's own id may stand for already
		}
		if err := s.tellWhy(ctx, i, is.Role); err != nil {
			return err
		}
		if err := s.tellAccess(ctx, i, id, is, there); err != nil {
			return err
		}
		now, _, err := s.accessNow(ctx, i.Room, i.User)
		if err != nil {
			return err
		}
		if now == is {
			return s.tellGrown(ctx, i.Room, is)
		}
		id = chat.NewID()
	}
	return errors.New("a membership keeps changing")
}

// tellWhy tells of a ban, of a removal, or of another role, as an act of moderation: who did it,
// and why.
func (s *Service) tellWhy(ctx context.Context, i store.Intent, role directoryapi.Role) error {
	reason, removed := strings.CutPrefix(i.Session, removedFor)
	if i.Session != told && !removed || string(role) != i.Role {
		return nil
	}
	e, err := s.act(ctx, i, chat.ActRole)
	if err != nil {
		return err
	}
	e.ID += "-why" // beside the change, which clients of earlier releases know
	if removed {
		e.Act, e.Text = chat.ActRemove, reason
	} else if e.Role = string(role); role == "" {
		b, err := s.store.Ban(ctx, i.Room, i.User)
		if err != nil {
			return unlessMissing(err) // it is lifted already
		}
		e.Act, e.Text, e.Until = chat.ActBan, b.Reason, b.Until
	}
	return s.tellModerated(ctx, e)
}

// tellGrown tells that a room is no longer small, if that may be because of its new member. Several
// may come at the same moment, and none of them then be the one too many: so it is told for some
// time.
func (s *Service) tellGrown(ctx context.Context, room string, is directoryapi.Access) error {
	if is.Role == "" || isDefault(room) {
		return nil
	}
	n, err := s.countMembers(ctx, room, 2*directoryapi.SmallRoom+1)
	if err != nil || n <= directoryapi.SmallRoom || n > 2*directoryapi.SmallRoom {
		return err
	}
	return s.control(ctx, directoryapi.Change{Kind: directoryapi.ChangeRoom, Room: room})
}

// tellAccess tells everybody whom it concerns once.
func (s *Service) tellAccess(ctx context.Context, i store.Intent, id string, a directoryapi.Access, there bool) error {
	if err := s.control(ctx, directoryapi.Change{Kind: i.Kind, User: i.User, Room: i.Room, Access: a}); err != nil {
		return err
	}
	if there {
		if err := s.event(ctx, memberEvent(i, id, a.Role)); err != nil {
			return err
		}
	} else if err := s.control(ctx, directoryapi.Change{Kind: directoryapi.ChangeRoom, Room: i.Room}); err != nil {
		return err // with its last member the room has gone, for those, too, who only read there
	}
	return s.event(ctx, ownEvent(i, id, a.Role))
}

// memberEvent tells a room what role the intent's user has in it now; empty: none.
func memberEvent(i store.Intent, id string, role directoryapi.Role) chat.Event {
	return chat.Event{
		Type: chat.TypeMember, Room: i.Room, ID: id, User: i.Actor, Name: i.Name, Member: i.User, Role: string(role), From: uint64(i.From), TS: i.Created,
	}
}

// ownEvent tells the intent's user, in the user's own room, that a room is one of the user's in a
// role, or with the empty one that it is not.
func ownEvent(i store.Intent, id string, role directoryapi.Role) chat.Event {
	e := chat.Event{Type: chat.TypeRemoved, Room: chat.UserRoom(i.User), ID: id, User: i.Actor, Target: i.Room, TS: i.Created}
	if role != "" {
		e.Type, e.Role = chat.TypeInvited, string(role)
	}
	return e
}

// control appends to the control log, always as a new entry: to take one in twice does no harm.
func (s *Service) control(ctx context.Context, c directoryapi.Change) error {
	data, err := directoryapi.EncodeChange(c)
	if err != nil {
		return err
	}
	if _, err := bus.Append(ctx, s.bus, bus.NewEntry{Room: chat.ControlRoom, Sender: sender, ID: chat.NewID(), Data: data}); err != nil {
		return err
	}
	s.metrics.told.Inc()
	return nil
}

func (s *Service) event(ctx context.Context, e chat.Event) error {
	data, err := chat.AppendEntry(nil, e)
	if err != nil {
		return err
	}
	_, err = bus.Append(ctx, s.bus, bus.NewEntry{Room: e.Room, Sender: sender, ID: e.ID, Data: data})
	return err
}

// busError gives an error of the bus the code that a client acts on.
func busError(err error) error {
	return errors.Join(err, errUntold, chat.Unavailable("the change is made and will be told when the bus answers again", retryStore))
}
