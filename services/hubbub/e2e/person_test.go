package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/client"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/hubbub/rigs/cluster"
)

// patience bounds every wait: far more than anything takes, so that only what never comes fails.
const patience = 90 * time.Second

// account is somebody who has registered.
type account struct {
	t       *testing.T
	session *client.Session
	id      string
	name    string
}

// person is somebody in the chat: an account and a connection.
type person struct {
	*account
	client *client.Client
	leave  func()

	mu     sync.Mutex
	rooms  map[string][]wire.Event // the entries of each room's log, as they came
	notice chan wire.Event
}

var names struct {
	mu sync.Mutex
	n  int
}

// newAccount registers somebody at the HTTP side of url. The name gets a number, so that tests can
// share a server.
func newAccount(t *testing.T, url, name string) *account {
	t.Helper()
	names.mu.Lock()
	names.n++
	name = fmt.Sprintf("%s.%d", name, names.n)
	names.mu.Unlock()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := client.NewAPI(url, nil).Register(ctx, name, "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	return &account{t: t, session: s, id: s.User().ID, name: s.User().Name}
}

// enter registers somebody and connects them: by HTTP at url, by WebSocket at ws.
func enter(t *testing.T, url, ws, name string) *person {
	t.Helper()
	return newAccount(t, url, name).enter(t, ws)
}

func (a *account) enter(t *testing.T, ws string) *person {
	t.Helper()
	p := &person{account: a, rooms: make(map[string][]wire.Event), notice: make(chan wire.Event, 16)}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := client.Dial(ctx, client.Config{
		URL: "ws" + strings.TrimPrefix(ws, "http") + "/v1/ws", Token: a.session.Token, TokenExpired: a.session.Expire,
		Handle: p.handle, ReplyTimeout: 5 * time.Second, MaxBackoff: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	p.client = c
	p.leave = sync.OnceFunc(c.Close)
	t.Cleanup(p.leave)
	return p
}

func (p *person) handle(e wire.Event) {
	if e.Type == "notice" {
		select {
		case p.notice <- e:
		default:
		}
		return
	}
	if e.Seq == 0 || e.Type == "joined" || e.Type == "read" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rooms[e.Room] = append(p.rooms[e.Room], e)
}

func (p *person) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.t.Context()), patience)
	p.t.Cleanup(cancel)
	return ctx
}

// join makes the person a member of a room, if it is public, and joins it from now on.
func (p *person) join(room string) {
	p.t.Helper()
	if err := p.session.JoinRoom(p.ctx(), room); err != nil {
		p.t.Fatalf("%s becomes a member of %s: %v", p.name, room, err)
	}
	if err := p.tryJoin(room); err != nil {
		p.t.Fatalf("%s joins %s: %v", p.name, room, err)
	}
}

func (p *person) tryJoin(room string) error {
	_, err := p.client.Join(p.ctx(), room, nil)
	return err
}

func (p *person) send(room, text string) uint64 {
	p.t.Helper()
	return p.sendID(room, chat.NewID(), text)
}

func (p *person) sendID(room, id, text string) uint64 {
	p.t.Helper()
	ack, err := p.client.SendMessage(p.ctx(), client.Message{Room: room, ID: id, Text: text})
	if err != nil {
		p.t.Errorf("%s sends %q: %v", p.name, text, err)
	}
	return ack.Seq
}

// trySend sends with little patience: a client waits long for a room that it may come into again.
func (p *person) trySend(room, text string) (uint64, error) {
	ctx, cancel := context.WithTimeout(p.ctx(), 2*time.Second)
	defer cancel()
	ack, err := p.client.Send(ctx, room, text)
	return ack.Seq, err
}

func (p *person) edit(room, id, text string) error {
	_, err := p.client.Edit(p.ctx(), room, id, text)
	return err
}

func (p *person) react(room string, m client.Name, emoji string) error {
	_, err := p.client.React(p.ctx(), room, m, emoji, true)
	return err
}

func (p *person) delete(room string, m client.Name) error {
	_, err := p.client.Delete(p.ctx(), room, m)
	return err
}

// events returns all entries of the room's log that came so far.
func (p *person) events(room string) []wire.Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.rooms[room])
}

// log returns the messages of the room that came so far.
func (p *person) log(room string) []wire.Event {
	return slices.DeleteFunc(p.events(room), func(e wire.Event) bool { return e.Type != chat.TypeMsg })
}

func (p *person) count(room string) int { return len(p.log(room)) }

// sees waits until n messages of the room have come, and returns them.
func (p *person) sees(room string, n int) []wire.Event {
	p.t.Helper()
	eventually(p.t, fmt.Sprintf("%s sees %d messages", p.name, n), func() bool { return p.count(room) >= n })
	if got := p.count(room); got != n {
		p.t.Errorf("%s sees %d messages, want %d", p.name, got, n)
	}
	return p.log(room)
}

// page returns the room's newest messages from history.
func (p *person) page(room string) []chat.Message {
	p.t.Helper()
	var all []chat.Message
	for before := uint64(0); ; {
		var page client.Page
		var err error
		eventually(p.t, "history answers", func() bool {
			// Right after a kill a part may still be finding its way back, and says so.
			page, err = p.session.Messages(p.ctx(), room, client.Query{Before: before, Limit: 200})
			return chat.CodeOf(err) != chat.CodeUnavailable
		})
		if err != nil {
			p.t.Fatalf("history for %s: %v", p.name, err)
		}
		all = append(page.Messages, all...)
		if !page.More {
			return all
		}
		before = all[0].Seq
	}
}

func (p *person) createRoom(name string, private bool) string {
	p.t.Helper()
	r, err := p.session.CreateRoom(p.ctx(), name, "", private)
	if err != nil {
		p.t.Fatal(err)
	}
	return r.ID
}

func (p *person) addMember(room, user string) {
	p.t.Helper()
	if err := p.session.AddMember(p.ctx(), room, user); err != nil {
		p.t.Fatal(err)
	}
}

func (p *person) acceptInvitation(room string) {
	p.t.Helper()
	if err := p.session.AcceptInvitation(p.ctx(), room); err != nil {
		p.t.Fatal(err)
	}
}

func (p *person) removeMember(room, user string) {
	p.t.Helper()
	if err := p.session.RemoveMember(p.ctx(), room, user); err != nil {
		p.t.Fatal(err)
	}
}

// who returns the names of those who are online in the room, sorted; nil when that cannot be said
// right now.
func (p *person) who(room string) []string {
	o, err := p.client.Who(p.ctx(), room, "")
	if err != nil {
		return nil
	}
	return namesOf(o.Users)
}

func (p *person) presence(room string) []string {
	o, err := p.session.Presence(p.ctx(), room, "")
	if err != nil {
		return nil
	}
	return namesOf(o.Users)
}

func namesOf(users []wire.Person) []string {
	var all []string
	for _, u := range users {
		all = append(all, u.Name)
	}
	slices.Sort(all)
	return all
}

// listUsers types /list-users and returns what it says.
func (p *person) listUsers(room string) string {
	p.t.Helper()
	if _, err := p.client.Send(p.ctx(), room, "/list-users"); err != nil {
		p.t.Fatal(err)
	}
	select {
	case e := <-p.notice:
		return e.Text
	case <-p.ctx().Done():
		p.t.Fatal("no notice came")
	}
	return ""
}

// leaveForGood cuts the person off by what breaks the connection, and keeps them from coming back.
func (p *person) leaveForGood(cut func()) {
	cut()
	p.leave()
}

// eventually waits for a condition. It asks ten times a second: what asks the server counts against
// a socket's rate.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !cond(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// startCluster starts a cluster that ends with the test; if that has failed, the ends of all logs
// are shown.
func startCluster(t *testing.T, cfg cluster.Config) *cluster.Cluster {
	t.Helper()
	cfg.Bin, cfg.Dir = bin, t.TempDir()
	c, err := cluster.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		if t.Failed() {
			for _, p := range c.All() {
				t.Logf("%s: …%s", p.Name, p.LogTail())
			}
		}
	})
	return c
}
