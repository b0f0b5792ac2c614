package deadletters

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hubbub.internal/libs/api"
	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/busurl"
	"hubbub.internal/libs/bus/natsembed"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history"
	historystore "hubbub.internal/services/history/store/storeurl"
	"hubbub.internal/services/hubbub/rigs/cluster"
)

func config(url string) busurl.Config {
	return busurl.Config{
		Bus: url, BusMaxAge: time.Hour, BusMaxBytes: 1 << 30, BusPartitions: 4, BusReplicas: 1, BusTimeout: 30 * time.Second,
		Embed: natsembed.InProcess,
	}
}

func startRedis(t *testing.T) (*cluster.Process, string) {
	t.Helper()
	p, url, err := cluster.StartBus(t.Context(), cluster.Redis, "", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p, url
}

// TestDeadLetters: a group fails on one entry of three, and then looks for it, on each bus.
func TestDeadLetters(t *testing.T) {
	_, redis := startRedis(t)
	for name, url := range map[string]string{"redis": redis, "embedded": "embedded:" + t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			e := park(t, url)
			c := Config{Bus: config(url), Group: "history", Limit: 10}
			var out bytes.Buffer
			if err := c.Execute(t.Context(), &out); err != nil {
				t.Fatal(err)
			}
			var l letter
			if err := json.Unmarshal(out.Bytes(), &l); err != nil {
				t.Fatalf("%v: %s", err, out.String())
			}
			if l.Parked.Before(time.Now().Add(-time.Hour)) {
				t.Errorf("parked at %s", l.Parked)
			}
			l.Parked = time.Time{}
			if want := (letter{Room: e.Room, Seq: e.Seq, Sender: e.Sender, ID: e.ID, Reason: "it is poison", Data: string(e.Data)}); l != want {
				t.Errorf("%+v, want %+v", l, want)
			}
			out.Reset()
			c.Group = "others"
			if err := c.Execute(t.Context(), &out); err != nil || out.Len() > 0 {
				t.Errorf("another group's: %v %s", err, out.String())
			}
		})
	}
}

// TestReplay: history finds in its store what could not be taken in at first, at its place among
// what came after it, after an operator has put it back, on each bus: while history runs, and
// before it starts.
func TestReplay(t *testing.T) {
	_, redis := startRedis(t)
	s, err := natsembed.Start(natsembed.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	for name, url := range map[string]string{"redis": redis, "nats": s.URL()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := busurl.Open(t.Context(), config(url), zap.NewNop(), nil, api.RequiredGroups)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = b.Close() }()
			replay := func(want int) {
				t.Helper()
				var out bytes.Buffer
				c := Config{Bus: config(url), Group: "history", Limit: 10, Replay: true}
				if err := c.Execute(t.Context(), &out); err != nil || strings.Count(out.String(), "\n") != want {
					t.Fatalf("put back: %v\n%s, want %d", err, out.String(), want)
				}
			}
			dir := t.TempDir()
			park(t, url)
			stop := runHistory(t, b, dir)
			say(t, b, "later")
			has(t, b, "later")
			replay(1)
			has(t, b, "poison later")
			replay(0)
			stop()
			park(t, url)
			replay(1)
			defer runHistory(t, b, dir)()
			say(t, b, "end") // before it is stored, a page is also made of what the log has
			has(t, b, "poison later poison end")
			if letters, err := b.DeadLetters(t.Context(), "history", 10); err != nil || len(letters) > 0 {
				t.Errorf("%+v, %v", letters, err)
			}
		})
	}
}

// runHistory runs the history service on the store in a folder until stop is called.
func runHistory(t *testing.T, b bus.Interface, dir string) (stop func()) {
	t.Helper()
	store, err := historystore.Open(t.Context(), historystore.Config{Store: "sqlite:" + filepath.Join(dir, "history.db")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	cache := directoryapi.NewCache(b, zap.NewNop())
	h, err := history.New(history.Config{MaxTail: 20_000, MaxEdits: 100, Pages: 8}, history.Deps{
		Bus: b, Store: store, Verifier: auth.NewVerifier(directoryapi.NewClient(b).Keys), Cache: cache, Log: zap.NewNop(),
		Metrics: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}
}

// has waits until history's page of the lobby is made of these messages.
func has(t *testing.T, b bus.Interface, want string) {
	t.Helper()
	client := historyapi.NewClient(b)
	var got string
	for deadline := time.Now().Add(time.Minute); got != want; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("history has %q, want %q", got, want)
		}
		page, err := client.Page(t.Context(), historyapi.PageRequest{Room: "lobby"})
		if err != nil {
			continue // it does not answer yet
		}
		var texts []string
		for _, m := range page.Messages {
			texts = append(texts, m.Text)
		}
		got = strings.Join(texts, " ")
	}
}

// say appends a message of eve's to the lobby.
func say(t *testing.T, b bus.Interface, text string) bus.Entry {
	t.Helper()
	id := text + "-" + chat.NewID()
	data, err := chat.AppendEntry(nil, chat.Event{Type: chat.TypeMsg, Room: "lobby", User: "eve", ID: id, Text: text})
	if err != nil {
		t.Fatal(err)
	}
	a, err := bus.Append(t.Context(), b, bus.NewEntry{Room: "lobby", Sender: "eve", ID: id, Data: data})
	if err != nil {
		t.Fatal(err)
	}
	return bus.Entry{Room: "lobby", Seq: a.Seq, Sender: "eve", ID: id, Data: data}
}

// park has a service of the group history that cannot take one of three messages in, and returns
// that one.
func park(t *testing.T, url string) (poison bus.Entry) {
	t.Helper()
	b, err := busurl.Open(t.Context(), config(url), zap.NewNop(), nil, api.RequiredGroups)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	say(t, b, "first")
	poison = say(t, b, "poison")
	end := say(t, b, "last")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	last := make(chan struct{}, 1)
	go func() {
		done <- b.Consume(ctx, "history", func(_ context.Context, batch []bus.Entry) error {
			if slices.ContainsFunc(batch, func(e bus.Entry) bool { return e.ID == poison.ID }) {
				return errors.New("it is poison")
			}
			if batch[len(batch)-1].ID == end.ID {
				select {
				case last <- struct{}{}:
				default: // at least once: it has come before
				}
			}
			return nil
		})
	}()
	select {
	case <-last:
	case <-time.After(time.Minute):
		t.Error("the last entry was not handed over")
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	return poison
}

func TestBadInput(t *testing.T) {
	if (&Config{}).Validate() == nil {
		t.Error("no limit is accepted")
	}
	redis, url := startRedis(t)
	redis.Kill()
	c := Config{Bus: config(strings.Replace(url, "://", "://:hunter2@", 1)), Group: "history", Limit: 1}
	c.Bus.BusTimeout = time.Second
	if err := c.Execute(t.Context(), &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "cannot be reached") || strings.Contains(err.Error(), "hunter2") {
		t.Error(err)
	}
	c.Bus, c.Group = config("embedded:"+t.TempDir()), "no group"
	if err := c.Execute(t.Context(), &bytes.Buffer{}); !errors.Is(err, bus.ErrBadName) {
		t.Error(err)
	}
}
