package drill

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// TestSoak holds a soak of a few seconds. `make soak` holds one of ten minutes.
func TestSoak(t *testing.T) {
	t.Parallel()
	cfg := Soak{
		Bus: "redis", BusNodes: 1, Duration: 5 * time.Second, Every: 500 * time.Millisecond, Reconnect: 2 * time.Second,
		Sockets: 12, Rooms: 2, Rate: 40, Bin: binaries(t),
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	got, err := cfg.run(t.Context(), t.TempDir(), cfg.Bin)
	if err != nil {
		t.Fatal(err)
	}
	// Of so short a time only the verdict on messages means something.
	if !got.Verdict.Good() || got.Verdict.Acknowledged == 0 || len(got.Services) != 7 {
		t.Errorf("%+v", got)
	}
	var out bytes.Buffer
	if err := got.print(&out); err != nil || !strings.Contains(out.String(), "presence-2") {
		t.Errorf("%v: %s", err, out.String())
	}
	cfg.Duration = time.Second
	if cfg.Validate() == nil {
		t.Error("a soak without time to measure is accepted")
	}
}

func TestSlopes(t *testing.T) {
	times := func(n int, v func(i int) vitals) Soaked {
		var all []vitals
		for i := range n {
			all = append(all, v(i))
		}
		return Soaked{Services: map[string][]vitals{"edge-1": all}}
	}
	flat := times(30, func(i int) vitals {
		return vitals{Heap: min(int64(i), 10)<<20 + int64(i%3)<<20, Goroutines: 20 + int64(i%7), Files: 30}
	})
	if s := flat.slopes(); s != "" {
		t.Errorf("what is flat after a third is %q", s)
	}
	for what, v := range map[string]func(i int) vitals{
		"heap":       func(i int) vitals { return vitals{Heap: int64(i) << 18} },
		"goroutines": func(i int) vitals { return vitals{Goroutines: int64(3 * i)} },
		"open files": func(i int) vitals { return vitals{Files: int64(2 * i)} },
	} {
		grows := times(30, v)
		if s := grows.slopes(); !strings.Contains(s, "edge-1") || !strings.Contains(s, what) {
			t.Errorf("growing %s is %q", what, s)
		}
	}
	few := times(2, func(int) vitals { return vitals{} })
	if few.slopes() == "" {
		t.Error("two measurements are enough")
	}
}
