package history

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/mentions"
	"hubbub.internal/services/history/store"
)

const (
	// sender is whose entries those of this service are in the logs.
	sender = "history"
	// resolveEvery is how often what another process left unresolved is looked for.
	resolveEvery = 2 * time.Second
	// resolveAtOnce is how many messages are resolved at a time, and maxOnline how many who are
	// online one of them mentions.
	resolveAtOnce = directoryapi.MaxMentions
	maxOnline     = presence.MaxLimit
)

func nowMillis() int64 { return time.Now().UnixMilli() }

// toNote returns the messages that entries are, or edit or delete, and that may mention somebody.
func toNote(entries []store.Entry) (noted []store.Unresolved) {
	for _, e := range entries {
		switch {
		case e.Type == chat.TypeMsg && mentions.May(e.Data):
			noted = append(noted, store.Unresolved{Room: e.Room, Sender: e.Sender, ID: e.ID, Seq: e.Seq})
		case (e.Type == chat.TypeEdited || e.Type == chat.TypeDeleted) && e.Author != "":
			noted = append(noted, store.Unresolved{Room: e.Room, Sender: e.Author, ID: e.Target, Seq: e.Seq})
		}
	}
	return noted
}

// roomsToNote returns the rooms of messages that are to be noted, and of entries with which
// somebody may begin to be a member, or to follow a thread.
func roomsToNote(noted []store.Unresolved, entries []store.Entry) (rooms []string) {
	for _, u := range noted {
		rooms = append(rooms, u.Room)
	}
	for _, e := range entries {
		if e.Type == chat.TypeMember || e.Thread != (store.Name{}) {
			rooms = append(rooms, e.Room)
		}
	}
	return rooms
}

// resolver finds out whom messages mention, and tells those.
type resolver struct {
	store     store.Store
	log       *zap.Logger
	directory *directoryapi.Client
	presence  *presence.Client
	noting    *noting
	records   *records
	follows   *follows
	news      *announcer
}

// note notes messages that are stored now. Whom they mention is found out beside: the
// record does not wait for the directory.
func (v *resolver) note(ctx context.Context, noted []store.Unresolved) error {
	if len(noted) == 0 {
		return nil
	}
	if err := v.store.PutUnresolved(ctx, noted); err != nil {
		return err
	}
	select {
	case v.noting.wake <- struct{}{}:
	default:
	}
	return nil
}

// run resolves mentions until ctx ends. What fails is tried again.
func (v *resolver) run(ctx context.Context) {
	for {
		more, err := v.resolveSome(ctx)
		if err != nil && ctx.Err() == nil {
			v.log.Warn("could not resolve mentions; trying again", zap.Error(err))
		}
		if more && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-v.noting.wake:
		case <-time.After(resolveEvery):
		}
	}
}

// unresolved is a message with the entries since which it is not known whom it mentions.
type unresolved struct {
	store.Unresolved
	since []store.Unresolved

	seq  uint64 // of the message; 0: there is none
	name string // of the sender
	// thread that it is in, and whether only that shows it
	thread       chat.Thread
	onlyInThread bool
	text         mentions.Text
	gone         bool
	imported     *chat.Imported // says whom it mentions, as long as nobody has edited it
}

// resolveSome resolves some of what is unresolved, and reports whether there may be more.
func (v *resolver) resolveSome(ctx context.Context) (bool, error) {
	noted, err := v.store.Unresolved(ctx, resolveAtOnce)
	if err != nil || len(noted) == 0 {
		return false, err
	}
	var all []*unresolved
	byName := map[message]*unresolved{}
	for _, n := range noted {
		m := message{n.Room, n.Name()}
		u := byName[m]
		if u == nil {
			u = &unresolved{Unresolved: n}
			byName[m] = u
			all = append(all, u)
		}
		u.since = append(u.since, n)
	}
	for _, u := range all {
		if err := v.readText(ctx, u); err != nil {
			return false, err
		}
	}
	found, err := v.lookUp(ctx, all)
	if err != nil {
		return false, err
	}
	for i, u := range all {
		if err := v.resolve(ctx, u, found[i]); err != nil {
			return false, err
		}
		v.noting.resolve(1)
	}
	return len(noted) == resolveAtOnce, nil
}

// readText reads what a message says now.
func (v *resolver) readText(ctx context.Context, u *unresolved) error {
	e, ok, err := v.store.Find(ctx, u.Room, u.Sender, u.ID)
	if err != nil || !ok || e.Type != chat.TypeMsg {
		return err
	}
	event, err := chat.DecodeEntry(e.Data, e.Seq, 0)
	if err != nil {
		return fmt.Errorf("message %d of room %s: %w", e.Seq, e.Room, err)
	}
	now, err := v.records.present(ctx, u.Room, []store.Entry{e})
	if err != nil {
		return err
	}
	text, gone := now[0].Text, now[0].Deleted
	u.seq, u.name, u.text, u.gone = e.Seq, event.Name, mentions.Read(text), gone
	u.thread, u.onlyInThread = event.Thread, event.OnlyInThread()
	if event.Imported != nil && text == event.Text && !gone {
		u.imported, u.text = event.Imported, mentions.Text{}
	}
	return nil
}

// lookUp asks the directory whom the names in messages mean.
func (v *resolver) lookUp(ctx context.Context, all []*unresolved) ([]directoryapi.Mentioned, error) {
	out := make([]directoryapi.Mentioned, len(all))
	var asked []int
	var texts []directoryapi.MentionText
	names := 0
	ask := func() error {
		if len(texts) == 0 {
			return nil
		}
		reply, err := v.directory.Mentions(ctx, texts)
		if err != nil {
			return err
		}
		if len(reply.Texts) != len(texts) {
			return fmt.Errorf("the directory answers for %d messages of %d", len(reply.Texts), len(texts))
		}
		for i, at := range asked {
			out[at] = reply.Texts[i]
		}
		asked, texts, names = nil, nil, 0
		return nil
	}
	for i, u := range all {
		t := directoryapi.MentionText{Room: u.Room, Sender: u.Sender, Names: u.text.Names()}
		plain := u.text.Resolve(func(string) (string, bool) { return "", false })
		if t.All = plain.Room || plain.Here; len(t.Names) == 0 && !t.All {
			continue
		}
		if names+len(t.Names) > directoryapi.MaxMentionNames || len(texts) == directoryapi.MaxMentions {
			if err := ask(); err != nil {
				return nil, err
			}
		}
		asked, texts, names = append(asked, i), append(texts, t), names+len(t.Names)
	}
	return out, ask()
}

// resolve keeps whom a message mentions, and tells those whom it did not mention before, or does
// not any more.
func (v *resolver) resolve(ctx context.Context, u *unresolved, known directoryapi.Mentioned) error {
	now := store.Mentions{Room: u.Room, Seq: u.seq, Sender: u.Sender, OnlyInThread: u.onlyInThread}
	before := now
	if u.seq > 0 {
		var err error
		if before, err = v.store.MentionsOf(ctx, u.Room, u.seq, u.Sender); err != nil {
			return err
		}
	}
	if u.imported != nil { // it was said long ago: it is shown, and nobody is told
		now.Visible = u.imported.Mentions
		return v.store.PutMentions(ctx, now, u.since)
	}
	found := u.text.Resolve(func(name string) (string, bool) {
		user, ok := known.Users[name]
		return user, ok
	})
	now.Visible, now.Names = found.Users, found.Names
	for _, user := range found.Users {
		if user != u.Sender {
			now.Users = append(now.Users, user)
		}
	}
	if found.Room && known.All {
		now.All, now.Visible = true, append(now.Visible, chat.MentionsRoom)
	}
	if found.Here && known.All && !now.All {
		online, err := v.online(ctx, u, before)
		if err != nil {
			return err
		}
		now.Visible = append(now.Visible, chat.MentionsHere)
		for _, user := range online {
			if user != u.Sender && !slices.Contains(now.Users, user) {
				now.Users = append(now.Users, user)
			}
		}
	}
	if now.All {
		now.Users = nil // nobody is mentioned twice
	}
	if err := v.follows.mentioned(ctx, u, found.Users); err != nil {
		return err
	}
	if err := v.tell(ctx, u, before, now, known.Asked); err != nil {
		return err
	}
	return v.store.PutMentions(ctx, now, u.since)
}

// online returns who @here means in a message: who was online when the record took it in. Without
// presence that is nobody.
func (v *resolver) online(ctx context.Context, u *unresolved, before store.Mentions) ([]string, error) {
	if slices.Contains(before.Visible, chat.MentionsHere) {
		return before.Users, nil
	}
	who, err := v.presence.Who(ctx, presence.WhoRequest{Room: u.Room, Limit: maxOnline, After: presence.FromStart})
	if err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		v.log.Warn("@here mentions nobody: presence does not answer", zap.String("room", u.Room), zap.Error(err))
		return nil, nil
	}
	var online []string
	for _, p := range who.Users {
		online = append(online, p.User)
	}
	return online, nil
}

// tell tells users, each in the user's own room, and all members in the room itself, that a
// message mentions them, or does not any more; but not those who are asked to come in. Of a message
// that is deleted the room is told already.
func (v *resolver) tell(ctx context.Context, u *unresolved, before, now store.Mentions, asked []string) error {
	tell := func(room string, on bool) error {
		sum := sha256.Sum256(fmt.Appendf(nil, "%s,%s,%s,%s,%d,%v", room, u.Room, u.Sender, u.ID, u.since[len(u.since)-1].Seq, on))
		e := chat.Event{
			Type: chat.TypeMentioned, Room: room, ID: "m-" + base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:])[:26],
			User: u.Sender, Name: u.name, TS: nowMillis(), At: u.seq, On: on, Thread: u.thread,
		}
		if room != u.Room {
			e.Target = u.Room
		}
		return v.news.append(ctx, e)
	}
	if u.gone || u.seq == 0 {
		return nil
	}
	if now.All != before.All {
		if err := tell(u.Room, now.All); err != nil {
			return err
		}
	}
	for _, user := range now.Users {
		if !slices.Contains(before.Users, user) && !slices.Contains(asked, user) {
			if err := tell(chat.UserRoom(user), true); err != nil {
				return err
			}
		}
	}
	for _, user := range before.Users {
		if !slices.Contains(now.Users, user) {
			if err := tell(chat.UserRoom(user), false); err != nil {
				return err
			}
		}
	}
	return nil
}
