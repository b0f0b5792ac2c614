package busbench

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"hubbub.internal/services/hubbub/cluster"
)

// go-redis looks for a server that it could not dial for another second after its pool was closed.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}

// TestBench measures servers of its own for a moment: every cell of the table has a number above 0.
func TestBench(t *testing.T) {
	cfg := Config{Duration: 100 * time.Millisecond, InFlight: 10, Rate: 100}
	var out bytes.Buffer
	if err := cfg.Execute(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(out.String()) {
		if !strings.Contains(line, "appends") && !strings.Contains(line, "append to live") && !strings.Contains(line, "replay") {
			continue
		}
		rows++
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 3 {
			t.Errorf("%q has not a column for each of two buses", line)
		}
		for _, c := range cells[1:] {
			if !regexp.MustCompile(`[1-9]`).MatchString(c) {
				t.Errorf("%q has no number", line)
			}
		}
	}
	if want := len(shapes) + 3; rows != want {
		t.Errorf("%d rows, want %d:\n%s", rows, want, out.String())
	}
}

func TestNoBus(t *testing.T) {
	p, url, err := cluster.StartBus(t.Context(), cluster.Redis, "", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p.Kill()
	cfg := Config{URL: []string{strings.Replace(url, "://", "://:hunter2@", 1)}, Duration: time.Millisecond, InFlight: 1, Rate: 1}
	var out bytes.Buffer
	if err := cfg.Execute(t.Context(), &out); err == nil || !strings.Contains(err.Error(), "cannot be reached") || strings.Contains(err.Error()+out.String(), "hunter2") {
		t.Errorf("%v, %s", err, out.String())
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []Config{{}, {Duration: 1, InFlight: 1}, {Duration: 1, Rate: 1}} {
		if c.Validate() == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
}
