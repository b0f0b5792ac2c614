// Package drill breaks a real cluster on purpose while a crowd talks in it, and says whether what Hubbub promises held.
//
// It owns the faults and the verdict; the cluster runs the processes, and the crowd accounts for the messages.
package drill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hubbub.internal/services/hubbub/cluster"
	"hubbub.internal/services/hubbub/load"
)

// Config is what `hubbub drill` can be told.
type Config struct {
	Bus      string        `help:"Bus of the cluster: redis or nats." default:"redis" enum:"redis,nats"`
	Only     []string      `help:"Faults to inject, separated by commas; empty: all. --list says which there are." placeholder:"FAULT"`
	List     bool          `help:"List the faults and end."`
	Duration time.Duration `help:"Go on with another round of all faults until so much time has gone by; 0: one round." default:"0s"`
	Seed     uint64        `help:"Of what is left to chance: the order of the faults, and whom they hit. The same seed has the same schedule." default:"1"`
	Edges    int           `help:"Edge processes." default:"3"`
	Presence int           `help:"Presence processes." default:"2"`
	Sockets  int           `help:"WebSockets of the crowd." default:"24"`
	Rooms    int           `help:"Rooms of the crowd, with half of the sockets in each." default:"4"`
	Rate     float64       `help:"Messages sent per second, by all sockets together." default:"60"`
	Bin      string        `help:"Folder of the services' binaries and nats-server; empty: build them first, with Go." placeholder:"DIR"`
	Dir      string        `help:"Folder of the cluster's data and logs; empty: a new one, which is removed when all is well." placeholder:"DIR"`
	JSON     bool          `name:"json" help:"Print the results as JSON, and nothing else."`
}

// Validate returns what is wrong with the configuration.
func (c *Config) Validate() error {
	for _, name := range c.Only {
		if !slices.ContainsFunc(Faults, func(f Fault) bool { return f.Name == name }) {
			return fmt.Errorf("--only: there is no fault %q; --list says which there are", name)
		}
	}
	if c.Edges < 2 || c.Presence < 1 {
		return errors.New("a drill needs two edges, so that clients have somewhere to go, and a presence process")
	}
	p := c.plan("http://localhost")
	return p.Validate()
}

func (c *Config) plan(url string) load.Plan {
	return load.Plan{
		URL: url, Users: max(1, c.Sockets/3), Sockets: c.Sockets, Rooms: c.Rooms, Size: max(1, c.Sockets/2),
		Rate: c.Rate, Bytes: 100, Ramp: 1000, Seed: c.Seed,
	}
}

// Result is what came of one fault.
type Result struct {
	Fault     string        `json:"fault"`
	Sent      int           `json:"sent"`
	Failed    int           `json:"failed"`             // given up, or refused: whether they are in the log is unknown
	NoService time.Duration `json:"no_service_ns"`      // the longest time in which nobody's message was acknowledged
	Slowest   time.Duration `json:"slowest_message_ns"` // from when a message was due to its acknowledgement
	Presence  time.Duration `json:"presence_ns"`        // from the end of the talk until presence was exact
	Verdict   load.Verdict  `json:"verdict"`
	Problem   string        `json:"problem,omitempty"` // why it is not good, besides the verdict
}

// Good reports whether everything that is promised held.
func (r *Result) Good() bool { return r.Problem == "" && r.Verdict.Good() }

// ErrFailed says that a promise did not hold.
var ErrFailed = errors.New("the drill has found a promise that does not hold")

// Execute implements daemon.Tool.
func (c *Config) Execute(ctx context.Context, out io.Writer) error {
	if c.List {
		for _, f := range Faults {
			fmt.Fprintf(out, "%-16s %s\n", f.Name, f.What)
		}
		return nil
	}
	results, err := Run(ctx, *c, out)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(results, func(r Result) bool { return !r.Good() }) {
		return ErrFailed
	}
	return nil
}

// Run starts a cluster, injects faults while a crowd talks, and prints what came of each on out. When ctx ends early, the
// results are those until then.
func Run(ctx context.Context, cfg Config, out io.Writer) (results []Result, err error) {
	dir := cfg.Dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "hubbub-drill-"); err != nil {
			return nil, fmt.Errorf("folder of the cluster: %w; choose one with --dir", err)
		}
		defer func() {
			if err == nil && !slices.ContainsFunc(results, func(r Result) bool { return !r.Good() }) {
				_ = os.RemoveAll(dir)
			}
		}()
	}
	say := func(format string, args ...any) {
		if !cfg.JSON {
			fmt.Fprintf(out, format, args...)
		}
	}
	bin := cfg.Bin
	if bin == "" {
		bin = filepath.Join(dir, "bin")
		say("Building the services …\n")
		if err := cluster.Build(ctx, bin); err != nil {
			return nil, fmt.Errorf("%w; or say where they are with --bin", err)
		}
	}
	say("Starting %d edges, %d presence, history, directory and nginx on %s; data and logs are in %s\n", cfg.Edges, cfg.Presence, cfg.Bus, dir)
	c, err := cluster.Start(ctx, cluster.Config{Bus: cfg.Bus, Edges: cfg.Edges, Presence: cfg.Presence, Dir: dir, Bin: bin, Proxies: true})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	crowd, err := load.Gather(ctx, cfg.plan(c.URL), func(int) {})
	if err != nil {
		return nil, err
	}
	defer crowd.Close()
	s := &stage{Cluster: c, crowd: crowd, rng: rand.New(rand.NewPCG(cfg.Seed, 3))}
	say("%s\n", header)
	for end := time.Now().Add(cfg.Duration); ; {
		for _, f := range cfg.schedule(s.rng) {
			if ctx.Err() != nil {
				break
			}
			r := s.inject(ctx, f)
			results = append(results, r)
			say("%s\n", r.row())
		}
		if ctx.Err() != nil || !time.Now().Before(end) {
			break
		}
	}
	return results, summary(cfg, results, out)
}

// schedule returns the faults of one round, in an order of chance.
func (c *Config) schedule(rng *rand.Rand) []Fault {
	var all []Fault
	for _, f := range Faults {
		if len(c.Only) == 0 || slices.Contains(c.Only, f.Name) {
			all = append(all, f)
		}
	}
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

const (
	calm     = time.Second      // of talk before a fault, and after it is mended
	patience = 60 * time.Second // for what is on its way after a fault
)

// inject has the crowd talk through a fault, and judges.
func (s *stage) inject(ctx context.Context, f Fault) Result {
	s.crowd.Restart()
	talk, hush := context.WithCancel(ctx)
	defer hush()
	talked := make(chan struct{})
	go func() {
		defer close(talked)
		s.crowd.Talk(talk)
	}()
	sleep(ctx, calm)
	err := f.do(ctx, s)
	sleep(ctx, calm)
	hush()
	<-talked

	m := s.crowd.Measured()
	r := Result{Fault: f.Name, Sent: m.Sent, NoService: m.LongestNo, Slowest: m.LongestMe}
	for _, n := range m.Failed {
		r.Failed += n
	}
	// An interrupted drill still judges what was said.
	ctx = context.WithoutCancel(ctx)
	var problems []string
	if err != nil {
		problems = append(problems, err.Error())
	}
	if r.Verdict, err = s.crowd.Judge(ctx, patience); err != nil {
		problems = append(problems, err.Error())
	}
	began := time.Now()
	if err := s.presence(ctx); err != nil {
		problems = append(problems, err.Error())
	}
	r.Presence = time.Since(began)
	r.Problem = strings.Join(problems, "; ")
	return r
}

// presenceBound is how long presence may be wrong after the last fault: the expiry of an edge that died, and one heartbeat.
const presenceBound = 25 * time.Second

// presence waits until everybody who is online is said to be, and nobody else.
func (s *stage) presence(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, presenceBound)
	defer cancel()
	for {
		err := s.crowd.Online(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

const header = "fault            sent  failed  acked  delivered  lost  doubled  misordered  rewinds  no service  slowest message  presence  verdict"

func (r *Result) row() string {
	v, word := r.Verdict, "good"
	if !r.Good() {
		word = strings.TrimSpace("BAD " + r.Problem)
		for _, f := range v.First {
			word += "\n    " + f
		}
	}
	ms := func(d time.Duration) string { return d.Round(time.Millisecond).String() }
	return fmt.Sprintf("%-15s  %4d  %6d  %5d  %9d  %4d  %7d  %10d  %7d  %10s  %15s  %8s  %s", r.Fault, r.Sent, r.Failed, v.Acknowledged, v.Delivered,
		v.Lost, v.Doubled, v.Misordered, v.Rewinds, ms(r.NoService), ms(r.Slowest), ms(r.Presence), word)
}

// summary prints the verdict of all.
func summary(cfg Config, results []Result, out io.Writer) error {
	var all load.Verdict
	bad := 0
	for _, r := range results {
		all.Add(r.Verdict)
		if !r.Good() {
			bad++
		}
	}
	if cfg.JSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		if err := e.Encode(map[string]any{"bus": cfg.Bus, "seed": cfg.Seed, "faults": results, "bad": bad}); err != nil {
			return fmt.Errorf("write the results: %w", err)
		}
		return nil
	}
	fmt.Fprintf(out, "\n%d faults on %s, seed %d, %d bad. %s\n", len(results), cfg.Bus, cfg.Seed, bad, all)
	return nil
}
