// Package listeners knows who can be reached while away, and who wants notices of more than
// mentions: of everything in some rooms, or of messages that contain certain words. It follows the
// directory, which alone knows who has a device, and asks it for everybody now and then.
//
// It knows no message and sends nothing.
package listeners

import (
	"context"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/attention"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/tokens"
)

const (
	// reloadEvery is how often it asks for everybody again, since the bus may have lost changes.
	reloadEvery = 5 * time.Minute
	// retryEvery is the pause when the directory does not answer, and sayEvery how often the log
	// says so.
	retryEvery = time.Second
	sayEvery   = 30 * time.Second
	// maxChanged bounds the changes that wait for a request; if there are more, it asks for
	// everybody.
	maxChanged = 1000
	askTimeout = 10 * time.Second
)

// Directory is the part of the directory that Listeners uses.
type Directory interface {
	Reachable(ctx context.Context, r directoryapi.ReachableRequest) (directoryapi.Reachable, error)
}

// Listeners holds everybody who can be reached. Its methods are safe for concurrent use.
type Listeners struct {
	live      bus.Live
	directory Directory
	log       *zap.Logger
	changed   chan string
	lost      chan struct{}

	mu     sync.RWMutex
	people map[string]*listener
	rooms  map[string][]string // by room: who wants everything in it
	words  map[string][]phrase // by key: see phrase.key
	loaded bool
}

// listener is a user who can be reached.
type listener struct {
	everything bool // in rooms without a choice of their own
	choices    attention.Choices
	rooms      []string
	words      []phrase
}

// New returns Listeners that are empty until Run.
func New(live bus.Live, directory Directory, log *zap.Logger) *Listeners {
	return &Listeners{
		live: live, directory: directory, log: log, changed: make(chan string, maxChanged), lost: make(chan struct{}, 1),
		people: make(map[string]*listener), rooms: make(map[string][]string), words: make(map[string][]phrase),
	}
}

// Loaded reports whether the directory has answered once with everybody.
func (a *Listeners) Loaded() bool {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.loaded
}

// Run follows the directory until ctx ends, and returns nil.
func (a *Listeners) Run(ctx context.Context) error {
	var sub bus.Subscription
	defer func() {
		if sub != nil {
			sub.Stop()
		}
	}()
	tick := time.NewTicker(retryEvery)
	defer tick.Stop()
	var last, logged time.Time
	say := func(what string, err error) {
		if ctx.Err() != nil || time.Since(logged) < sayEvery {
			return
		}
		log := a.log.Warn
		if logged.IsZero() && !a.Loaded() {
			log = a.log.Info // the directory may have just started, too
		}
		log(what, zap.Error(err))
		logged = time.Now()
	}
	for ctx.Err() == nil {
		if sub == nil {
			var err error
			if sub, err = a.live.Subscribe(ctx, directoryapi.ReachChannel, a.hear); err != nil {
				say("cannot follow who is reached and how yet; trying again", err)
			}
		}
		if sub != nil && time.Since(last) >= reloadEvery {
			if err := a.load(ctx); err != nil {
				say("the directory did not answer who has devices, so nobody gets notices; trying again", err)
			} else {
				last, logged = time.Now(), time.Time{}
			}
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-a.lost:
			last = time.Time{}
		case user := <-a.changed:
			if err := a.look(ctx, user); err != nil {
				last = time.Time{}
			}
		}
	}
	return nil
}

// hear handles the news that a user's devices or choices have changed.
func (a *Listeners) hear(data []byte) {
	user := string(data)
	if !chat.ValidID(user) {
		return
	}
	select {
	case a.changed <- user:
	default:
		select {
		case a.lost <- struct{}{}:
		default:
		}
	}
}

// load asks the directory for everybody.
func (a *Listeners) load(ctx context.Context) error {
	seen := map[string]bool{}
	for after := ""; ; {
		page, err := a.ask(ctx, directoryapi.ReachableRequest{After: after})
		if err != nil {
			return err
		}
		for _, l := range page.People {
			seen[l.User] = true
			a.put(l)
		}
		if after = page.Next; after == "" {
			break
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for user := range a.people {
		if !seen[user] {
			a.drop(user)
		}
	}
	a.loaded = true
	return nil
}

// look asks the directory for one user.
func (a *Listeners) look(ctx context.Context, user string) error {
	page, err := a.ask(ctx, directoryapi.ReachableRequest{User: user})
	if err != nil {
		return err
	}
	if len(page.People) == 0 {
		a.mu.Lock()
		a.drop(user)
		a.mu.Unlock()
		return nil
	}
	a.put(page.People[0])
	return nil
}

func (a *Listeners) ask(ctx context.Context, r directoryapi.ReachableRequest) (directoryapi.Reachable, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return a.directory.Reachable(ctx, r)
}

// put adds or replaces a user.
func (a *Listeners) put(d directoryapi.Listener) {
	l := &listener{everything: d.Choices.Level == attention.Everything, choices: d.Choices}
	for _, w := range d.Choices.Words {
		if p, ok := phraseOf(d.User, w); ok {
			l.words = append(l.words, p)
		}
	}
	for _, room := range d.Rooms {
		if d.Choices.In(room) == attention.Everything {
			l.rooms = append(l.rooms, room)
		}
	}
	for room, level := range d.Choices.Rooms {
		if level == attention.Everything && !slices.Contains(l.rooms, room) {
			l.rooms = append(l.rooms, room)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.drop(d.User)
	a.people[d.User] = l
	for _, room := range l.rooms {
		a.rooms[room] = append(a.rooms[room], d.User)
	}
	for _, p := range l.words {
		a.words[p.key()] = append(a.words[p.key()], p)
	}
}

// drop forgets a user. The caller holds mu.
func (a *Listeners) drop(user string) {
	l := a.people[user]
	if l == nil {
		return
	}
	delete(a.people, user)
	for _, room := range l.rooms {
		a.leave(user, room)
	}
	for _, p := range l.words {
		left := slices.DeleteFunc(a.words[p.key()], func(p phrase) bool { return p.user == user })
		if a.words[p.key()] = left; len(left) == 0 {
			delete(a.words, p.key())
		}
	}
}

// leave forgets that a user wants everything of a room. The caller holds mu.
func (a *Listeners) leave(user, room string) {
	left := slices.DeleteFunc(slices.Clone(a.rooms[room]), func(u string) bool { return u == user })
	if a.rooms[room] = left; len(left) == 0 {
		delete(a.rooms, room)
	}
}

// Member tells Listeners that a user has become a member of a room, or is one no more.
func (a *Listeners) Member(user, room string, in bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	l := a.people[user]
	if l == nil || !l.everything || l.choices.In(room) != attention.Everything || slices.Contains(l.rooms, room) == in {
		return
	}
	if !in {
		l.rooms = slices.DeleteFunc(l.rooms, func(r string) bool { return r == room })
		a.leave(user, room)
		return
	}
	l.rooms = append(l.rooms, room)
	a.rooms[room] = append(slices.Clone(a.rooms[room]), user)
}

// Reaches reports whether a user can be reached.
func (a *Listeners) Reaches(user string) bool {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.people[user] != nil
}

// Everybody returns all users who can be reached.
func (a *Listeners) Everybody() []string {
	a.mu.RLock()
	defer a.mu.RUnlock()
	all := make([]string, 0, len(a.people))
	for user := range a.people {
		all = append(all, user)
	}
	return all
}

// Of returns the users who want notices of everything in a room. The caller must not change the
// slice.
func (a *Listeners) Of(room string) []string {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.rooms[room]
}

// Words returns the users with a word that the text contains.
func (a *Listeners) Words(text string) (users []string) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if len(a.words) == 0 {
		return nil
	}
	all := tokens.Of(text)
	for at, t := range all {
		users = a.hits(users, a.words[t.Text], all, at)
		if t.Run > 0 {
			users = a.hits(users, a.words[keyOf(t.Text, true)], all, at)
		}
	}
	return users
}

func (a *Listeners) hits(users []string, some []phrase, text []tokens.Token, at int) []string {
	for i := range some {
		if some[i].in(text, at) && !slices.Contains(users, some[i].user) {
			users = append(users, some[i].user)
		}
	}
	return users
}

// Size returns how many users can be reached.
func (a *Listeners) Size() int {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return len(a.people)
}
