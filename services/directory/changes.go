package directory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

const (
	// sender is the sender of the entries that directory appends.
	sender = "directory"
	// kindDescribe is the kind of an intent to change a room's name or topic, which permissions do
	// not depend on. The other kinds are kindBan, kindUnban, kindBlock, kindDirect, kindList and
	// those of directoryapi.Change.
	kindDescribe = "describe"
	// changeTimeout bounds a change together with telling of it. The end of the client's request
	// does not end a change: once begun, it is told at once.
	changeTimeout = 12 * time.Second
	// untoldAfter is the age from which on an intent counts as left behind by a process that
	// crashed or failed.
	untoldAfter = changeTimeout + 3*time.Second
	// untoldBatch is how many intents tellUntold handles at a time.
	untoldBatch = 100
	// maxTold is how often directory tells of a membership that changes while it is being told.
	maxTold = 10
)

// changes keeps an intent for each change, and then tells the result to the control log, the log of
// the room, and users' own rooms.
type changes struct {
	*core
	records *records

	// tellers tell what is true of an intent's subject, by the kind of the intent; set once
	tellers map[string]func(context.Context, store.Intent) error
}

// change makes a change to the store and tells of it on the bus. The store has the intent before
// the change, so a crash between the two leaves no change untold: the state that the store then has
// is told later.
func (s *changes) change(ctx context.Context, i store.Intent, apply func(context.Context) error) error {
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
func (s *changes) tellUntold(ctx context.Context) error {
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

// tell appends the state of the intent's subject to the control log, and what people see of it to
// the log of the room and the user's own. The ids of what people see follow from the intent's id,
// so telling again shows nothing twice.
func (s *changes) tell(ctx context.Context, i store.Intent) error {
	if tell := s.tellers[i.Kind]; tell != nil {
		return tell(ctx, i)
	}
	s.log.Error("dropped an intent of an unknown kind", zap.String("kind", i.Kind), zap.String("id", i.ID))
	return nil
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

// control appends to the control log, always as a new entry: taking one in twice does no harm.
func (s *changes) control(ctx context.Context, c directoryapi.Change) error {
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

func (s *changes) event(ctx context.Context, e chat.Event) error {
	data, err := chat.AppendEntry(nil, e)
	if err != nil {
		return err
	}
	_, err = bus.Append(ctx, s.bus, bus.NewEntry{Room: e.Room, Sender: sender, ID: e.ID, Data: data})
	return err
}

// eventOnce appends an event of an intent, unless it was appended before: the bus recognises its id
// for a while, and after that history is asked whether the record has it.
func (s *changes) eventOnce(ctx context.Context, i store.Intent, e chat.Event) error {
	if time.Since(time.UnixMilli(i.Created)) > bus.DedupeWindow/2 {
		_, err := historyapi.NewClient(s.bus).Sent(ctx, historyapi.SentRequest{Room: e.Room, User: sender, ID: e.ID})
		if chat.CodeOf(err) == chat.CodeConflict {
			return nil // it is there, and is no message
		}
		if err != nil {
			return err
		}
	}
	return s.event(ctx, e)
}

// busError gives an error of the bus the code that a client acts on.
func busError(err error) error {
	return errors.Join(err, errUntold, chat.Unavailable("the change is made and will be told when the bus answers again", retryStore))
}

// listChanged tells a user's devices that one of the user's lists has changed.
func (s *changes) listChanged(ctx context.Context, user, id, list string, at int64) error {
	return s.event(ctx, chat.Event{Type: chat.TypeChanged, Room: chat.UserRoom(user), ID: id, User: user, Target: list, TS: at})
}

// changeList changes a list of a user's and tells the user's devices.
func (s *changes) changeList(ctx context.Context, user, actor, list string, apply func(context.Context) error) error {
	return s.change(ctx, store.Intent{Kind: kindList, User: user, Name: list, Actor: actor}, apply)
}

// tellList tells a user's devices that one of the user's lists has changed.
func (s *changes) tellList(ctx context.Context, i store.Intent) error {
	return s.listChanged(ctx, i.User, i.ID, i.Name, i.Created)
}

// tellUser tells that log-ins of a user have ended.
func (s *changes) tellUser(ctx context.Context, i store.Intent) error {
	return s.control(ctx, directoryapi.Change{Kind: i.Kind, User: i.User, Session: i.Session, At: i.Created})
}
