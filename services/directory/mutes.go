package directory

import (
	"context"
	"errors"
	"fmt"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// kindMute is the kind of an intent to mute or unmute a user.
const kindMute = "mute"

// Actions of the audit log.
const (
	actMute       = "server.mute"
	actUnmute     = "server.unmute"
	actRoomMute   = "room.mute"
	actRoomUnmute = "room.unmute"
)

// inRoom returns the first action if room names a room, the second for the whole server.
func inRoom(room, there, everywhere string) string {
	if room == wholeServer {
		return everywhere
	}
	return there
}

// maxMute is the longest mute that ends by itself, in minutes.
const maxMute = 366 * 24 * 60

// muted adds the user's mutes to an Access: the one that ends last counts.
func (s *rights) muted(ctx context.Context, a *directoryapi.Access, room, user string) error {
	mutes, err := s.store.MutesOf(ctx, user, wholeServer, room)
	now := time.Now().UnixMilli()
	for _, m := range mutes {
		if m.Until > now && m.Until > a.MutedUntil {
			a.MutedUntil, a.MutedWhy = m.Until, m.Reason
		}
	}
	return err
}

// mutes mutes users in rooms and on the server.
type mutes struct {
	*core
	records  *records
	changes  *changes
	rights   *rights
	auditLog *auditLog
}

// mute keeps a user from writing in a room, or on the whole server, for this many minutes; 0: until
// somebody lifts the mute.
func (s *mutes) mute(ctx context.Context, c auth.Claims, room, user string, minutes int64, reason string) error {
	mine, err := s.rights.permittedIn(ctx, directoryapi.ActionMute, room, c.User)
	if err != nil {
		return err
	}
	if user == c.User {
		return chat.E(chat.CodeBadRequest, "you cannot mute yourself")
	}
	if reason, err = checkText("reason", reason, 0, maxReason); err != nil {
		return err
	}
	if minutes < 0 || minutes > maxMute {
		return chat.E(chat.CodeBadRequest, fmt.Sprintf("minutes must be 1 to %d, or 0 to mute until it is lifted", maxMute))
	}
	u, err := s.records.user(ctx, user)
	if err != nil {
		return err
	}
	if err := s.rights.checkOver(ctx, mine, directoryapi.ActionMute, user); err != nil {
		return err
	}
	now := time.Now().UnixMilli()
	m := store.Mute{Room: room, User: u.ID, Name: u.Name, Actor: c.User, Reason: reason, Until: chat.Forever, Created: now}
	if minutes > 0 {
		m.Until = now + minutes*time.Minute.Milliseconds()
	}
	act := store.Act{Action: inRoom(room, actRoomMute, actMute), Room: room, Subject: u.ID, SubjectName: u.Name, Detail: lasting(minutes, reason)}
	return s.auditLog.audit(ctx, act, func(ctx context.Context) error {
		return s.changes.change(ctx, store.Intent{Kind: kindMute, Room: room, User: u.ID, Name: u.Name, Actor: c.User}, func(ctx context.Context) error {
			return s.store.PutMute(ctx, m)
		})
	})
}

// lasting describes a duration and its reason for the audit log.
func lasting(minutes int64, reason string) string {
	text := "until it is lifted"
	if minutes > 0 {
		text = fmt.Sprint("for ", time.Duration(minutes)*time.Minute)
	}
	return because(text, reason)
}

// unmute ends a mute. It is no error if the user is not muted.
func (s *mutes) unmute(ctx context.Context, c auth.Claims, room, user string) error {
	mine, err := s.rights.permittedIn(ctx, directoryapi.ActionMute, room, c.User)
	if err != nil {
		return err
	}
	if err := s.rights.checkOver(ctx, mine, directoryapi.ActionMute, user); err != nil {
		return err
	}
	m, err := s.store.Mute(ctx, room, user)
	if err != nil {
		return unlessMissing(err)
	}
	i := store.Intent{Kind: kindMute, Room: room, User: user, Name: m.Name, Actor: c.User}
	if m.Until <= time.Now().UnixMilli() { // it has ended by itself, and clients know when
		return s.store.DeleteMute(ctx, room, user)
	}
	act := store.Act{Action: inRoom(room, actRoomUnmute, actUnmute), Room: room, Subject: user, SubjectName: m.Name}
	return s.auditLog.audit(ctx, act, func(ctx context.Context) error {
		return s.changes.change(ctx, i, func(ctx context.Context) error { return s.store.DeleteMute(ctx, room, user) })
	})
}

// tellMute announces whether a user is muted now.
func (s *mutes) tellMute(ctx context.Context, i store.Intent) error {
	change := directoryapi.Change{Kind: directoryapi.ChangePerson, User: i.User}
	if i.Room != wholeServer {
		a, _, err := s.rights.accessNow(ctx, i.Room, i.User)
		if err != nil {
			return err
		}
		change = directoryapi.Change{Kind: directoryapi.ChangeAccess, User: i.User, Room: i.Room, Access: a}
	}
	if err := s.changes.control(ctx, change); err != nil {
		return err
	}
	e, err := s.changes.act(ctx, i, chat.ActUnmute)
	if err != nil {
		return err
	}
	m, err := s.store.Mute(ctx, i.Room, i.User)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return err
	default:
		e.Act, e.Text, e.Until = chat.ActMute, m.Reason, ended(m.Until)
	}
	return s.changes.tellModerated(ctx, e)
}

// ended returns the end of a mute or ban as clients get it: 0 stands for never.
func ended(until int64) int64 {
	if until == chat.Forever {
		return 0
	}
	return until
}

// removeMutes removes expired mutes.
func (s *mutes) removeMutes(ctx context.Context) error {
	return s.store.DeleteMutesBefore(ctx, time.Now().UnixMilli())
}

type muteView struct {
	User   string `json:"user"`
	Name   string `json:"name" doc:"The user's name when they were muted."`
	By     string `json:"by" doc:"Id of the user who muted."`
	ByName string `json:"by_name,omitempty" doc:"The current name of that user; absent: the account is gone."`
	Reason string `json:"reason,omitempty"`
	Since  int64  `json:"since" doc:"UTC milliseconds."`
	Until  int64  `json:"until,omitempty" doc:"UTC milliseconds; absent: until it is lifted."`
}

type mutesOutput struct {
	Mutes []muteView `json:"mutes"`
	More  bool       `json:"more,omitempty" doc:"There are more after the last one."`
}

// mutes lists the mutes of a room or of the server, ordered by user id, after the given id. It
// leaves out expired ones.
func (s *mutes) mutes(ctx context.Context, c auth.Claims, room, after string) (mutesOutput, error) {
	out := mutesOutput{Mutes: []muteView{}}
	if _, err := s.rights.permittedIn(ctx, directoryapi.ActionMute, room, c.User); err != nil {
		return out, err
	}
	if err := checkAfter(after, "user"); err != nil {
		return out, err
	}
	all, err := s.store.Mutes(ctx, room, after, maxMembers+1)
	all, out.More = page(all, maxMembers)
	now, names := time.Now().UnixMilli(), s.records.namer()
	kept := make([]named, len(all))
	for i := range all {
		kept[i] = named{all[i].User, &all[i].Name}
	}
	if err == nil {
		err = s.records.unname(ctx, kept)
	}
	for _, m := range all {
		if m.Until > now {
			v, err := viewOfMute(ctx, m, names)
			if err != nil {
				return out, err
			}
			out.Mutes = append(out.Mutes, v)
		}
	}
	return out, err
}

func viewOfMute(ctx context.Context, m store.Mute, name func(context.Context, string) (string, error)) (muteView, error) {
	by, err := name(ctx, m.Actor)
	return muteView{User: m.User, Name: m.Name, By: m.Actor, ByName: by, Reason: m.Reason, Since: m.Created, Until: ended(m.Until)}, err
}

// mutedView describes a mute to the muted user.
type mutedView struct {
	Until  int64  `json:"until,omitempty" doc:"UTC milliseconds; absent: until it is lifted."`
	Reason string `json:"reason,omitempty"`
}

// nameMutes adds the user's own mutes to views of rooms.
func (s *views) nameMutes(ctx context.Context, user string, views []roomView) error {
	mutes, err := s.store.MutesOf(ctx, user)
	now := time.Now().UnixMilli()
	latest := map[string]store.Mute{}
	for _, m := range mutes {
		if m.Until > now {
			latest[m.Room] = m
		}
	}
	for i := range views {
		m := latest[wholeServer]
		if here := latest[views[i].ID]; here.Until > m.Until {
			m = here
		}
		if m.Until > 0 {
			views[i].Muted = &mutedView{Until: ended(m.Until), Reason: m.Reason}
		}
	}
	return err
}
