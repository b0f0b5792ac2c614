package history

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"

	"hubbub.internal/libs/api"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/bus/busurl"
	"hubbub.internal/libs/bus/natsembed"
	"hubbub.internal/libs/chat"
)

// openReal connects to a server that runs.
func openReal(t testing.TB, cfg busurl.Config) bus.Interface {
	t.Helper()
	cfg.BusMaxAge, cfg.BusMaxBytes, cfg.BusPartitions, cfg.BusReplicas, cfg.BusTimeout = time.Hour, 1<<30, 2, 1, 20*time.Second
	cfg.Embed = natsembed.InProcess
	b, err := busurl.Open(t.Context(), cfg, zap.NewNop(), nil, api.RequiredGroups)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// TestBuses runs the service on both buses, which forget the id of an entry soon, and starts it
// again on the same store.
func TestBuses(t *testing.T) {
	for name, url := range map[string]func() string{
		"nats":  func() string { return "embedded:" + t.TempDir() },
		"redis": func() string { return bustest.Redis(t).URL() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := openReal(t, busurl.Config{Bus: url(), Dedupe: 100 * time.Millisecond})
			s := openStore(t, filepath.Join(t.TempDir(), "history.db"))
			w, stop := start(t, b, s)
			first := w.say("r1", "ann", "m1", "hello")
			mine := w.say("r1", "ann", "m2", "secret")
			for _, e := range []chat.Event{
				{Type: chat.TypeEdited, User: "ann", ID: "e1", Target: "m1", Text: "hallo"}, {Type: chat.TypeDeleted, User: "ann", ID: "d2", Target: "m2"},
			} {
				e.Room = "r1"
				seq, code := w.do(e)
				if again, _ := w.do(e); code != "" || again != seq {
					t.Fatalf("%s: %d %q, and again %d", e.Type, seq, code, again)
				}
			}
			w.eventually("the message is deleted", func() bool { return len(w.entries("r1")) == 3 })
			second := w.again("r1", "ann", "m1", "hello", first)
			last := w.again("r1", "ann", "m2", "secret", mine)
			w.eventually("the repeats are taken in", func() bool { return testutil.ToFloat64(w.metrics.repeats) >= 2 })
			w.eventually("the repeats are off the log", func() bool { return len(w.entries("r1")) == 3 })
			for _, at := range []bus.Position{{Seq: second, ID: "m1"}, {Seq: last, ID: "m2"}} {
				if got, err := b.Replay(t.Context(), "r1", at, 10); err != nil || got.Rewound || len(got.Entries) != 0 {
					t.Errorf("after %+v: %+v, %v", at, got, err)
				}
			}
			w.is("the first", "r1", "ann", "m1", first, 1)
			stop()
			w.say("r1", "ann", "m3", "while history is away")
			w, _ = start(t, b, s)
			w.stored("r1", w.say("r1", "ann", "m4", "and after"))
			if got := texts(w.page(historyapi.PageRequest{Room: "r1"})); got != "hallo  while history is away and after" {
				t.Errorf("the page is %q", got)
			}
		})
	}
}

// TestPageOfLogMadeAnew: after a restore the log begins above everything that is stored. What is
// acknowledged then is in a page at once, also while nothing of the new log is stored.
func TestPageOfLogMadeAnew(t *testing.T) {
	for name, url := range map[string]func() string{
		"nats":  func() string { return "embedded:" + t.TempDir() },
		"redis": func() string { return bustest.Redis(t).URL() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openStore(t, filepath.Join(t.TempDir(), "history.db"))
			w, stop := start(t, openReal(t, busurl.Config{Bus: url()}), s)
			w.stored("r1", w.say("r1", "ann", "m1", "before"))
			stop()
			w, _ = start(t, openReal(t, busurl.Config{Bus: url()}), s)
			w.store.down.Store(true)
			w.store.readers.Store(true)
			last := w.say("r1", "ann", "m2", "after")
			if got := texts(w.page(historyapi.PageRequest{Room: "r1"})); got != "before after" {
				t.Errorf("the page is %q", got)
			}
			if got := texts(w.page(historyapi.PageRequest{Room: "r1", Before: last + 1})); got != "before after" {
				t.Errorf("the page before its end is %q", got)
			}
		})
	}
}

// TestRedisLogTakenBack: Redis loses everything and gets it again, at other places, from those who
// appended it: TestLogTakenBack with what the server and the driver really do.
func TestRedisLogTakenBack(t *testing.T) {
	t.Parallel()
	redis := bustest.Redis(t, "--appendonly", "no")
	b := openReal(t, busurl.Config{Bus: redis.URL(), BusKeep: 30 * time.Second, BusKeepBytes: 1 << 20})
	w, _ := start(t, b, openStore(t, filepath.Join(t.TempDir(), "history.db")))
	w.say("r1", "ann", "m1", "secret")
	w.say("r1", "ann", "m2", "kept")
	w.store.down.Store(true)
	w.store.readers.Store(true)
	last, code := w.do(chat.Event{Type: chat.TypeDeleted, Room: "r1", User: "ann", ID: "d1", Target: "m1"})
	if code != "" {
		t.Fatal(code)
	}
	redis.Kill()
	redis.Start()
	w.eventually("the log has it again", func() bool {
		heads, err := b.Heads(t.Context(), []string{"r1"})
		return err == nil && heads[0].ID == "d1" && heads[0].Seq > last
	})
	w.store.down.Store(false)
	w.eventually("the log has no text that was deleted", func() bool {
		var all strings.Builder
		for _, e := range w.entries("r1") {
			all.Write(e.Data)
		}
		return !strings.Contains(all.String(), "secret") && strings.Contains(all.String(), "kept")
	})
	if got := texts(w.page(historyapi.PageRequest{Room: "r1"})); got != " kept" {
		t.Errorf("the page is %q", got)
	}
}
