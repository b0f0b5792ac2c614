package groups

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/busurl"
	"hubbub.internal/libs/bus/natsembed"
	"hubbub.internal/services/hubbub/rigs/cluster"
)

func config(url string) busurl.Config {
	return busurl.Config{
		Bus: url, BusMaxAge: time.Hour, BusMaxBytes: 1 << 30, BusPartitions: 4, BusReplicas: 1, BusTimeout: 30 * time.Second,
		Embed: natsembed.InProcess,
	}
}

// run returns what the command prints, by group.
func run(t *testing.T, url, retire string) (map[string]*time.Time, error) {
	t.Helper()
	var out bytes.Buffer
	c := Config{Bus: config(url), Retire: retire}
	err := c.Execute(t.Context(), &out)
	all := make(map[string]*time.Time)
	for line := range strings.Lines(out.String()) {
		var g group
		if err := json.Unmarshal([]byte(line), &g); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		all[g.Group] = g.Unread
	}
	return all, err
}

// TestGroups has one of two groups not come back, and retires it, on each bus.
func TestGroups(t *testing.T) {
	p, redis, err := cluster.StartBus(t.Context(), cluster.Redis, "", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	s, err := natsembed.Start(natsembed.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Shutdown()
	for name, url := range map[string]string{"redis": redis, "nats": s.URL()} {
		t.Run(name, func(t *testing.T) {
			b, err := busurl.Open(t.Context(), config(url), zap.NewNop(), nil, []string{"history", "search"})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = b.Close() }()
			if _, err := bus.Append(t.Context(), b, bus.NewEntry{Room: "lobby", Sender: "ann", ID: "id"}); err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			done, read := make(chan error, 1), make(chan struct{}, 10)
			go func() {
				done <- b.Consume(ctx, "history", func(context.Context, []bus.Entry) error {
					read <- struct{}{}
					return nil
				})
			}()
			<-read
			if _, err := run(t, url, "history"); err == nil || !strings.Contains(err.Error(), "stop that first") {
				t.Errorf("a group that is consumed: %v", err)
			}
			stop()
			if err := <-done; err != nil {
				t.Error(err)
			}
			all, err := run(t, url, "")
			if err != nil || len(all) != 2 || all["history"] != nil || all["search"] == nil || time.Since(*all["search"]) > time.Minute {
				t.Errorf("%v, %v; want two, of which search has not read", all, err)
			}
			if all, err = run(t, url, "search"); err != nil || len(all) != 1 {
				t.Errorf("%v, %v; want history alone", all, err)
			}
		})
	}
}

func TestBadInput(t *testing.T) {
	if (&Config{Retire: "history"}).Validate() == nil {
		t.Error("a group that is needed is retired")
	}
	if _, err := run(t, "embedded:"+t.TempDir(), "no group"); err == nil {
		t.Error("what is no name is retired")
	}
}
