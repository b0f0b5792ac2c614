package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hubbub.internal/libs/api"
	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/bus/busurl"
	"hubbub.internal/libs/bus/natsembed"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory"
	"hubbub.internal/services/directory/store/memory"
	"hubbub.internal/services/history"
	"hubbub.internal/services/history/store/sqlite"
	"hubbub.internal/services/notify"
	"hubbub.internal/services/notify/pushtest"
	"hubbub.internal/services/presence"
)

// TestPush has somebody who is away pushed to, by all services that have a part in it, on both
// buses: of a mention, of a direct message and of a word.
func TestPush(t *testing.T) {
	t.Run("redis", func(t *testing.T) { t.Parallel(); testPush(t, bustest.Redis(t).URL()) })
	t.Run("nats", func(t *testing.T) {
		t.Parallel()
		server, err := natsembed.Start(natsembed.Options{Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Shutdown)
		testPush(t, server.URL())
	})
}

// pushStage is the services that have a part in a push.
type pushStage struct {
	t    *testing.T
	bus  bus.Interface
	http http.Handler
}

func newPushStage(t *testing.T, url string, push *pushtest.Server) *pushStage {
	t.Helper()
	var cfg struct {
		Bus       busurl.Config    `embed:""`
		Directory directory.Config `embed:"" prefix:"directory-"`
		History   history.Config   `embed:"" prefix:"history-"`
		Presence  presence.Config  `embed:"" prefix:"presence-"`
		Notify    notify.Config    `embed:"" prefix:"notify-"`
	}
	s := &pushStage{t: t}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	parser, err := kong.New(&cfg)
	must(err)
	_, err = parser.Parse([]string{
		"--bus=" + url, "--directory-hash-memory=64", "--directory-hash-time=1", "--directory-push-private", "--presence-edge-heartbeat=100ms",
		"--presence-edge-expiry=300ms", "--notify-delay=50ms", "--notify-again=0s", "--notify-push-private",
	})
	must(err)
	log := zap.NewNop()
	b, err := busurl.Open(t.Context(), cfg.Bus, log, prometheus.NewRegistry(), api.RequiredGroups)
	must(err)
	t.Cleanup(func() { _ = b.Close() })
	records, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "history.db"), nil)
	must(err)
	t.Cleanup(func() { _ = records.Close() })
	cache := directoryapi.NewCache(b, log)
	verifier := auth.NewVerifier(directoryapi.NewClient(b).Keys)
	d, err := directory.New(cfg.Directory, directory.Deps{Bus: b, Store: memory.New(), Log: log, Setup: func(string, time.Duration) {}})
	must(err)
	h, err := history.New(cfg.History, history.Deps{Bus: b, Store: records, Verifier: verifier, Cache: cache, Log: log})
	must(err)
	p, err := presence.New(cfg.Presence, presence.Deps{Bus: b, Verifier: verifier, Access: cache, Log: log})
	must(err)
	n := notify.New(cfg.Notify, notify.Deps{Bus: b, Access: cache, Log: log, TLS: push.Trust()})
	s.bus = b
	s.http = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/read") {
			h.Handler().ServeHTTP(w, r)
			return
		}
		d.Handler().ServeHTTP(w, r)
	})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, run := range []func(context.Context) error{d.Run, h.Run, p.Run, cache.Run, n.Run} {
		running.Go(func() {
			if err := run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() { cancel(); running.Wait() })
	for deadline := time.Now().Add(patience); d.Ready(ctx) != nil || cache.Ready(ctx) != nil || n.Ready(ctx) != nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the services are never ready")
		}
	}
	return s
}

// call makes a request of somebody with a token.
func (s *pushStage) call(token, method, path, body string, out any) {
	s.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	rec := httptest.NewRecorder()
	s.http.ServeHTTP(rec, r)
	if rec.Code != http.StatusOK {
		s.t.Fatalf("%s %s: %d %s", method, path, rec.Code, rec.Body)
	}
	if out != nil {
		if err := json.Unmarshal(rec.Body.Bytes(), out); err != nil {
			s.t.Fatal(err)
		}
	}
}

// talker is somebody with a log-in.
type talker struct {
	Token string
	User  struct{ ID, Name string }
}

func (s *pushStage) register(name string) (p talker) {
	s.t.Helper()
	s.call("", http.MethodPost, "/v1/register", fmt.Sprintf(`{"name":%q,"password":"correct horse"}`, name), &p)
	return p
}

// says appends a message as an edge does.
func (s *pushStage) says(p talker, room, text string) uint64 {
	s.t.Helper()
	id := chat.NewID()
	data, err := chat.AppendEntry(nil, chat.Event{Type: chat.TypeMsg, Room: room, ID: id, User: p.User.ID, Name: p.User.Name, TS: time.Now().UnixMilli(), Text: text})
	if err != nil {
		s.t.Fatal(err)
	}
	a, err := bus.Append(s.t.Context(), s.bus, bus.NewEntry{Room: room, Sender: p.User.ID, ID: id, Data: data})
	if err != nil {
		s.t.Fatal(err)
	}
	return a.Seq
}

func testPush(t *testing.T, url string) {
	push := pushtest.New(t)
	s := newPushStage(t, url, push)
	ann, bob := s.register("Ann"), s.register("Bob")
	device := push.Device("ann")
	text := base64.RawURLEncoding.EncodeToString
	s.call(ann.Token, http.MethodPut, "/v1/push", fmt.Sprintf(`{"endpoint":%q,"keys":{"p256dh":%q,"auth":%q}}`, device.Endpoint, text(device.Key), text(device.Secret)), nil)
	s.call(ann.Token, http.MethodPost, "/v1/push/try", "", nil)
	gets := func(kind, room string, seq uint64) {
		t.Helper()
		got := push.Next()
		want := fmt.Sprintf(`"kind":%q`, kind)
		if room != "" {
			want += fmt.Sprintf(`,"room":%q`, room)
		}
		if !strings.Contains(got.Payload, want) || seq != 0 && !strings.Contains(got.Payload, fmt.Sprintf(`"seq":%d,"author":"Bob"`, seq)) {
			t.Errorf("pushed is %s, want %s and %d", got.Payload, want, seq)
		}
		if strings.Contains(got.Payload, "secret") {
			t.Errorf("the push says what the message does: %s", got.Payload)
		}
	}
	gets("test", "", 0)
	s.call(ann.Token, http.MethodPut, "/v1/preferences", `{"version":0,"values":{"notify":{"words":["deploy"]}}}`, nil)
	s.says(bob, "lobby", "good morning, everybody") // which nobody is told of
	gets("mention", "lobby", s.says(bob, "lobby", "a secret, @Ann"))
	var direct struct{ ID string }
	s.call(bob.Token, http.MethodPost, "/v1/direct", fmt.Sprintf(`{"user":%q}`, ann.User.ID), &direct)
	s.call(ann.Token, http.MethodPost, "/v1/direct", fmt.Sprintf(`{"user":%q}`, bob.User.ID), nil)
	gets("direct", direct.ID, s.says(bob, direct.ID, "another secret"))
	gets("mention", "random", s.says(bob, "random", "who will DEPLOY the secret?"))
}
