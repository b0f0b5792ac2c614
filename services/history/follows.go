package history

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// follows keeps who follows which threads, and what is new to them there.
type follows struct {
	store     store.Store
	cache     *directoryapi.Cache
	directory *directoryapi.Client
	records   *records
	news      *announcer
}

// begin has who is in a thread follow it, by the answers that were stored: who answers, who
// has read what was before, and who sent the root, to whom every answer is new.
func (fs *follows) begin(ctx context.Context, entries []store.Entry) error {
	var all []store.Follow
	for _, e := range entries {
		if e.Type != chat.TypeMsg || e.Thread == (store.Name{}) {
			continue
		}
		event, err := chat.DecodeEntry(e.Data, e.Seq, 0)
		if err != nil {
			continue // it has no time, and nobody reads it
		}
		f := store.Follow{Room: e.Room, Author: e.Thread.Sender, ID: e.Thread.ID, Touched: event.TS}
		f.User, f.Read = e.Sender, e.Seq
		all = append(all, f)
		if e.Thread.Sender != e.Sender {
			f.User, f.Read = e.Thread.Sender, 0
			all = append(all, f)
		}
	}
	return fs.store.BeginFollows(ctx, all)
}

// mentioned has users who are mentioned by name in an answer follow its thread, of which that
// and what follows is new to them.
func (fs *follows) mentioned(ctx context.Context, u *unresolved, users []string) error {
	if u.thread == (chat.Thread{}) || u.gone || len(users) == 0 {
		return nil
	}
	roots, err := fs.store.RootsOf(ctx, u.Room, []store.Name{u.Name()})
	if err != nil {
		return err
	}
	root, ok := roots[u.Name()]
	if !ok {
		return nil
	}
	var all []store.Follow
	for _, user := range users {
		if user == u.Sender {
			continue
		}
		// Of a thread that is followed, what is unread stays so.
		if _, known, err := fs.store.FollowOf(ctx, user, u.Room, root); err != nil || known {
			if err != nil {
				return err
			}
			continue
		}
		all = append(all, store.Follow{User: user, Room: u.Room, Author: root.Sender, ID: root.ID, Read: u.seq - 1, Touched: nowMillis()})
	}
	return fs.store.BeginFollows(ctx, all)
}

// unread returns the threads with something new that a user follows, the one with the last
// answer first, for an inbox, and whether there are more.
func (fs *follows) unread(ctx context.Context, user string, mine directoryapi.Memberships) ([]chat.InboxThread, bool, error) {
	all, err := fs.followed(ctx, user, mine.Rooms)
	if err != nil {
		return nil, false, err
	}
	var news []chat.InboxThread
	for _, f := range all {
		if !behindIn(f) {
			break // nor is any that follows
		}
		thread, err := fs.inboxThread(ctx, f, mine.Hidden)
		if err != nil {
			return nil, false, err
		}
		if thread.Unread == 0 {
			continue
		}
		if len(news) == historyapi.MaxInboxThreads {
			return news, true, nil
		}
		news = append(news, thread)
	}
	return news, false, nil
}

// followed returns the threads that a user follows in rooms that the user is in: those that may
// have something new first, and of both the one with the last answer first.
func (fs *follows) followed(ctx context.Context, user string, rooms []directoryapi.Membership) ([]store.Followed, error) {
	all, err := fs.store.Followed(ctx, user, historyapi.MaxFollows)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(f store.Followed) bool {
		_, in := slices.BinarySearchFunc(rooms, f.Room, func(m directoryapi.Membership, room string) int { return strings.Compare(m.Room, room) })
		return !in
	})
	slices.SortFunc(all, func(a, b store.Followed) int { return listPlace(a).compare(listPlace(b)) })
	return all, nil
}

// behindIn reports whether a thread has answers after what the user has read of it.
func behindIn(f store.Followed) bool { return f.Read < f.Replies.Last }

// threadPlace is where a thread stands in the list of those that a user follows.
type threadPlace struct {
	read             bool // nothing is new
	ts               int64
	room, author, id string
}

func listPlace(f store.Followed) threadPlace {
	return threadPlace{!behindIn(f), f.Replies.TS, f.Room, f.Author, f.ID}
}

func (p threadPlace) compare(q threadPlace) int {
	before := func(read bool) int {
		if read {
			return 1
		}
		return 0
	}
	return cmp.Or(before(p.read)-before(q.read), cmp.Compare(q.ts, p.ts), cmp.Compare(p.room, q.room), cmp.Compare(p.author, q.author), cmp.Compare(p.id, q.id))
}

// String returns the place as a cursor; ids have no ~.
func (p threadPlace) String() string {
	return fmt.Sprintf("%t~%d~%s~%s~%s", p.read, p.ts, p.room, p.author, p.id)
}

func parsePlace(cursor string) (p threadPlace, ok bool) {
	parts := strings.Split(cursor, "~")
	if len(parts) != 5 || parts[0] != "true" && parts[0] != "false" {
		return p, false
	}
	ts, err := strconv.ParseInt(parts[1], 10, 64)
	p = threadPlace{parts[0] == "true", ts, parts[2], parts[3], parts[4]}
	return p, err == nil && chat.ValidID(p.room) && chat.ValidID(p.author) && chat.ValidID(p.id)
}

func (fs *follows) inboxThread(ctx context.Context, f store.Followed, hidden []string) (chat.InboxThread, error) {
	thread := chat.InboxThread{Room: f.Room, Author: f.Author, ID: f.ID, Read: f.Read, Last: f.Replies.Last, TS: f.Replies.TS}
	if !behindIn(f) {
		return thread, nil
	}
	unread, first, err := fs.store.UnreadAnswers(ctx, f.User, hidden, f.Room, f.Root(), f.Read)
	thread.Unread, thread.More, thread.FirstUnread = min(unread, chat.MaxUnread), unread > chat.MaxUnread, first
	return thread, err
}

// page makes a page of the threads that a user follows.
func (fs *follows) page(ctx context.Context, req historyapi.FollowedRequest) (out historyapi.Followed, err error) {
	after, ok := parsePlace(req.Cursor)
	switch {
	case req.Cursor != "" && !ok:
		return out, chat.E(chat.CodeBadRequest, "cursor is the next of the answer before; leave it out to begin")
	case req.Limit < 0 || req.Limit > historyapi.MaxThreads:
		return out, chat.E(chat.CodeBadRequest, fmt.Sprintf("limit is 1 to %d", historyapi.MaxThreads))
	}
	limit := cmp.Or(req.Limit, historyapi.DefaultThreads)
	mine, err := fs.directory.Memberships(ctx, req.User)
	if err != nil {
		return out, err
	}
	all, err := fs.followed(ctx, req.User, mine.Rooms)
	if err != nil {
		return out, err
	}
	if req.Cursor != "" {
		all = slices.DeleteFunc(all, func(f store.Followed) bool { return listPlace(f).compare(after) <= 0 })
	}
	out.Threads = []historyapi.FollowedThread{}
	var found []ends
	for _, f := range all {
		if req.Unread && !behindIn(f) {
			break
		}
		thread := historyapi.FollowedThread{Replies: *f.Replies.Visible()}
		if thread.InboxThread, err = fs.inboxThread(ctx, f, mine.Hidden); err != nil {
			return out, err
		}
		if req.Unread && thread.Unread == 0 {
			continue
		}
		if len(out.Threads) == limit {
			last := out.Threads[limit-1]
			out.Next = threadPlace{last.Read >= last.Last, last.TS, last.Room, last.Author, last.ID}.String()
			break
		}
		e, err := fs.endsOf(ctx, f)
		if err != nil {
			return out, err
		}
		out.Threads, found = append(out.Threads, thread), append(found, e)
	}
	return out, fs.addEnds(ctx, out.Threads, found)
}

// ends are the root of a thread and its last answer, as far as they are there.
type ends struct{ root, latest *store.Entry }

func (fs *follows) endsOf(ctx context.Context, f store.Followed) (e ends, err error) {
	root, ok, err := fs.store.Find(ctx, f.Room, f.Author, f.ID)
	if err != nil {
		return e, err
	}
	if ok && root.Type == chat.TypeMsg {
		e.root = &root
	}
	at, err := fs.store.At(ctx, f.Room, f.Replies.Last)
	for i := range at {
		if at[i].Type == chat.TypeMsg {
			e.latest = &at[i]
		}
	}
	return e, err
}

// addEnds adds to threads what was said at their ends.
func (fs *follows) addEnds(ctx context.Context, threads []historyapi.FollowedThread, all []ends) error {
	var entries []*store.Entry
	for _, e := range all {
		for _, one := range []*store.Entry{e.root, e.latest} {
			if one != nil {
				entries = append(entries, one)
			}
		}
	}
	fs.cache.Unnamed(ctx, len(entries), func(i int) (string, []byte) { return entries[i].Sender, entries[i].Data },
		func(i int, data []byte) { entries[i].Data = data })
	var err error
	for i, e := range all {
		if threads[i].Root, err = fs.records.latest(ctx, e.root); err != nil {
			return err
		}
		if threads[i].Latest, err = fs.records.latest(ctx, e.latest); err != nil {
			return err
		}
	}
	return nil
}

// put says that a user follows a thread, or does not any more, and tells the user's devices. The
// caller has checked that the user may read the room.
func (fs *follows) put(ctx context.Context, user, room string, name store.Name, following bool) error {
	root, last, err := fs.named(ctx, room, name)
	if err != nil {
		return err
	}
	f := store.Follow{User: user, Room: room, Author: root.Sender, ID: root.ID, Following: following, Touched: nowMillis(), Read: last}
	if err := fs.store.PutFollow(ctx, f); err != nil {
		return err
	}
	return fs.news.tellChanged(ctx, user, chat.ListThreads)
}

// named returns the root of the thread that a message is the root of, or is in, and the Seq
// of the last answer; 0: there is none. Where there is neither a root nor an answer, there is no
// thread.
func (fs *follows) named(ctx context.Context, room string, name store.Name) (root store.Name, last uint64, err error) {
	if !chat.ValidID(room) || chat.Reserved(room) || !chat.ValidID(name.Sender) || !chat.ValidID(name.ID) {
		return root, 0, chat.E(chat.CodeBadRequest, "a thread is named by its room, and the author and the id of its root")
	}
	r, err := fs.records.of(ctx, room)
	if err != nil {
		return root, 0, err
	}
	if root, err = r.rootOf(ctx, name); err != nil {
		return root, 0, err
	}
	answers, err := r.newestAnswer(ctx, root)
	if err != nil {
		return root, 0, err
	}
	if len(answers) > 0 {
		return root, answers[0].Seq, nil
	}
	e, ok, err := r.find(ctx, root.Sender, root.ID)
	if err == nil && (!ok || e.Type != chat.TypeMsg) {
		err = chat.E(chat.CodeNotFound, "there is no such message in that room, and nobody has answered it")
	}
	return root, 0, err
}

// newestAnswer returns the last answer in a thread, stored or not.
func (r *record) newestAnswer(ctx context.Context, root store.Name) ([]store.Entry, error) {
	for _, e := range slices.Backward(r.tail) {
		if e.Type == chat.TypeMsg && e.Thread == root {
			return []store.Entry{e}, nil
		}
	}
	return r.store.NewestAnswers(ctx, r.room, root, everything, 1)
}

// read moves a user's position in a thread on to a Seq, or to its end, and tells the user's
// devices. Of a thread that the user does not follow there is none.
func (fs *follows) read(ctx context.Context, user, room string, name store.Name, seq uint64) error {
	if seq > bus.MaxSeq {
		return chat.E(chat.CodeBadRequest, "a seq is below 2^53")
	}
	root, last, err := fs.named(ctx, room, name)
	if err != nil {
		return err
	}
	moved, err := fs.store.ReadThread(ctx, user, room, root, cmp.Or(seq, last), nowMillis())
	if err != nil || !moved {
		return err
	}
	return fs.news.tellChanged(ctx, user, chat.ListThreads)
}

// of returns whether a user follows a thread, and how far it is read.
func (fs *follows) of(ctx context.Context, user, room string, name store.Name) (historyapi.FollowState, error) {
	root, _, err := fs.named(ctx, room, name)
	if err != nil {
		return historyapi.FollowState{}, err
	}
	f, _, err := fs.store.FollowOf(ctx, user, room, root)
	return followState(f), err
}

func followState(f store.Follow) historyapi.FollowState {
	return historyapi.FollowState{Room: f.Room, Author: f.Author, ID: f.ID, Following: f.Following, Read: f.Read}
}

// all returns what is kept of a user and threads.
func (fs *follows) all(ctx context.Context, user string) (historyapi.Follows, error) {
	out := historyapi.Follows{Threads: []historyapi.FollowState{}}
	all, err := fs.store.Follows(ctx, user, historyapi.MaxFollows)
	for _, f := range all {
		out.Threads = append(out.Threads, followState(f))
	}
	return out, err
}
