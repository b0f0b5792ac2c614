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

// kindBan and kindUnban are the kinds of intents to ban a user from the whole server, and to end a
// ban from a room.
const (
	kindBan   = "ban"
	kindUnban = "unban"
)

// wholeServer is the room of a ban from every room, and from logging in.
const wholeServer = ""

const maxReason = 256 // characters

// longestBan is the longest time after which a ban ends by itself. One without an end lasts until
// somebody ends it.
const longestBan = 10 * 365 * 24 * time.Hour

// endedBans is how many bans that are over are ended at a time.
const endedBans = 100

// banned reports whether a user is kept out of a room, or of the whole server.
func (s *rights) banned(ctx context.Context, room, user string) (bool, error) {
	b, err := s.store.Ban(ctx, room, user)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil || b.Over(time.Now().UnixMilli()) {
		return false, err
	}
	if room == wholeServer {
		// If a user becomes an operator and is banned at the same moment, the role counts:
		// otherwise nobody might be left to run the server.
		role, err := s.serverRecord.serverRole(ctx, user)
		return role != directoryapi.RoleOperator, err
	}
	return true, nil
}

// banEnd returns when a ban of so many minutes ends, in UTC milliseconds. 0 minutes: never. It
// counts from now, so that a client's clock does not matter.
func banEnd(minutes int64) (int64, error) {
	if minutes < 0 || minutes > int64(longestBan/time.Minute) {
		return 0, chat.E(chat.CodeBadRequest, fmt.Sprintf("a ban lasts for 1 to %d minutes, or with 0 until somebody ends it", longestBan/time.Minute))
	}
	if minutes == 0 {
		return 0, nil
	}
	return time.Now().Add(time.Duration(minutes) * time.Minute).UnixMilli(), nil
}

// bans bans users from rooms and from the server.
type bans struct {
	*core
	records    *records
	changes    *changes
	rights     *rights
	auditLog   *auditLog
	membership *membership
	networks   *networks
}

// endBans removes bans that have expired. Only caches need that: checks look at Ban.Over.
func (s *bans) endBans(ctx context.Context) error {
	now := time.Now().UnixMilli()
	ended, err := s.store.EndedBans(ctx, now, endedBans)
	if err != nil {
		return err
	}
	for _, b := range ended {
		end := func(ctx context.Context) error { return s.store.EndBan(ctx, b.Room, b.User, now) }
		if b.Room == wholeServer {
			err = end(ctx)
		} else {
			err = s.changes.change(ctx, store.Intent{Kind: kindUnban, Room: b.Room, User: b.User, Name: b.Name, Actor: b.Actor}, end)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ban keeps a user out of a room, or of the whole server, for so many minutes; 0: until somebody
// ends the ban.
func (s *bans) ban(ctx context.Context, c auth.Claims, room, user, reason string, minutes int64) error {
	mine, err := s.rights.permittedIn(ctx, directoryapi.ActionBan, room, c.User)
	if err != nil {
		return err
	}
	b, err := s.newBan(ctx, c, room, user, reason, minutes)
	if err != nil {
		return err
	}
	if err := s.rights.checkOver(ctx, mine, directoryapi.ActionBan, user); err != nil {
		return err
	}
	put := s.banFromServer
	if room != wholeServer {
		put = s.banFromRoom
	}
	act := store.Act{Action: inRoom(room, actRoomBan, actBan), Room: room, Subject: user, SubjectName: b.Name, Detail: reason}
	return s.auditLog.audit(ctx, act, func(ctx context.Context) error { return put(ctx, b) })
}

// banFromRoom ends a user's membership of a room, and lets the user neither read it nor come back.
func (s *bans) banFromRoom(ctx context.Context, b store.Ban) error {
	if again, err := s.rights.banned(ctx, b.Room, b.User); err != nil {
		return err
	} else if again {
		return s.store.PutBan(ctx, b) // with another reason and end, which nobody is told
	}
	i := memberIntent(b.Room, b.User, b.Name, b.Actor, "")
	i.Session = told
	return s.changes.change(ctx, i, func(ctx context.Context) error {
		if err := s.store.PutBan(ctx, b); err != nil {
			return err
		}
		return s.membership.dropMember(ctx, b.Room, b.User)
	})
}

// banFromServer ends all of a user's log-ins and lets the user not log in again. Memberships stay,
// for when the ban ends.
func (s *bans) banFromServer(ctx context.Context, b store.Ban) error {
	// before the session is gone, which says where the guest is
	if err := s.networks.banNetworkOf(ctx, b); err != nil {
		return err
	}
	i := store.Intent{Kind: kindBan, User: b.User, Name: b.Name, Actor: b.Actor}
	return s.changes.change(ctx, i, func(ctx context.Context) error { return s.store.PutBan(ctx, b) })
}

func (s *bans) newBan(ctx context.Context, c auth.Claims, room, user, reason string, minutes int64) (b store.Ban, err error) {
	if user == c.User {
		return b, chat.E(chat.CodeBadRequest, "you cannot ban yourself")
	}
	if reason, err = checkText("reason", reason, 0, maxReason); err != nil {
		return b, err
	}
	until, err := banEnd(minutes)
	if err != nil {
		return b, err
	}
	u, err := s.records.user(ctx, user)
	return store.Ban{Room: room, User: u.ID, Name: u.Name, Actor: c.User, Reason: reason, Created: time.Now().UnixMilli(), Until: until}, err
}

// unban ends a ban from a room, or from the whole server. One who was not banned is not an error.
func (s *bans) unban(ctx context.Context, c auth.Claims, room, user string) error {
	if _, err := s.rights.permittedIn(ctx, directoryapi.ActionUnban, room, c.User); err != nil {
		return err
	}
	b, err := s.store.Ban(ctx, room, user)
	if err != nil {
		return unlessMissing(err)
	}
	act := store.Act{Action: inRoom(room, actRoomUnban, actUnban), Room: room, Subject: user, SubjectName: b.Name}
	return s.auditLog.audit(ctx, act, func(ctx context.Context) error {
		if room == wholeServer {
			return s.unbanFromServer(ctx, user)
		}
		i := store.Intent{Kind: kindUnban, Room: room, User: user, Name: b.Name, Actor: c.User, Session: told}
		return s.changes.change(ctx, i, func(ctx context.Context) error { return s.store.DeleteBan(ctx, room, user) })
	})
}

// unbanFromServer lets a user log in again. Sessions from before the ban stay ended.
func (s *bans) unbanFromServer(ctx context.Context, user string) error {
	if err := s.store.EndSessionsOf(ctx, user); err != nil {
		return err
	}
	if err := s.networks.unbanNetworkOf(ctx, user); err != nil {
		return err
	}
	return s.store.DeleteBan(ctx, wholeServer, user)
}

// tellUnban tells the caches of permissions that a ban has ended. In a default room the user is a
// member again, and is told so.
func (s *bans) tellUnban(ctx context.Context, i store.Intent) error {
	a, _, err := s.rights.accessNow(ctx, i.Room, i.User)
	if err != nil {
		return err
	}
	if i.Session == told {
		e, err := s.changes.act(ctx, i, chat.ActUnban)
		if err != nil {
			return err
		}
		e.ID += "-why"
		if err := s.changes.tellModerated(ctx, e); err != nil {
			return err
		}
		i.Session = ""
	}
	if a.Role != "" {
		return s.membership.tellMember(ctx, i)
	}
	return s.changes.control(ctx, directoryapi.Change{Kind: directoryapi.ChangeAccess, User: i.User, Room: i.Room, Access: a})
}

// tellBan ends every session of a user who is banned from the server, and voids every token that
// was made until now. There are no later ones: directory takes the time of a token first, and then
// looks for a ban.
func (s *bans) tellBan(ctx context.Context, i store.Intent) error {
	out, err := s.rights.banned(ctx, wholeServer, i.User)
	if err != nil || !out {
		return err
	}
	if err := s.store.EndSessionsOf(ctx, i.User); err != nil {
		return err
	}
	at := time.Now().UnixMilli()
	if err := s.changes.control(ctx, directoryapi.Change{Kind: directoryapi.ChangeUser, User: i.User, At: at}); err != nil {
		return err
	}
	// tokens of that millisecond are void, and one made after a pardon is not
	time.Sleep(time.Until(time.UnixMilli(at + 1)))
	return nil
}

type banView struct {
	User   string `json:"user"`
	Name   string `json:"name" doc:"At the time of the ban."`
	By     string `json:"by" doc:"Id of the user who banned."`
	ByName string `json:"by_name,omitempty" doc:"That user's, as it is now; left out: nobody has it."`
	Reason string `json:"reason,omitempty"`
	Since  int64  `json:"since" doc:"UTC milliseconds."`
	Until  int64  `json:"until,omitempty" doc:"UTC milliseconds; absent: until somebody ends it."`
}

type bansOutput struct {
	Bans []banView `json:"bans"`
	More bool      `json:"more,omitempty" doc:"There are more after the last one."`
}

// bans lists who is banned from a room, or from the server, ordered by user id, after the given id.
func (s *bans) bans(ctx context.Context, c auth.Claims, room, after string) (out bansOutput, err error) {
	out.Bans = []banView{}
	if _, err := s.rights.permittedIn(ctx, directoryapi.ActionListBans, room, c.User); err != nil {
		return out, err
	}
	if err := checkAfter(after, "user"); err != nil {
		return out, err
	}
	all, err := s.store.Bans(ctx, room, after, maxMembers+1)
	all, out.More = page(all, maxMembers)
	names := s.records.namer()
	kept := make([]named, len(all))
	for i := range all {
		kept[i] = named{all[i].User, &all[i].Name}
	}
	if err == nil {
		err = s.records.unname(ctx, kept)
	}
	for _, b := range all {
		if !b.Over(time.Now().UnixMilli()) {
			v, err := viewOfBan(ctx, b, names)
			if err != nil {
				return out, err
			}
			out.Bans = append(out.Bans, v)
		}
	}
	return out, err
}

func viewOfBan(ctx context.Context, b store.Ban, name func(context.Context, string) (string, error)) (banView, error) {
	by, err := name(ctx, b.Actor)
	return banView{User: b.User, Name: b.Name, By: b.Actor, ByName: by, Reason: b.Reason, Since: b.Created, Until: b.Until}, err
}
