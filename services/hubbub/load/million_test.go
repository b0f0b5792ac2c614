//go:build linux

package load

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"hubbub.internal/services/hubbub/cluster"
)

// What each end of each socket takes of a machine's memory, in bytes, and what everything else does: measured, see
// docs/performance.md.
const (
	perSocket = 10_000
	besides   = 4 << 30
)

// TestMillion holds the load of infra/load/night.yaml on edges of this machine, each with as many sockets as it may open
// files. It is small, unless SOCKETS says how many there are to be: `make million` does.
func TestMillion(t *testing.T) {
	sockets := 300
	if s := os.Getenv("SOCKETS"); s != "" {
		var err error
		if sockets, err = strconv.Atoi(s); err != nil {
			t.Fatalf("SOCKETS is no number: %s", s)
		}
		if free, need := availableMemory(t), sockets*perSocket+besides; free < need {
			t.Skipf("%d sockets and their edges need %.1f GiB of memory, and %.1f are free", sockets, float64(need)/(1<<30), float64(free)/(1<<30))
		}
	}
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		t.Fatal(err)
	}
	each := min(int(files.Cur), 1<<20) - 700 // an edge has files for its bus, too
	edges := max(2, (sockets+each-1)/each)
	bus := os.Getenv("BUS")
	if bus == "" {
		bus = cluster.Redis
	}

	bin := filepath.Dir(program(t))
	c, err := cluster.Start(t.Context(), cluster.Config{Bus: bus, Edges: edges, Presence: 1, Dir: t.TempDir(), Bin: bin})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	cfg := parse(t, "--scenario", "../../../infra/load/night.yaml")
	cfg.Sockets, cfg.RoomSize.Most, cfg.Processes = sockets, max(10, sockets/100), max(2, (sockets+each-1)/each)
	if sockets < 10_000 {
		cfg.Users, cfg.Rate, cfg.Duration = 10, 10, 3e9
	}
	cfg.URL, cfg.Edges = c.URL, nil
	cfg.program = program(t)
	for i := range edges {
		cfg.Edges = append(cfg.Edges, "http://"+c.Process(fmt.Sprint("edge-", i+1)).Addr)
	}
	var out bytes.Buffer
	if testing.Verbose() {
		err = Run(t.Context(), cfg, os.Stdout)
	} else {
		cfg.JSON = true
		err = Run(t.Context(), cfg, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	if cfg.JSON {
		var report struct{ Open, Sent, Acknowledged, Delivered int }
		if err := json.Unmarshal(out.Bytes(), &report); err != nil {
			t.Fatal(err)
		}
		if report.Open != sockets || report.Acknowledged == 0 || report.Acknowledged != report.Sent || report.Delivered != report.Sent*cfg.RoomSize.Most {
			t.Errorf("%s", out.String())
		}
	}
}

// availableMemory is what Linux could give programs without swapping, in bytes.
func availableMemory(t *testing.T) int {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "MemAvailable:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kb << 10
}
