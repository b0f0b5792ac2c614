package backup_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"go.uber.org/goleak"

	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/client"
	"hubbub.internal/libs/daemon"
	"hubbub.internal/libs/freeport"
	"hubbub.internal/libs/mongodb"
	"hubbub.internal/libs/mongotest"
	"hubbub.internal/libs/wire"
	historymongo "hubbub.internal/services/history/store/mongo"
	"hubbub.internal/services/hubbub/backup"
	"hubbub.internal/services/hubbub/up"
)

const (
	patience = time.Minute
	secret   = "correct horse"
	room     = "lobby"
	sealed   = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlYzE="
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// parse fills a command's configuration as the program does.
func parse(t testing.TB, c interface{ Validate() error }, args ...string) {
	t.Helper()
	vars := kong.Vars{"bus": "embedded:"}
	if u, ok := c.(*up.Config); ok {
		_ = u
		vars = up.Vars()
	}
	k, err := kong.New(c, vars)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Parse(args); err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
}

// hub is a Hubbub that runs.
type hub struct {
	t    *testing.T
	url  string
	stop func()
}

// run starts a `hubbub up`.
func run(t *testing.T, data string, args ...string) *hub {
	t.Helper()
	addr, err := freeport.Addr()
	if err != nil {
		t.Fatal(err)
	}
	ops, err := freeport.Addr()
	if err != nil {
		t.Fatal(err)
	}
	var cfg up.Config
	parse(t, &cfg, append([]string{"--data", data, "--web", "none", "--listen", addr, "--directory-hash-memory", "64"}, args...)...)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- daemon.Run(ctx, "hubbub", daemon.Config{OpsListen: ops, LogLevel: "error"}, func(ctx context.Context, p *daemon.Process) error {
			return up.Start(ctx, p, cfg, io.Discard)
		})
	}()
	h := &hub{t: t, url: "http://" + addr}
	h.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	t.Cleanup(h.stop)
	eventually(t, "hubbub up is ready", func() bool {
		r, err := http.Get("http://" + ops + "/readyz")
		if err != nil {
			return false
		}
		defer r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
	return h
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it does not come to pass that %s", what)
		}
	}
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// person is somebody who chats.
type person struct {
	session *client.Session
	client  *client.Client
	close   func()

	mu   sync.Mutex
	seen []wire.Event
}

func (h *hub) connect(s *client.Session) *person {
	h.t.Helper()
	p := &person{session: s}
	c, err := client.Dial(within(h.t), client.Config{
		URL: "ws" + strings.TrimPrefix(h.url, "http") + "/v1/ws", Token: s.Token, TokenExpired: s.Expire,
		Handle: func(e wire.Event) {
			p.mu.Lock()
			defer p.mu.Unlock()
			if e.Type == chat.TypeMsg {
				p.seen = append(p.seen, e)
			}
		},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	p.client, p.close = c, sync.OnceFunc(c.Close)
	h.t.Cleanup(p.close)
	return p
}

func (p *person) saw(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.seen {
		if e.ID == id {
			return true
		}
	}
	return false
}

// register makes an account, and joins the room.
func (h *hub) register(name string) *person {
	h.t.Helper()
	s, err := client.NewAPI(h.url, nil).Register(within(h.t), name, secret)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := s.JoinRoom(within(h.t), room); err != nil {
		h.t.Fatal(err)
	}
	p := h.connect(s)
	if _, err := p.client.Join(within(h.t), room, nil); err != nil {
		h.t.Fatal(err)
	}
	return p
}

// talk makes everybody send one message after the other until stop is closed.
type talk struct {
	mu    sync.Mutex
	acked []wire.Event
	wait  sync.WaitGroup
}

func (h *hub) talk(people []*person, stop <-chan struct{}) *talk {
	k := &talk{}
	for i, p := range people {
		k.wait.Go(func() {
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				case <-tick.C:
				}
				ack, err := p.client.Send(within(h.t), room, fmt.Sprint(i, " says ", n))
				if err != nil {
					h.t.Errorf("send: %v", err)
					return
				}
				k.mu.Lock()
				k.acked = append(k.acked, ack)
				k.mu.Unlock()
			}
		})
	}
	return k
}

func (k *talk) sofar() []wire.Event {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]wire.Event(nil), k.acked...)
}

// record returns the room's messages as history has them.
func (h *hub) record(s *client.Session) (all []chat.Message) {
	h.t.Helper()
	for before := uint64(0); ; before = all[0].Seq {
		page, err := s.Messages(within(h.t), room, client.Query{Before: before, Limit: 200})
		if err != nil {
			h.t.Fatal(err)
		}
		all = append(page.Messages, all...)
		if !page.More {
			return all
		}
	}
}

// TestBackup backs up while people talk, restores elsewhere, and finds there everything that was
// acknowledged before the backup, once, in order, at the same place; those who have seen more are
// told that it is void, and go on; passwords and tokens are good as before.
func TestBackup(t *testing.T) {
	t.Parallel()
	for name, servers := range map[string]func(t *testing.T) []string{
		"embedded bus and SQLite": func(*testing.T) []string { return []string{"--directory-key-secrets", sealed} },
		"Redis and MongoDB": func(t *testing.T) []string {
			return []string{"--bus", bustest.Redis(t).URL(), "--store", mongotest.URL(t)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			old := servers(t)
			data := t.TempDir()
			first := run(t, data, old...)
			var people []*person
			for i := range 3 {
				people = append(people, first.register(fmt.Sprint("person", i)))
			}
			stop := make(chan struct{})
			talk := first.talk(people, stop)
			eventually(t, "people talk", func() bool { return len(talk.sofar()) > 30 })

			file := filepath.Join(t.TempDir(), "backup")
			before := talk.sofar()
			args := []string{file, "--data", data}
			cluster := old[0] == "--bus"
			if cluster {
				args = append([]string{file, "--data", t.TempDir(), "--bus-max-age", "25h"}, old...)
			}
			out := execute(t, &backup.Config{}, args...)
			if !strings.Contains(out, "3 users") {
				t.Errorf("it says %q", out)
			}
			made := len(talk.sofar())
			eventually(t, "people go on", func() bool { return len(talk.sofar()) > made+10 })
			close(stop)
			talk.wait.Wait()
			known, _ := people[0].client.Position(room)
			last := talk.sofar()[len(talk.sofar())-1]
			tokens := people[1].session
			token, err := tokens.Token(within(t))
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range people {
				p.close()
			}
			first.stop()
			if out := execute(t, &backup.Config{}, "verify", file); !strings.Contains(out, "is whole") || !strings.Contains(out, "3 users") {
				t.Errorf("verify says %q", out)
			}
			if left, _ := filepath.Glob(filepath.Join(data, "*.backup*")); len(left) > 0 {
				t.Errorf("the backup has left %v", left)
			}

			elsewhere := servers(t)
			to := t.TempDir()
			args, option := []string{file, "--data", to}, "--directory-hash-memory=64"
			if cluster {
				args, option = append(args, elsewhere...), "--bus-max-age=25h0m0s"
			}
			out = execute(t, &backup.Restore{}, args...)
			if !strings.Contains(out, "3 users") || !strings.Contains(out, option) || strings.Contains(out, sealed) || strings.Contains(out, "://") {
				t.Errorf("restore says %q", out)
			}
			if cluster {
				if got, want := indexes(t, elsewhere[3]), indexes(t, old[3]); !reflect.DeepEqual(got, want) || len(got) < 5 {
					t.Errorf("the indexes are\n%v\nwant\n%v", got, want)
				}
			}
			second := run(t, to, elsewhere...)
			s, err := client.NewAPI(second.url, nil).Login(within(t), "person0", secret)
			if err != nil {
				t.Fatalf("the old password: %v", err)
			}
			have := second.record(s)
			at := make(map[string]uint64)
			for i, m := range have {
				if i > 0 && m.Seq <= have[i-1].Seq {
					t.Errorf("message %d of the record has seq %d, behind %d", i, m.Seq, have[i-1].Seq)
				}
				if at[m.ID] != 0 {
					t.Errorf("message %s is there twice", m.ID)
				}
				at[m.ID] = m.Seq
			}
			for _, ack := range before {
				if at[ack.MsgID] != ack.Seq {
					t.Errorf("message %s, acknowledged at %d before the backup, is at %d", ack.MsgID, ack.Seq, at[ack.MsgID])
				}
			}
			if at[last.MsgID] != 0 {
				t.Fatal("the last message was sent after the backup, and is there")
			}
			// The token of before is good at an edge, and its position is not.
			grant := tokens.Grant()
			if grant.Token != token {
				t.Fatal("the session has changed its token meanwhile")
			}
			p := second.connect(client.NewAPI(second.url, nil).Session(grant))
			joined, err := p.client.Join(within(t), room, &known)
			if err != nil || !joined.Rewind {
				t.Errorf("who has seen what came after the backup is told %+v, %v; want a rewind", joined, err)
			}
			other := second.connect(s)
			if _, err := other.client.Join(within(t), room, nil); err != nil {
				t.Fatal(err)
			}
			ack, err := p.client.Send(within(t), room, "again")
			if err != nil {
				t.Fatal(err)
			}
			if ack.Seq <= last.Seq {
				t.Errorf("the seqs have gone back: %d after %d", ack.Seq, last.Seq)
			}
			eventually(t, "the other sees it", func() bool { return other.saw(ack.MsgID) })
			if again := second.record(s); len(again) != len(have)+1 {
				t.Errorf("the record has %d messages, want %d", len(again), len(have)+1)
			}
		})
	}
}

// indexes returns those of history in a database.
func indexes(t *testing.T, url string) []mongodb.Index {
	t.Helper()
	s, err := mongodb.OpenStock(t.Context(), url, historymongo.App, historymongo.Collections())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	all, err := s.Indexes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

type tool interface {
	Validate() error
	daemon.Tool
}

// try runs a command.
func try(t *testing.T, c tool, args ...string) (string, error) {
	t.Helper()
	parse(t, c, args...)
	var out bytes.Buffer
	err := c.Execute(within(t), &out)
	return out.String(), err
}

func execute(t *testing.T, c tool, args ...string) string {
	t.Helper()
	out, err := try(t, c, args...)
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return out
}
