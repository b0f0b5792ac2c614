// Package rights has no code: its tests try everything that the table of roles is about over
// WebSockets and HTTP, through an edge, history, presence and directory on one bus in memory.
package rights

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"go.uber.org/zap"

	"hubbub.internal/libs/api"
	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/membus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory"
	"hubbub.internal/services/directory/store"
	"hubbub.internal/services/directory/store/memory"
	"hubbub.internal/services/edge"
	"hubbub.internal/services/history"
	"hubbub.internal/services/history/store/sqlite"
	"hubbub.internal/services/presence"
)

const patience = time.Minute

// world is all services of one process.
type world struct {
	t     *testing.T
	bus   bus.Interface
	store store.Store
	url   string
}

type config struct {
	Directory directory.Config `embed:"" prefix:"directory-"`
	History   history.Config   `embed:"" prefix:"history-"`
	Presence  presence.Config  `embed:"" prefix:"presence-"`
	Edge      edge.Config      `embed:"" prefix:"edge-"`
}

// newWorld starts the services, with guests who may not send.
func newWorld(t *testing.T) *world {
	t.Helper()
	var cfg config
	parser, err := kong.New(&cfg)
	if err != nil {
		t.Fatal(err)
	}
	args := []string{
		"--directory-hash-memory=64", "--directory-hash-time=1", "--directory-change-rate=1000000", "--directory-guest-may=react,report,invite",
		"--edge-listen=127.0.0.1:0", "--edge-loops=1", "--edge-rate=1000000", "--edge-burst=1000000", "--edge-user-rate=0", "--edge-drain=0s", "--edge-coalesce=0s",
		"--edge-heartbeat=100ms", "--presence-edge-heartbeat=100ms",
	}
	if _, err := parser.Parse(args); err != nil {
		t.Fatal(err)
	}
	b := membus.NewServer(membus.Options{}).Open(api.RequiredGroups...)
	t.Cleanup(func() { _ = b.Close() })
	w := &world{t: t, bus: b, store: memory.New()}
	records, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "history.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = records.Close() })
	log := zap.NewNop()
	cache := directoryapi.NewCache(b, log)
	verifier := auth.NewVerifier(directoryapi.NewClient(b).Keys)
	d, err := directory.New(cfg.Directory, directory.Deps{Bus: b, Store: w.store, Log: log, Setup: func(string, time.Duration) {}})
	w.must(err)
	h, err := history.New(cfg.History, history.Deps{Bus: b, Store: records, Verifier: verifier, Cache: cache, Log: log})
	w.must(err)
	p, err := presence.New(cfg.Presence, presence.Deps{Bus: b, Verifier: verifier, Access: cache, Log: log})
	w.must(err)
	var e *edge.Edge
	e, err = edge.New(cfg.Edge, edge.Deps{Bus: b, Verifier: verifier, Directory: cache, Log: log, Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/messages"), strings.Contains(r.URL.Path, "/messages/"):
			e.Handler().ServeHTTP(rw, r)
		case strings.HasSuffix(r.URL.Path, "/messages"):
			h.Handler().ServeHTTP(rw, r)
		case strings.HasSuffix(r.URL.Path, "/presence"):
			p.Handler().ServeHTTP(rw, r)
		default:
			d.Handler().ServeHTTP(rw, r)
		}
	})})
	w.must(err)
	w.url = "http://" + e.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, run := range []func(context.Context) error{d.Run, h.Run, p.Run, cache.Run, e.Run} {
		running.Go(func() {
			if err := run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() { cancel(); running.Wait() })
	w.until("the services answer", func() bool {
		return d.Ready(ctx) == nil && p.Ready(ctx) == nil && e.Ready(ctx) == nil && cache.Ready(ctx) == nil
	})
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) until(what string, is func() bool) {
	w.t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("never: %s", what)
		}
	}
}

// person is somebody with a token and, once one is needed, a socket.
type person struct {
	w      *world
	id     string
	name   string
	token  string
	guest  bool
	socket *websocket.Conn
	asked  int
}

// enter registers somebody, or lets a guest in.
func (w *world) enter(name string, guest bool) *person {
	w.t.Helper()
	p := &person{w: w, name: name, guest: guest}
	path, body := "/v1/register", fmt.Sprintf(`{"name":%q,"password":"correct horse"}`, name)
	if guest {
		path, body = "/v1/guest", fmt.Sprintf(`{"name":%q}`, name)
	}
	var got struct {
		Token string `json:"token"`
		User  struct {
			ID string `json:"id"`
		} `json:"user"`
	}
	if code := p.http(http.MethodPost, path, body, &got); code != "" {
		w.t.Fatalf("%s cannot come in: %s", name, code)
	}
	p.token, p.id = got.Token, got.User.ID
	return p
}

// http returns the code of the answer to a request; empty: it was done.
func (p *person) http(method, path, body string, to any) string {
	p.w.t.Helper()
	ctx, cancel := context.WithTimeout(p.w.t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, p.w.url+path, strings.NewReader(body))
	p.w.must(err)
	r.Header.Set("Content-Type", "application/json")
	if p.token != "" {
		r.Header.Set("Authorization", "Bearer "+p.token)
	}
	a, err := http.DefaultClient.Do(r)
	p.w.must(err)
	defer func() { _ = a.Body.Close() }()
	data, err := io.ReadAll(a.Body)
	p.w.must(err)
	if a.StatusCode < 400 {
		if to != nil {
			p.w.must(json.NewDecoder(bytes.NewReader(data)).Decode(to))
		}
		return ""
	}
	var problem struct {
		Code string `json:"code"`
	}
	p.w.must(json.Unmarshal(data, &problem))
	return problem.Code
}

// connect opens the person's socket.
func (p *person) connect() {
	p.w.t.Helper()
	ctx, cancel := context.WithTimeout(p.w.t.Context(), patience)
	defer cancel()
	c, answer, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(p.w.url, "http")+"/v1/ws", nil)
	p.w.must(err)
	if answer != nil && answer.Body != nil {
		_ = answer.Body.Close()
	}
	c.SetReadLimit(1 << 20)
	p.w.t.Cleanup(func() { _ = c.CloseNow() })
	p.socket = c
	if code := p.say(map[string]any{"type": "hello", "version": 1, "token": p.token}); code != "" {
		p.w.t.Fatalf("%s: hello: %s", p.name, code)
	}
}

// say sends a command and returns the code of the reply to it; empty: it was done.
func (p *person) say(command map[string]any) string {
	p.w.t.Helper()
	ctx, cancel := context.WithTimeout(p.w.t.Context(), patience)
	defer cancel()
	p.asked++
	id := fmt.Sprint("q", p.asked)
	command["id"] = id
	p.w.must(wsjson.Write(ctx, p.socket, command))
	for {
		var reply struct {
			Type string `json:"type"`
			ID   string `json:"id"`
			Code any    `json:"code"`
		}
		if err := wsjson.Read(ctx, p.socket, &reply); err != nil {
			p.w.t.Fatalf("%s: %v: %v", p.name, command, err)
		}
		if reply.ID != id || reply.Type == chat.TypeMsg {
			continue
		}
		if reply.Type == "error" {
			return fmt.Sprint(reply.Code)
		}
		return ""
	}
}

// wrote puts a message into a room's log, whoever may write there now, and returns its id.
func (p *person) wrote(room string) string {
	p.w.t.Helper()
	id := chat.NewID()
	data, err := chat.AppendEntry(nil, chat.Event{Type: chat.TypeMsg, Room: room, ID: id, User: p.id, Name: p.name, Text: "mine", TS: 1})
	p.w.must(err)
	_, err = bus.Append(p.w.t.Context(), p.w.bus, bus.NewEntry{Room: room, Sender: p.id, ID: id, Data: data})
	p.w.must(err)
	return id
}
