package drill

import (
	"bytes"
	"strings"
	"testing"
)

// TestSoaked: print shows the measurements. TestCommands, in the module's root, runs a soak.
func TestSoaked(t *testing.T) {
	got := Soaked{Services: map[string][]vitals{"edge-1": {{Heap: 5 << 20}, {}, {Files: 7}}, "presence-2": {{}, {}, {Heap: 3 << 19, Goroutines: 9}}}, Problem: "edge-1 grows"}
	var out bytes.Buffer
	if err := got.print(&out); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"edge-1", "presence-2", "0.0  1.5  1.5 MiB", "0  9  9", "0  7  7", "GROWS: edge-1 grows"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("the output lacks %q:\n%s", part, out.String())
		}
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
		t.Errorf("values that are flat after the first third are reported: %q", s)
	}
	for what, v := range map[string]func(i int) vitals{
		"heap":       func(i int) vitals { return vitals{Heap: int64(i) << 18} },
		"goroutines": func(i int) vitals { return vitals{Goroutines: int64(3 * i)} },
		"open files": func(i int) vitals { return vitals{Files: int64(2 * i)} },
	} {
		grows := times(30, v)
		if s := grows.slopes(); !strings.Contains(s, "edge-1") || !strings.Contains(s, what) {
			t.Errorf("growth of %s is reported as %q", what, s)
		}
	}
	few := times(2, func(int) vitals { return vitals{} })
	if few.slopes() == "" {
		t.Error("two measurements count as enough")
	}
}
