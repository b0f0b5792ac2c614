package directory

import (
	"context"
	"errors"
	"fmt"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

const (
	// sender is whose entries these are in the logs.
	sender = "directory"
	// untoldAfter is how old an intent is when whoever wrote it must have crashed or failed.
	untoldAfter = 15 * time.Second
	// untoldBatch is how many of them are told at a time.
	untoldBatch = 100
)

// change makes a change to the store and tells of it on the bus. The intent is in the store before the change is, so
// that a crash in between cannot leave a change that nobody heard of: whatever is then the truth is told later.
func (s *Service) change(ctx context.Context, i store.Intent, apply func() error) error {
	i.ID, i.Created = chat.NewID(), time.Now().UnixMilli()
	if err := s.store.PutIntent(ctx, i); err != nil {
		return err
	}
	if err := apply(); err != nil {
		// What apply did is not known: the intent stays, and the truth is told in a while.
		return err
	}
	if err := s.tell(ctx, i); err != nil {
		return fmt.Errorf("tell of a change: %w", busError(err))
	}
	return s.store.DeleteIntent(ctx, i.ID)
}

// tellUntold tells what a crash or a failure left untold.
func (s *Service) tellUntold(ctx context.Context) error {
	left, err := s.store.IntentsBefore(ctx, time.Now().Add(-untoldAfter).UnixMilli(), untoldBatch)
	if err != nil {
		return err
	}
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

// tell appends what is now true of the intent's subject to the control log, and what people should see of it to the
// room's log and the user's own. All ids follow from the intent's, so that telling again changes nothing.
func (s *Service) tell(ctx context.Context, i store.Intent) error {
	switch i.Kind {
	case directoryapi.ChangeUser:
		return s.control(ctx, i, directoryapi.Change{Kind: i.Kind, User: i.User, Session: i.Session, At: i.Created})
	case directoryapi.ChangeRoom:
		return s.tellRoom(ctx, i)
	case directoryapi.ChangeAccess:
		return s.tellMember(ctx, i)
	}
	return fmt.Errorf("intent %s is of the unknown kind %q", i.ID, i.Kind)
}

func (s *Service) tellRoom(ctx context.Context, i store.Intent) error {
	room, err := s.store.Room(ctx, i.Room)
	if errors.Is(err, store.ErrNotFound) {
		return nil // it was never made
	} else if err != nil {
		return err
	}
	if err := s.control(ctx, i, directoryapi.Change{Kind: i.Kind, Room: i.Room}); err != nil {
		return err
	}
	return s.event(ctx, chat.Event{
		Type: chat.TypeTopic, Room: room.ID, ID: i.ID, User: i.Actor, Name: room.Name, Text: room.Topic, TS: i.Created,
	})
}

func (s *Service) tellMember(ctx context.Context, i store.Intent) error {
	room, err := s.store.Room(ctx, i.Room)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	access, err := s.accessTo(ctx, room, i.User)
	if err != nil {
		return err
	}
	if err := s.control(ctx, i, directoryapi.Change{Kind: i.Kind, User: i.User, Room: i.Room, Access: access}); err != nil {
		return err
	}
	name := ""
	if u, err := s.store.User(ctx, i.User); err == nil {
		name = u.Name
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	err = s.event(ctx, chat.Event{
		Type: chat.TypeMember, Room: i.Room, ID: i.ID, User: i.Actor, Name: name, Member: i.User, Role: string(access.Role), TS: i.Created,
	})
	if err != nil {
		return err
	}
	own := chat.Event{Type: chat.TypeRemoved, Room: chat.UserRoom(i.User), ID: i.ID, User: i.Actor, Target: i.Room, TS: i.Created}
	if access.Role != "" {
		own.Type, own.Role = chat.TypeInvited, string(access.Role)
	}
	return s.event(ctx, own)
}

func (s *Service) control(ctx context.Context, i store.Intent, c directoryapi.Change) error {
	data, err := directoryapi.EncodeChange(c)
	if err != nil {
		return err
	}
	if _, err := bus.Append(ctx, s.bus, bus.NewEntry{Room: chat.ControlRoom, Sender: sender, ID: i.ID, Data: data}); err != nil {
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
	return errors.Join(err, chat.Unavailable("the change is made and will be told when the bus answers again", retryStore))
}
