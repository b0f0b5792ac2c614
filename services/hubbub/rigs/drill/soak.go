package drill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"hubbub.internal/services/hubbub/check"
	"hubbub.internal/services/hubbub/rigs/cluster"
	"hubbub.internal/services/hubbub/rigs/load"
)

// Soak holds the flags of `hubbub soak`.
type Soak struct {
	Bus       string        `help:"Bus of the cluster: redis or nats." default:"redis" enum:"redis,nats"`
	BusNodes  int           `help:"Servers of the bus: 1 or 3." default:"1"`
	Duration  time.Duration `help:"How long to talk. The first third is to warm up." default:"10m"`
	Every     time.Duration `help:"How often the services are measured." default:"10s"`
	Reconnect time.Duration `help:"How often all sockets reconnect." default:"30s"`
	Sockets   int           `help:"WebSockets of the crowd." default:"60"`
	Rooms     int           `help:"Rooms of the crowd, with half of the sockets in each." default:"4"`
	Rate      float64       `help:"Messages sent per second, by all sockets together." default:"100"`
	Bin       string        `help:"Folder of the services' binaries and nats-server; empty: build them first, with Go." placeholder:"DIR"`
	JSON      bool          `name:"json" help:"Print the result as JSON, and nothing else."`
}

// leastMeasured is how often a soak measures at least: it compares thirds of its time, and each
// third needs more than one measurement.
const leastMeasured = 6

// Validate returns what is wrong with the configuration, a line for each flag.
func (c *Soak) Validate() error {
	var f check.Flags
	check.Within(&f, "every", c.Every, 100*time.Millisecond, time.Hour)
	check.Within(&f, "reconnect", c.Reconnect, 100*time.Millisecond, 1000*time.Hour)
	check.Within(&f, "duration", c.Duration, 0, 1000*time.Hour)
	switch least := leastMeasured * c.Every; {
	case f.Err() != nil:
	case c.Duration >= least:
	case c.Duration/leastMeasured >= 100*time.Millisecond:
		f.Bad("duration", c.Duration, "at least %s, which is %d times --every; or give --every %s", least, leastMeasured, (c.Duration / leastMeasured).Truncate(100*time.Millisecond))
	default:
		f.Bad("duration", c.Duration, "at least %s, which is %d times --every", least, leastMeasured)
	}
	cfg := c.drill()
	cfg.Bin = c.Bin
	f.Add(cfg.Validate())
	return f.Err()
}

// drill returns the configuration of the cluster and the crowd.
func (c *Soak) drill() Config {
	return Config{
		Bus: c.Bus, BusNodes: c.BusNodes, Store: "sqlite", Edges: 3, Presence: 2, Sockets: c.Sockets, Rooms: c.Rooms, Rate: c.Rate, Seed: 1,
	}
}

// Soaked is the outcome of a soak.
type Soaked struct {
	Verdict  load.Verdict        `json:"verdict"`
	Services map[string][]vitals `json:"services"` // the measurements in order, by service
	Problem  string              `json:"problem,omitempty"`
}

// Execute implements daemon.Tool.
func (c *Soak) Execute(ctx context.Context, out io.Writer) error {
	dir, err := os.MkdirTemp("", "hubbub-soak-")
	if err != nil {
		return fmt.Errorf("folder of the cluster: %w", err)
	}
	defer os.RemoveAll(dir)
	cfg := c.drill()
	bin, err := cluster.Bin(ctx, c.Bin, cfg.programs()...)
	if err != nil {
		return err
	}
	got, err := c.run(ctx, dir, bin)
	if err != nil {
		return err
	}
	if c.JSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		err = e.Encode(got)
	} else {
		err = got.print(out)
	}
	if err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	if got.Problem != "" || !got.Verdict.Good() {
		return ErrFailed
	}
	return nil
}

// run lets a crowd talk in a cluster and reconnect now and then, and measures the services
// meanwhile.
func (c *Soak) run(ctx context.Context, dir, bin string) (got Soaked, err error) {
	cl, crowd, err := gather(ctx, c.drill(), dir, bin)
	if err != nil {
		return got, err
	}
	defer cl.Close()
	defer crowd.Close()
	s := &stage{Cluster: cl, crowd: crowd}
	talk, hush := context.WithTimeout(ctx, c.Duration)
	defer hush()
	talked := make(chan error, 1)
	go func() { talked <- crowd.Talk(talk) }()
	reconnected := make(chan error, 1)
	go func() { reconnected <- every(talk, c.Reconnect, func() error { return crowd.Reconnect(ctx) }) }()
	got.Services = make(map[string][]vitals)
	err = every(talk, c.Every, func() error {
		now, err := s.measure(ctx)
		for name, v := range now {
			got.Services[name] = append(got.Services[name], v)
		}
		return err
	})
	hush()
	if err := errors.Join(err, <-talked, <-reconnected); err != nil {
		return got, err
	}
	ctx = context.WithoutCancel(ctx)
	if got.Verdict, err = crowd.Judge(ctx, patience); err != nil {
		return got, err
	}
	got.Problem = got.slopes()
	return got, nil
}

// every calls do at intervals until ctx ends or do fails.
func every(ctx context.Context, pause time.Duration, do func() error) error {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := do(); err != nil {
				return err
			}
		}
	}
}

// What counts as flat: the minimum of the last third exceeds that of the second third by no more
// than this.
const (
	flatHeap       = 1 << 20
	flatGoroutines = 20
	flatFiles      = 10
)

// slopes names what grew from the second third of the time to the last; "": nothing. It compares
// the minimum of each third, so that what only fluctuates does not count as growth.
func (r *Soaked) slopes() string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(r.Services)) {
		v := r.Services[name]
		third := len(v) / 3
		if third == 0 {
			all = append(all, name+" was not measured often enough")
			continue
		}
		for _, q := range []struct {
			what string
			of   func(vitals) int64
			flat int64
		}{
			{"bytes of heap", func(v vitals) int64 { return v.Heap }, flatHeap},
			{"goroutines", func(v vitals) int64 { return v.Goroutines }, flatGoroutines},
			{"open files", func(v vitals) int64 { return v.Files }, flatFiles},
		} {
			less := func(a, b vitals) int { return int(q.of(a) - q.of(b)) }
			was, is := q.of(slices.MinFunc(v[third:2*third], less)), q.of(slices.MinFunc(v[2*third:], less))
			if is > was+q.flat {
				all = append(all, fmt.Sprintf("%s had at least %d %s in the second third, and %d in the last", name, was, q.what, is))
			}
		}
	}
	return strings.Join(all, "; ")
}

func (r *Soaked) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "service\theap after a third, two thirds, at the end\tgoroutines\topen files")
	for _, name := range slices.Sorted(maps.Keys(r.Services)) {
		v := r.Services[name]
		a, b, c := v[len(v)/3], v[2*len(v)/3], v[len(v)-1]
		fmt.Fprintf(w, "%s\t%.1f  %.1f  %.1f MiB\t%d  %d  %d\t%d  %d  %d\n", name, mib(a.Heap), mib(b.Heap), mib(c.Heap),
			a.Goroutines, b.Goroutines, c.Goroutines, a.Files, b.Files, c.Files)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	word := "flat"
	if r.Problem != "" {
		word = "GROWS: " + r.Problem
	}
	_, err := fmt.Fprintf(out, "memory, goroutines and descriptors: %s\n%s\n%s", word, r.Verdict, strings.Join(append(r.Verdict.First.All(), ""), "\n"))
	return err
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }
