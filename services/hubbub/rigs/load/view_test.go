package load

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"
)

// measured returns a sample measurement.
func measured() Measured {
	var m meter
	for range 30 {
		m.sent()
		m.with(func(n *Measured) {
			n.Acked++
			n.took(acking, 5*time.Millisecond)
		})
		m.delivered(7 * time.Millisecond)
	}
	m.refused("rate_limited")
	m.lost("close_4001")
	m.entered(3 * time.Millisecond)
	m.resumed(9 * time.Millisecond)
	return m.measured()
}

// TestView: the view shows rates, percentiles and errors by code, on a terminal over the last
// output, elsewhere in a line.
func TestView(t *testing.T) {
	cfg := Config{Sockets: 40, Duration: 1000 * time.Second}
	var out bytes.Buffer
	v := newView(&out, &cfg)
	v.preparing("3 of 5 rooms are made")
	v.entering(20, measured())
	v.talking(40, measured())
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 {
		t.Fatalf("%q", lines)
	}
	for i, says := range [][]string{
		{"3 of 5 rooms"}, {"20 of 40 (20/s)", "p50 3", "close_4001 1"},
		{"s of 16m40s", "40 of 40", "sent 30", "acknowledged 30", "p50 5", "p99.9 5", "delivered 30", "p50 7", "rate_limited 1", "reconnects 1", "close_4001 1"},
	} {
		for _, s := range says {
			if !strings.Contains(lines[i], s) {
				t.Errorf("%q lacks %q", lines[i], s)
			}
		}
	}

	out.Reset()
	v.live = true
	v.leave()
	m := measured()
	v.talking(40, m)
	if first := out.String(); strings.Contains(first, "A") || strings.Count(first, "\n") != 8 || !strings.Contains(first, "[....................] ") {
		t.Errorf("the first output is %q", first)
	}
	out.Reset()
	v.before.at = time.Now().Add(-200 * time.Second)
	m.Sent, m.Began = 10_030, time.Now().Add(-500*time.Second)
	v.talking(40, m)
	if next := out.String(); !strings.HasPrefix(next, "\x1b[8A\r\x1b[J") || !strings.Contains(next, "10030 (50/s)") || !strings.Contains(next, "[##########..........] 50") {
		t.Errorf("the next output is %q", next)
	}

	if terminal(&out) {
		t.Error("a buffer is taken for a terminal")
	}
	f, err := os.Create(t.TempDir() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if terminal(f) {
		t.Error("a file is taken for a terminal")
	}
}
