package history

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"
	_ "time/tzdata" // a container has none

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/mentions"
	"hubbub.internal/services/history/search"
	"hubbub.internal/services/history/store"
)

const (
	// completed is how many words a word that is still being typed may stand for: each costs a
	// search in every part of the index.
	completed = 20
	// ranked is how many messages are looked at for the best ones.
	ranked = 400
	// searchSteps is how often the store is asked for one answer at most.
	searchSteps = 8
)

var errSearchOff = chat.E(chat.CodeNotFound, "this server has its search switched off")

// searcher finds messages in the rooms that a user may read.
type searcher struct {
	on        bool // this server indexes messages
	store     store.Store
	directory *directoryapi.Client
	metrics   *metrics
	reads     *turns
	guard     *guard
	records   *records
}

// of answers historyapi.ServiceSearch when it is the user's turn: with a historyapi.Found in
// JSON.
func (s *searcher) of(ctx context.Context, req historyapi.SearchRequest) (json.RawMessage, error) {
	return inTurn(s.reads, func(r historyapi.SearchRequest) string { return r.User }, func(found json.RawMessage) int { return len(found) }, s.search)(ctx, req)
}

// search finds messages.
func (s *searcher) search(ctx context.Context, req historyapi.SearchRequest) (json.RawMessage, error) {
	began := time.Now()
	f, err := s.newFinder(ctx, &req)
	if err != nil {
		return nil, err
	}
	find := f.newest
	if req.Sort == historyapi.SortBest {
		find = f.best
	}
	if err := find(ctx); err != nil {
		return nil, err
	}
	state, err := s.store.Indexing(ctx)
	if err != nil {
		return nil, err
	}
	s.metrics.searches.Observe(time.Since(began).Seconds())
	s.metrics.found.Add(float64(len(f.out.Results)))
	f.out.Building = !state.Current()
	return json.Marshal(f.out)
}

// place is where an answer goes on, as a cursor has it.
type place struct {
	Of    string `json:"of"`          // the request
	After string `json:"a,omitempty"` // place in the store
	// Of the best ones: how many there were before, and the Seq of the newest of which they are.
	Before int    `json:"n,omitempty"`
	Top    uint64 `json:"t,omitempty"`
}

// result is a message that was found, as it is sent.
type result struct {
	Room       string          `json:"room"`
	Message    json.RawMessage `json:"message"`
	Highlights []search.Range  `json:"highlights"`
}

// finder finds the messages of an answer.
type finder struct {
	*searcher
	req   historyapi.SearchRequest
	query *search.Query
	ask   store.Search
	at    place
	size  int // of the results, in bytes
	rooms *readable
	out   struct {
		Results  []result `json:"results"`
		Next     string   `json:"next,omitempty"`
		Building bool     `json:"building,omitempty"`
	}
}

func (s *searcher) newFinder(ctx context.Context, req *historyapi.SearchRequest) (*finder, error) {
	if !s.on {
		return nil, errSearchOff
	}
	if !chat.ValidID(req.User) || req.Room != "" && (!chat.ValidID(req.Room) || chat.Reserved(req.Room)) {
		return nil, chat.E(chat.CodeBadRequest, "room is the id of a room")
	}
	if req.Limit = cmp.Or(req.Limit, historyapi.DefaultFound); req.Limit < 1 || req.Limit > historyapi.MaxFound {
		return nil, chat.E(chat.CodeBadRequest, fmt.Sprintf("limit is 1 to %d", historyapi.MaxFound))
	}
	if req.Sort = cmp.Or(req.Sort, historyapi.SortNew); req.Sort != historyapi.SortNew && req.Sort != historyapi.SortBest {
		return nil, chat.E(chat.CodeBadRequest, "sort is new or best")
	}
	zone, err := time.LoadLocation(req.Zone)
	if err != nil || req.Zone == "Local" || len(req.Zone) > 64 {
		return nil, chat.E(chat.CodeBadRequest, "tz is the name of a time zone, such as Asia/Kolkata")
	}
	f := &finder{searcher: s, req: *req, rooms: s.guard.rooms(s.records, req.User)}
	f.out.Results = []result{}
	now := time.Now()
	if f.query, err = search.Parse(req.Query, zone, now); err != nil {
		return nil, err
	}
	if f.at, err = resumeOf(req); err != nil {
		return nil, err
	}
	words := make(map[string][]string)
	for _, prefix := range f.query.Prefixes() {
		if words[prefix], err = s.store.Completions(ctx, prefix, completed); err != nil {
			return nil, err
		}
	}
	f.ask.All, f.ask.None = f.query.Terms(words, now)
	f.ask.After = f.at.After
	return f, f.resolve(ctx)
}

// resumeOf returns where a request goes on.
func resumeOf(req *historyapi.SearchRequest) (at place, err error) {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %q", req.User, req.Query, req.Room, req.Sort, req.Zone))
	of := base64.RawURLEncoding.EncodeToString(sum[:12])
	if req.Cursor == "" {
		return place{Of: of}, nil
	}
	data, err := base64.RawURLEncoding.DecodeString(req.Cursor)
	if err == nil {
		err = json.Unmarshal(data, &at)
	}
	if err != nil || at.Of != of || at.Before < 0 || at.Before > ranked {
		return at, chat.E(chat.CodeBadRequest, "cursor is the next of the answer before, to the same search")
	}
	return at, nil
}

// next is the cursor of the answer that follows.
func (f *finder) next(at place) {
	at.Of = f.at.Of
	data, _ := json.Marshal(at) // it always has a form
	f.out.Next = base64.RawURLEncoding.EncodeToString(data)
}

// resolve finds out whom and which rooms the query means.
func (f *finder) resolve(ctx context.Context) error {
	rooms := f.query.In
	known, err := f.lookUp(ctx, slices.Concat(f.query.From, f.query.NotFrom), rooms)
	if err != nil {
		return err
	}
	terms := func(names []string) (all []string, err error) {
		for _, name := range names {
			if known.Users[name] == "" {
				return nil, chat.E(chat.CodeBadRequest, fmt.Sprintf("nobody here is called %q", name))
			}
			all = append(all, store.FromTerm(known.Users[name]))
		}
		return all, nil
	}
	from, err := terms(f.query.From)
	if err != nil {
		return err
	}
	if len(from) > 0 {
		f.ask.All = append(f.ask.All, from)
	}
	not, err := terms(f.query.NotFrom)
	if err != nil {
		return err
	}
	f.ask.None = append(f.ask.None, not...)
	for _, name := range rooms {
		if len(known.Rooms[name]) == 0 {
			return chat.E(chat.CodeBadRequest, fmt.Sprintf("there is no room called %q", name))
		}
		f.ask.Rooms = append(f.ask.Rooms, known.Rooms[name]...)
	}
	if f.req.Room != "" {
		if len(rooms) > 0 && !slices.Contains(f.ask.Rooms, f.req.Room) {
			return chat.E(chat.CodeBadRequest, "in: names another room than the one that is searched")
		}
		f.ask.Rooms = []string{f.req.Room}
	}
	for _, room := range f.ask.Rooms {
		if err := f.guard.mayRead(ctx, f.req.User, room); err != nil {
			return err
		}
	}
	if len(f.ask.Rooms) > 0 {
		return nil
	}
	mine, err := f.directory.Memberships(ctx, f.req.User)
	for _, m := range mine.Rooms[:min(len(mine.Rooms), store.MaxInbox)] {
		f.ask.Rooms = append(f.ask.Rooms, m.Room)
	}
	return err
}

func (f *finder) lookUp(ctx context.Context, users, rooms []string) (known directoryapi.Lookup, err error) {
	if len(users)+len(rooms) == 0 {
		return known, nil
	}
	return f.directory.Lookup(ctx, directoryapi.LookupRequest{User: f.req.User, Users: users, Rooms: rooms})
}

// newest adds results, the newest first.
func (f *finder) newest(ctx context.Context) error {
	f.ask.Limit = f.req.Limit + 1
	for range searchSteps {
		found, err := f.store.Search(ctx, f.ask)
		if err != nil {
			return err
		}
		hits, err := f.hits(ctx, found)
		if err != nil {
			return err
		}
		for _, h := range hits {
			if len(f.out.Results) == f.req.Limit {
				f.next(place{After: f.ask.After})
				return nil
			}
			if full, err := f.add(ctx, h); err != nil || full {
				f.next(place{After: f.ask.After})
				return err
			}
			f.ask.After = h.place
		}
		if f.ask.After = found.Next; found.Next == "" {
			return nil
		}
	}
	f.next(place{After: f.ask.After}) // it goes on with what was not looked at
	return nil
}

// best adds the results that match best, of the newest.
func (f *finder) best(ctx context.Context) error {
	var all []found
	f.ask.After, f.ask.Limit = "", ranked/2
	for range searchSteps {
		some, err := f.store.Search(ctx, f.ask)
		if err != nil {
			return err
		}
		hits, err := f.hits(ctx, some)
		if err != nil {
			return err
		}
		// What came since the first answer is not of this search.
		all = append(all, slices.DeleteFunc(hits, func(h found) bool { return f.at.Top > 0 && h.entry.Seq > f.at.Top })...)
		if f.ask.After = some.Next; some.Next == "" || len(all) >= ranked {
			break
		}
	}
	if len(all) == 0 {
		return nil
	}
	all = all[:min(len(all), ranked)]
	top := cmp.Or(f.at.Top, all[0].entry.Seq)
	slices.SortStableFunc(all, func(a, b found) int { return cmp.Compare(b.score, a.score) })
	for i := f.at.Before; i < len(all); i++ {
		if len(f.out.Results) == f.req.Limit {
			f.next(place{Before: i, Top: top})
			return nil
		}
		if full, err := f.add(ctx, all[i]); err != nil || full {
			f.next(place{Before: i, Top: top})
			return err
		}
	}
	return nil
}

// found is a message that matches as it is stored.
type found struct {
	entry store.Entry
	place string
	score float64
}

// hits returns which of the messages that the index has found match, and are in rooms that the user
// may read.
func (f *finder) hits(ctx context.Context, some store.Found) (hits []found, err error) {
	byRoom := make(map[string][]int)
	for i, e := range some.Entries {
		byRoom[e.Room] = append(byRoom[e.Room], i)
	}
	scores := make(map[int]float64, len(some.Entries))
	for room, places := range byRoom {
		may, err := f.rooms.may(ctx, room)
		if err != nil {
			return nil, err
		}
		if !may {
			continue
		}
		entries := make([]store.Entry, len(places))
		for i, at := range places {
			entries[i] = some.Entries[at]
		}
		now, err := f.records.present(ctx, room, entries)
		if err != nil {
			return nil, err
		}
		for i, at := range places {
			if some.Entries[at].Seq < f.records.jobs.floor(room) {
				continue
			}
			if _, score, ok := f.match(now[i].Message); ok {
				scores[at] = score
			}
		}
	}
	for i, e := range some.Entries {
		if score, ok := scores[i]; ok {
			hits = append(hits, found{e, some.Places[i], score})
		}
	}
	return hits, nil
}

func (f *finder) match(m chat.Message) ([]search.Range, float64, bool) {
	if m.Deleted {
		return nil, 0, false
	}
	return f.query.Match(search.Message{Text: m.Text, TS: m.TS, Link: mentions.HasLink(m.Text), Pinned: m.Pinned, Thread: m.Thread != (chat.Thread{})})
}

// add adds a message to the answer as pages show it: with what was done to it that is not stored
// yet, if it matches then. It returns true where there is no room for it.
func (f *finder) add(ctx context.Context, h found) (full bool, err error) {
	r, err := f.rooms.record(ctx, h.entry.Room)
	if err != nil {
		return false, err
	}
	all, err := r.messages(ctx, []store.Entry{h.entry})
	if err != nil {
		return false, err
	}
	m, err := all[0].message()
	if err != nil {
		return false, fmt.Errorf("room %s: %w", h.entry.Room, err)
	}
	ranges, _, ok := f.match(m)
	if !ok {
		return false, nil
	}
	if ranges == nil {
		ranges = []search.Range{}
	}
	if f.size += len(all[0].json) + 16*len(ranges) + overhead; f.size > store.PageBytes && len(f.out.Results) > 0 {
		return true, nil
	}
	f.out.Results = append(f.out.Results, result{h.entry.Room, all[0].json, ranges})
	return false, nil
}
