package load

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"hubbub.internal/services/hubbub/cluster"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

func config(url string) Config {
	return Config{
		URL: url, Sockets: 12, Users: 5, Rooms: 3, RoomSize: Size{Most: 8}, Processes: 1, Rate: 60, Size: 100, Ramp: 1000, Churn: 4, Storm: true,
		Duration: 3 * time.Second, Verify: true, Seed: 1, JSON: true,
	}
}

// TestLoad loads a real server, with reconnects, and finds that all is well.
func TestLoad(t *testing.T) {
	dir := t.TempDir()
	if err := cluster.Build(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	up := cluster.Up(dir, t.TempDir())
	if err := up.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(up.Kill)
	var out bytes.Buffer
	if err := Run(t.Context(), config("http://"+up.Addr), &out); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	var report struct {
		Sent, Acknowledged, Delivered, Reconnects int
		FailedReconnects                          int `json:"failed_reconnects"`
		Verdict                                   Verdict
	}
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	if report.Sent < 100 || report.Acknowledged != report.Sent || report.Delivered != 8*report.Sent || report.Verdict.Delivered != report.Delivered {
		t.Errorf("the report is %s", out.String())
	}
	if report.Reconnects < 5 || report.FailedReconnects > 0 || !report.Verdict.Good() {
		t.Errorf("the report is %s", out.String())
	}

	t.Run("interrupted", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cfg := config("http://" + up.Addr)
		cfg.JSON, cfg.Duration = false, time.Hour
		out := &trigger{when: "acknowledged", do: cancel}
		if err := Run(ctx, cfg, out); err != nil || !strings.Contains(out.String(), "verdict") {
			t.Errorf("%v: %s", err, out)
		}
	})
	t.Run("interrupted in the ramp", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cfg := config("http://" + up.Addr)
		cfg.JSON, cfg.Ramp = false, 2
		out := &trigger{when: "of 12 sockets", do: cancel}
		if err := Run(ctx, cfg, out); err != nil || !strings.Contains(out.String(), "Interrupted with") {
			t.Errorf("%v: %s", err, out)
		}
	})
}

// trigger does something once a text has been written.
type trigger struct {
	bytes.Buffer
	when string
	do   func()
}

func (w *trigger) Write(b []byte) (int, error) {
	n, err := w.Buffer.Write(b)
	if strings.Contains(w.String(), w.when) {
		w.do()
	}
	return n, err
}

func TestNoTarget(t *testing.T) {
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	for url, says := range map[string]string{other.URL: "not Hubbub", gone.URL: "nothing answers"} {
		if err := Run(t.Context(), config(url), &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", url, err, says)
		}
	}
}

func TestTooManySockets(t *testing.T) {
	cfg := config("http://localhost:1")
	cfg.Sockets = 1 << 30
	if err := Run(t.Context(), cfg, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "ulimit -n") {
		t.Errorf("more sockets than files: %v", err)
	}
}

func TestConfig(t *testing.T) {
	good := config("http://localhost:9080")
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*Config){
		"scheme": func(c *Config) { c.URL = "localhost" }, "sockets": func(c *Config) { c.Sockets = 0 }, "rooms": func(c *Config) { c.Rooms = 0 },
		"size": func(c *Config) { c.Size = 1 << 20 }, "ramp": func(c *Config) { c.Ramp = 0 }, "duration": func(c *Config) { c.Duration = 0 },
		"rate": func(c *Config) { c.Rate = -1 }, "churn": func(c *Config) { c.Churn = -1 },
	} {
		c := good
		if spoil(&c); c.Validate() == nil {
			t.Errorf("a bad %s is accepted", name)
		}
	}
}
