//go:build linux

package load

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hubbub.internal/libs/await"
	"hubbub.internal/services/hubbub/rigs/cluster"
)

// The memory in bytes that a socket takes on a machine that has both its ends (kernel, edge and
// load together), and that everything else takes: see docs/performance.md.
const (
	perSocket = 14_000
	besides   = 1 << 30
)

// TestMillion runs the load of infra/load/night.yaml on edges of this machine, each with as many
// sockets as it may open files. It is small unless SOCKETS gives the number of sockets, as `make
// million` does. BUS is the bus, redis or nats.
func TestMillion(t *testing.T) {
	t.Parallel()
	sockets, small := 300, true
	if s := os.Getenv("SOCKETS"); s != "" {
		var err error
		if sockets, err = strconv.Atoi(s); err != nil {
			t.Fatalf("SOCKETS is no number: %s", s)
		}
		small = false
		if free, need := memory(t, "MemAvailable"), sockets*perSocket+besides; free < need {
			t.Skipf("%d sockets and their edges need %.1f GiB of memory, and %.1f are free: take fewer (make million SOCKETS=%d)",
				sockets, float64(need)/(1<<30), float64(free)/(1<<30), max(0, (free-besides)/perSocket/1000*1000))
		}
	}
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		t.Fatal(err)
	}
	each := min(int(files.Cur), 20_000) - 700 // an edge has files for its bus, too
	processes := max(2, (sockets+each-1)/each)
	c, err := cluster.Start(t.Context(), cluster.Config{
		Bus: cmp.Or(os.Getenv("BUS"), cluster.Redis), Edges: processes, Presence: 1, Dir: t.TempDir(), Bin: filepath.Dir(program(t)),
		// With pings every 25 s, a million sockets would keep two cores busy with little else.
		Args: map[string][]string{"edge": {"--ping-after", "75s", "--idle-timeout", "100s", "--max-sockets-per-user", "0"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	cfg, err := parsed("--scenario", scenarios+"night.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cfg.URL, cfg.Edges, cfg.program = c.URL, nil, program(t)
	for i := range processes {
		cfg.Edges = append(cfg.Edges, "http://"+c.Process(fmt.Sprint("edge-", i+1)).Addr)
	}
	cfg.Sockets, cfg.RoomSize.Most, cfg.Processes = sockets, max(10, sockets/100), processes
	if small {
		cfg.Users, cfg.Rate, cfg.Duration = 10, 10, 3*time.Second
		r, err := run(t, cfg)
		if err != nil || r.Open != sockets || r.Acknowledged < 20 || r.Acknowledged != r.Sent || r.Delivered != r.Sent*cfg.RoomSize.Most {
			t.Errorf("%v: %+v", err, r)
		}
		return
	}
	// Not MemAvailable, which counts the kernel's memory of sockets as available. The difference
	// includes what other programs take meanwhile.
	free := func() int { return memory(t, "MemFree", "Buffers", "Cached") }
	before := free()
	least := before
	ctx, cancel := context.WithCancel(t.Context())
	var watch sync.WaitGroup
	watch.Go(func() {
		for await.Sleep(ctx, time.Second) == nil {
			least = min(least, free())
		}
	})
	err = Run(t.Context(), cfg, os.Stdout)
	cancel()
	watch.Wait()
	if err != nil {
		t.Error(err)
	}
	t.Logf("%d edges, and as many processes of the load; %.1f GiB of memory were taken, %d bytes for each socket", processes, float64(before-least)/(1<<30), (before-least)/sockets)
}

// memory returns the sum of fields of /proc/meminfo, in bytes.
func memory(t *testing.T, names ...string) (sum int) {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		t.Error(err)
	}
	for line := range strings.Lines(string(b)) {
		name, rest, _ := strings.Cut(line, ":")
		if slices.Contains(names, name) {
			kb, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Error(err)
			}
			sum += kb << 10
		}
	}
	return sum
}
