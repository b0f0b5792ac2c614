package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/names"
	"hubbub.internal/services/directory/store"
)

const (
	maxRoomName = 64  // characters
	maxTopic    = 256 // characters
	// maxRooms is how many rooms that are not direct a user may be a member of. With the default
	// rooms, the user's own room and maxDirects it adds up to the 500 rooms that a socket may join.
	maxRooms = 296
)

// rooms makes, changes, archives, resets and deletes rooms.
type rooms struct {
	*core
	records    *records
	nameRules  *nameRules
	changes    *changes
	rights     *rights
	auditLog   *auditLog
	quotas     *quotas
	views      *views
	membership *membership
	retentions *retentions
	groups     *groups
	members    *members
}

// createDefaultRooms makes the default rooms that do not exist.
func (s *rooms) createDefaultRooms(ctx context.Context) error {
	for i, id := range chat.DefaultRooms {
		r := store.Room{ID: id, Name: strings.ToUpper(id[:1]) + id[1:], Created: int64(i)}
		r.Looks = names.LooksOf(r.Name)
		if err := s.store.CreateRoom(ctx, r); err != nil && !errors.Is(err, store.ErrConflict) {
			return fmt.Errorf("create the default rooms: %w", err)
		}
	}
	return nil
}

// checkText returns a line of text without space around it, if it is printable and short enough.
func checkText(what, text string, least, most int) (string, error) {
	text = strings.TrimSpace(text)
	n := utf8.RuneCountInString(text)
	bad := n < least || n > most || !utf8.ValidString(text) ||
		strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) || names.Hidden(text)
	if bad {
		return "", chat.E(chat.CodeBadRequest, fmt.Sprintf("a %s is one line of %d to %d printable characters", what, least, most))
	}
	return text, nil
}

func (s *rooms) createRoom(ctx context.Context, c auth.Claims, name, topic string, private bool) (roomView, error) {
	name, looks, err := s.nameRules.checkRoomName(ctx, name, private, "")
	if err != nil {
		return roomView{}, err
	}
	if topic, err = checkText("room's topic", topic, 0, maxTopic); err != nil {
		return roomView{}, err
	}
	if err := s.rights.accountMay(c, directoryapi.ActionMakeRoom); err != nil {
		return roomView{}, err
	}
	if err := s.quotas.checkMade(ctx, c, private, 1); err != nil {
		return roomView{}, err
	}
	if err := s.quotas.checkRoomCount(ctx, c.User, 1); err != nil {
		return roomView{}, err
	}
	now := time.Now().UnixMilli()
	r := store.Room{ID: chat.NewID(), Name: name, Looks: looks, Topic: topic, Private: private, Created: now, Creator: c.User, Activity: store.Activity{Active: now, Size: 1}}
	// The owner comes first: a crash in between leaves a membership in no room, which nobody sees,
	// and never a room without an owner.
	err = s.auditLog.audit(ctx, store.Act{Action: actRoomCreate, Room: r.ID, Detail: name}, func(ctx context.Context) error {
		i := memberIntent(r.ID, c.User, c.Name, c.User, directoryapi.RoleOwner)
		i.From = fromStart
		return s.changes.change(ctx, i, func(ctx context.Context) error {
			m := store.Member{Room: r.ID, User: c.User, Name: c.Name, Role: directoryapi.RoleOwner, Since: now}
			if err := s.store.PutMember(ctx, m); err != nil {
				return err
			}
			if err := s.store.CreateRoom(ctx, r); err != nil {
				return err
			}
			over := s.quotas.checkMade(ctx, c, private, 0)
			if over == nil {
				over = s.quotas.checkRoomCount(ctx, c.User, 0)
			}
			return s.quotas.keepQuota(ctx, over, func(ctx context.Context) error {
				if err := s.store.DeleteRoom(ctx, r.ID); err != nil {
					return err
				}
				return s.store.DeleteMember(ctx, r.ID, c.User)
			})
		})
	})
	return viewOf(r, directoryapi.RoleOwner), err
}

// patchRoom changes the fields of a room that are not nil in the patch.
func (s *rooms) patchRoom(ctx context.Context, c auth.Claims, id string, p store.RoomPatch) (roomView, error) {
	r, a, err := s.rights.visible(ctx, id, c.User)
	if err == nil {
		err = mayPatch(a.Role, roomPlace(r), p)
	}
	if err == nil && p.Keep != nil {
		err = s.rights.accountMay(c, directoryapi.ActionRetain)
	}
	if err == nil {
		err = checkRules(p)
	}
	if err == nil {
		err = s.setRules(ctx, c, &r, p)
	}
	if err == nil {
		err = s.setGuests(ctx, c, &r, p.NoGuests)
	}
	if err == nil {
		err = s.retentions.setKeep(ctx, c, &r, p.Keep)
	}
	if err == nil {
		err = s.setVersions(ctx, c, &r, p.VersionsSince)
	}
	if p.Slow, p.Announce, p.NoGuests, p.Keep, p.VersionsSince = nil, nil, nil, nil, nil; err != nil {
		return roomView{}, err
	} else if p == (store.RoomPatch{}) {
		return s.views.keptViewOf(ctx, r, a.Role)
	}
	shown := p.Private != nil && !*p.Private && r.Private
	if shown && c.Guest {
		if err := s.quotas.checkMade(ctx, c, false, 1); err != nil {
			return roomView{}, err
		}
	}
	before := store.RoomPatch{Name: new(r.Name), Looks: new(r.Looks), Topic: new(r.Topic), Private: new(r.Private)}
	if p.Name != nil || shown {
		name, private := r.Name, r.Private
		if p.Name != nil {
			name = *p.Name
		}
		if p.Private != nil {
			private = *p.Private
		}
		var looks names.Looks
		if r.Name, looks, err = s.nameRules.checkRoomName(ctx, name, private, id); err != nil {
			return roomView{}, err
		}
		p.Name, p.Looks = &r.Name, &looks
	}
	if p.Topic != nil {
		if r.Topic, err = checkText("room's topic", *p.Topic, 0, maxTopic); err != nil {
			return roomView{}, err
		}
		p.Topic = &r.Topic
	}
	kind := kindDescribe
	if p.Private != nil && *p.Private != r.Private {
		kind, r.Private = directoryapi.ChangeRoom, *p.Private
	}
	err = s.auditLog.audit(ctx, store.Act{Action: actRoomChange, Room: id, Detail: patched(p)}, func(ctx context.Context) error {
		return s.changes.change(ctx, store.Intent{Kind: kind, Room: id, Actor: c.User}, func(ctx context.Context) error {
			err := s.store.PatchRoom(ctx, id, p)
			if err != nil || !shown || !c.Guest {
				return err
			}
			return s.quotas.keepQuota(ctx, s.quotas.checkMade(ctx, c, false, 0), func(ctx context.Context) error { return s.store.PatchRoom(ctx, id, before) })
		})
	})
	if err != nil {
		return roomView{}, err
	}
	return s.views.keptViewOf(ctx, r, a.Role)
}

// patched describes a patch for the audit log.
func patched(p store.RoomPatch) string {
	var what []string
	if p.Name != nil {
		what = append(what, fmt.Sprintf("name %q", *p.Name))
	}
	if p.Topic != nil {
		what = append(what, fmt.Sprintf("topic %q", *p.Topic))
	}
	if p.Private != nil {
		what = append(what, fmt.Sprintf("private %v", *p.Private))
	}
	if p.Slow != nil {
		what = append(what, fmt.Sprintf("slow %d", *p.Slow))
	}
	if p.Announce != nil {
		what = append(what, fmt.Sprintf("announce %q", *p.Announce))
	}
	if p.NoGuests != nil {
		what = append(what, fmt.Sprintf("guests %v", !*p.NoGuests))
	}
	if p.Keep != nil {
		what = append(what, fmt.Sprintf("keep %q", *p.Keep))
	}
	if p.VersionsSince != nil {
		what = append(what, fmt.Sprintf("versions %v", *p.VersionsSince != chat.Forever))
	}
	return strings.Join(what, ", ")
}

func (s *rooms) tellRoom(ctx context.Context, i store.Intent) error {
	if i.Kind == directoryapi.ChangeRoom {
		if err := s.changes.control(ctx, directoryapi.Change{Kind: i.Kind, Room: i.Room}); err != nil {
			return err
		}
	}
	room, there, err := s.records.roomThere(ctx, i.Room)
	if err != nil || !there {
		return err // it was never made, or has been deleted since
	}
	return s.changes.event(ctx, chat.Event{
		Type: chat.TypeTopic, Room: room.ID, ID: i.ID, User: i.Actor, Name: room.Name, Text: room.Topic, TS: i.Created,
	})
}
