package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/names"
	"hubbub.internal/services/directory/store"
)

// actImport is the action of the audit log when an import begins, and once more when it is through,
// with its counts.
const actImport = "server.import"

const (
	// maxImportNames is how many names are tried for an account or a room whose name is taken.
	maxImportNames = 100
	maxImportText  = 512 // characters of Source, keys and Detail
)

// imports takes users, rooms and members in from another chat.
type imports struct {
	*core
	records   *records
	nameRules *nameRules
	changes   *changes
	auditLog  *auditLog
	quotas    *quotas
	passwords *passwords
	accounts  *accounts
}

// adminImport does a step of an import.
func (s *imports) adminImport(ctx context.Context, in *directoryapi.Import) (*directoryapi.ImportReply, error) {
	if in == nil {
		return nil, chat.E(chat.CodeBadRequest, "say which step of an import")
	}
	if _, err := checkText("source of an import", in.Source, 1, maxImportText); err != nil {
		return nil, err
	}
	out := &directoryapi.ImportReply{}
	var err error
	switch in.Step {
	case directoryapi.ImportBegin, directoryapi.ImportEnd:
		return out, s.noteImport(ctx, in)
	case directoryapi.ImportUsers:
		out.Users, err = s.importUsers(ctx, in)
		return out, err
	}
	room := in.Room
	if room == nil || room.Key == "" {
		return nil, chat.E(chat.CodeBadRequest, "say which room of the export")
	}
	id, why := importedRoomID(in.Source, room)
	if why != "" {
		out.Room = &directoryapi.ImportedRoom{State: directoryapi.ImportRefused, Why: why}
		return out, nil
	}
	switch in.Step {
	case directoryapi.ImportOpen:
		out.Room, err = s.openImported(ctx, id, room)
	case directoryapi.ImportEvents:
		var reply historyapi.ImportReply
		reply, err = historyapi.NewClient(s.bus).Import(ctx, historyapi.ImportRequest{Room: id, Events: in.Events, Check: in.Check})
		out.Known, out.Added = reply.Known, reply.Added
	case directoryapi.ImportMembers:
		out.Added, out.Left, err = s.importMembers(ctx, id, in)
	case directoryapi.ImportFinish:
		err = s.finishImported(ctx, id, in)
	default:
		err = chat.E(chat.CodeBadRequest, fmt.Sprintf("%q is not a step of an import that this release knows", in.Step))
	}
	return out, err
}

// noteImport writes down that an import begins, or what came of it.
func (s *imports) noteImport(ctx context.Context, in *directoryapi.Import) error {
	detail, err := checkText("detail of an import", in.Source+" "+in.Detail, 1, 2*maxImportText)
	if err != nil || in.Check {
		return err
	}
	return s.auditLog.note(ctx, store.Act{Action: actImport, Detail: detail})
}

// importUsers makes the accounts of users of an export that have none.
func (s *imports) importUsers(ctx context.Context, in *directoryapi.Import) ([]directoryapi.ImportedUser, error) {
	if len(in.Users) > directoryapi.MaxImportUsers {
		return nil, chat.E(chat.CodeBadRequest, fmt.Sprintf("at most %d users are imported at once", directoryapi.MaxImportUsers))
	}
	// Nobody knows this password: whoever the account is for chooses one with a link.
	secret, _ := newLinkSecret()
	hash, err := s.passwords.hasher.Hash(secret)
	if err != nil {
		return nil, err
	}
	all := make([]directoryapi.ImportedUser, len(in.Users))
	for i, u := range in.Users {
		if all[i], err = s.importUser(ctx, in, u, hash); err != nil {
			return nil, err
		}
		all[i].Key = u.Key
	}
	return all, nil
}

func (s *imports) importUser(ctx context.Context, in *directoryapi.Import, u directoryapi.ImportUser, hash string) (out directoryapi.ImportedUser, err error) {
	id := directoryapi.ImportID(in.Source, "user", u.Key)
	is := func(u store.User, state string) directoryapi.ImportedUser {
		return directoryapi.ImportedUser{ID: u.ID, Name: u.Name, State: state}
	}
	var to store.User
	if u.To != "" {
		if to, err = s.records.named(ctx, u.To); err != nil && !errors.Is(err, errNoUser) {
			return out, err
		}
	}
	switch known, err := s.store.User(ctx, id); {
	case err == nil && to.ID != "" && to.ID != id:
		return directoryapi.ImportedUser{State: directoryapi.ImportRefused, Why: fmt.Sprintf("an earlier import has made %s of this user: leave it out of the map", known.Name)}, nil
	case err == nil:
		return is(known, directoryapi.ImportKnown), nil
	case !errors.Is(err, store.ErrNotFound):
		return out, err
	case to.ID != "":
		return is(to, directoryapi.ImportMapped), nil
	}
	if u.To == "" && u.Mail != "" {
		// Only addresses count that were confirmed here.
		same, err := s.store.AccountsByMail(ctx, mailKey(u.Mail), 2)
		if err != nil {
			return out, err
		}
		if len(same) == 1 {
			owner, err := s.store.User(ctx, same[0].User)
			if err == nil && !owner.Deleted() {
				return is(owner, directoryapi.ImportMapped), nil
			}
			if unlessMissing(err) != nil {
				return out, err
			}
		}
	}
	wanted := u.Name
	if u.To != "" {
		wanted = u.To
	}
	name, err := s.nameRules.freeName(ctx, wanted)
	if e, known := errors.AsType[*chat.Error](err); known {
		return directoryapi.ImportedUser{State: directoryapi.ImportRefused, Why: e.Message}, nil
	}
	made := store.User{ID: id, Name: name, NameKey: names.Key(name), Looks: names.LooksOf(name), Hash: hash, Created: time.Now().UnixMilli(), Disabled: u.Closed}
	if err != nil || in.Check {
		return is(made, directoryapi.ImportNew), err
	}
	act := store.Act{Action: actRegister, Subject: made.ID, SubjectName: made.Name, Detail: "import of " + in.Source}
	err = s.auditLog.audit(ctx, act, func(ctx context.Context) error { return s.accounts.createUser(ctx, made) })
	if err == nil && u.Trust && u.Mail != "" {
		err = s.store.PatchAccount(ctx, id, store.AccountPatch{Mail: new(u.Mail), MailKey: new(mailKey(u.Mail)), DigestDue: new(int64(unknownDigest))})
	}
	return is(made, directoryapi.ImportNew), err
}

// importedRoomID returns the id of a room of an export, or why there can be none.
func importedRoomID(source string, r *directoryapi.ImportRoom) (id, why string) {
	switch {
	case len(r.With) == 0:
		return directoryapi.ImportID(source, "room", r.Key), ""
	case len(r.With) != 2 || r.With[0] == r.With[1] || !chat.ValidID(r.With[0]) || !chat.ValidID(r.With[1]):
		return "", "a direct room has two people"
	}
	return chat.DirectRoom(r.With[0], r.With[1]), ""
}

// openImported says what a room of an export is here, or will be called.
func (s *imports) openImported(ctx context.Context, id string, in *directoryapi.ImportRoom) (*directoryapi.ImportedRoom, error) {
	r, err := s.store.Room(ctx, id)
	if err == nil {
		return &directoryapi.ImportedRoom{ID: id, Name: r.Name, State: directoryapi.ImportKnown}, nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	if len(in.With) > 0 {
		return &directoryapi.ImportedRoom{ID: id, State: directoryapi.ImportNew}, nil
	}
	name, _, err := s.nameRules.freeRoomName(ctx, in.Name, in.Private)
	if e, known := errors.AsType[*chat.Error](err); known {
		return &directoryapi.ImportedRoom{ID: id, State: directoryapi.ImportRefused, Why: e.Message}, nil
	}
	return &directoryapi.ImportedRoom{ID: id, Name: name, State: directoryapi.ImportNew}, err
}

// importMembers makes users members of a room that is not made yet, so that nobody sees it. It does
// not touch the memberships of a room that is there.
func (s *imports) importMembers(ctx context.Context, id string, in *directoryapi.Import) (added int, left []string, err error) {
	if len(in.Room.Members) > directoryapi.MaxImportMembers {
		return 0, nil, chat.E(chat.CodeBadRequest, fmt.Sprintf("at most %d members are imported at once", directoryapi.MaxImportMembers))
	}
	if _, err := s.store.Room(ctx, id); !errors.Is(err, store.ErrNotFound) || in.Check {
		return 0, nil, unlessMissing(err)
	}
	for _, m := range in.Room.Members {
		u, err := s.store.User(ctx, m.User)
		if errors.Is(err, store.ErrNotFound) || err == nil && u.Deleted() {
			continue
		} else if err != nil {
			return added, left, err
		}
		if !m.Role.Rank() {
			return added, left, chat.E(chat.CodeBadRequest, "role must be reader, member, moderator or owner")
		}
		if _, isIn, err := s.records.memberOf(ctx, id, u.ID); err != nil {
			return added, left, err
		} else if !isIn && len(in.Room.With) == 0 {
			if err := s.quotas.checkRoomCount(ctx, u.ID, 1); chat.CodeOf(err) == chat.CodeTooMany {
				left = append(left, u.Name)
				continue
			} else if err != nil {
				return added, left, err
			}
		}
		// No entry of the room's log begins this membership: what is older than it counts as read.
		err = s.store.PutMember(ctx, store.Member{Room: id, User: u.ID, Name: u.Name, Role: m.Role, Since: time.Now().UnixMilli()})
		if err != nil {
			return added, left, err
		}
		added++
	}
	return added, left, nil
}

// finishImported makes a room that has its members and messages, and tells users who are connected.
func (s *imports) finishImported(ctx context.Context, id string, in *directoryapi.Import) error {
	if in.Check {
		return nil
	}
	now := time.Now().UnixMilli()
	r := store.Room{ID: id, Topic: shortened(in.Room.Topic, maxTopic), Private: in.Room.Private, Created: min(in.Room.Created, now), Activity: store.Activity{Active: now}}
	if len(in.Room.With) > 0 {
		created := r.Created
		r = directRoom(id)
		r.Created = created
	}
	if in.Room.Archived {
		r.Archived = now
	}
	// Caches may know that there is no such room.
	seen := directoryapi.Change{Kind: directoryapi.ChangeRoom, Room: id}
	switch _, err := s.store.Room(ctx, id); {
	case err == nil:
		return s.changes.control(ctx, seen)
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	if !r.Direct {
		var err error
		if r.Name, r.Looks, err = s.nameRules.freeRoomName(ctx, in.Room.Name, r.Private); err != nil {
			return err
		}
	}
	return s.auditLog.audit(ctx, store.Act{Action: actRoomCreate, Room: id, Detail: r.Name + ", import of " + in.Source}, func(ctx context.Context) error {
		if err := s.store.CreateRoom(ctx, r); err != nil && !errors.Is(err, store.ErrConflict) {
			return err
		}
		if err := s.changes.control(ctx, seen); err != nil {
			return err
		}
		for _, m := range in.Room.Members {
			e := ownEvent(store.Intent{Room: id, User: m.User, Created: now}, directoryapi.ImportID(in.Source, "told", in.Room.Key, m.User), m.Role)
			if err := s.changes.event(ctx, e); err != nil {
				return err
			}
		}
		return nil
	})
}

// shortened returns the printable beginning of a text, on one line.
func shortened(text string, most int) string {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f || names.Hidden(string(r)) && r != 0xfe0f }), " ")
	text = strings.TrimSpace(chat.FirstCharacters(strings.ToValidUTF8(text, ""), most))
	if _, err := checkText("text", text, 0, most); err != nil {
		return ""
	}
	return text
}
