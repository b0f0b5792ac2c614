package deadletters

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/busurl"
	"hubbub.internal/libs/bus/natsembed"
	"hubbub.internal/services/hubbub/cluster"
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

// TestDeadLetters has a group fail on one entry of three, and then looks for it, on each bus.
func TestDeadLetters(t *testing.T) {
	_, redis := startRedis(t)
	for name, url := range map[string]string{"redis": redis, "embedded": "embedded:" + t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			seq := park(t, url)
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
			if want := (letter{Room: "lobby", Seq: seq, Sender: "eve", ID: "poison", Reason: "it is poison", Data: `{"type":"?"}`}); l != want {
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

// park appends three entries, of which the group cannot take one in, and returns that one's Seq when it is parked.
func park(t *testing.T, url string) (seq uint64) {
	t.Helper()
	b, err := busurl.Open(t.Context(), config(url), zap.NewNop(), nil, api.RequiredGroups)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	for _, id := range []string{"first", "poison", "last"} {
		a, err := bus.Append(t.Context(), b, bus.NewEntry{Room: "lobby", Sender: "eve", ID: id, Data: []byte(`{"type":"?"}`)})
		if err != nil {
			t.Fatal(err)
		}
		if id == "poison" {
			seq = a.Seq
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	last := make(chan struct{}, 1)
	go func() {
		done <- b.Consume(ctx, "history", func(_ context.Context, batch []bus.Entry) error {
			if slices.ContainsFunc(batch, func(e bus.Entry) bool { return e.ID == "poison" }) {
				return errors.New("it is poison")
			}
			if batch[len(batch)-1].ID == "last" {
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
	return seq
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
