// Package drill breaks a real cluster on purpose while a crowd talks in it, and says whether Hubbub
// kept its promises.
//
// It owns the faults and the verdict; the cluster runs the processes, and the crowd accounts for
// the messages.
package drill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"hubbub.internal/libs/await"
	"hubbub.internal/services/hubbub/check"
	"hubbub.internal/services/hubbub/rigs/cluster"
	"hubbub.internal/services/hubbub/rigs/load"
)

// Config holds the flags of `hubbub drill`.
type Config struct {
	Bus      string        `help:"Bus of the cluster: redis or nats." default:"redis" enum:"redis,nats"`
	BusNodes int           `help:"Servers of the bus: 1, or 3, which are NATS with three replicas, or a Redis primary with two replicas and three Sentinels." default:"1"`
	Store    string        `help:"Store of history and the directory: sqlite, with one process of each, or mongodb (FerretDB, which takes the place of MongoDB in tests), with two." default:"sqlite" enum:"sqlite,mongodb"`
	Outage   time.Duration `help:"How long the store stays down, and at most how long all processes of a service do. History retries an entry for up to 72 s before it sets it aside: a shorter outage may end before that." default:"90s"`
	Times    bool          `help:"Also judge delays: after some faults no message may wait longer than promised." default:"true" negatable:""`
	Only     []string      `help:"Faults to inject, separated by commas; empty: all. --list lists them." placeholder:"FAULT"`
	List     bool          `help:"List the faults and exit."`
	Duration time.Duration `help:"Start another round of all faults until this time has passed; 0: one round." default:"0s"`
	Seed     uint64        `help:"Seed of all random choices: the order of the faults, and their targets. The same seed gives the same schedule." default:"1"`
	Edges    int           `help:"Edge processes." default:"3"`
	Presence int           `help:"Presence processes." default:"2"`
	Sockets  int           `help:"WebSockets of the crowd." default:"24"`
	Rooms    int           `help:"Rooms of the crowd, with half of the sockets in each." default:"4"`
	Rate     float64       `help:"Messages sent per second, by all sockets together." default:"60"`
	Bin      string        `help:"Folder of the services' binaries and nats-server; empty: build them first, with Go." placeholder:"DIR"`
	Previous string        `help:"Folder of the binaries of another release, such as the one before: the cluster starts with them, and the fault upgrade replaces them one by one, then goes back, and forward again." placeholder:"DIR"`
	Dir      string        `help:"Folder of the cluster's data and logs; empty: a new one, which is removed when all is well." placeholder:"DIR"`
	JSON     bool          `name:"json" help:"Print the results as JSON, and nothing else."`
}

// Validate returns what is wrong with the configuration, a line for each flag.
func (c *Config) Validate() error {
	var f check.Flags
	for _, name := range c.Only {
		if i := slices.IndexFunc(Faults, func(f Fault) bool { return f.Name == name }); i < 0 {
			f.Bad("only", name, "a fault that --list lists")
		} else if fault := Faults[i]; !c.has(fault.needs) {
			f.Bad("only", name, "another fault, or %s as well, which it needs", fault.needs)
		}
	}
	if c.BusNodes != 1 && c.BusNodes != 3 {
		f.Bad("bus-nodes", c.BusNodes, "1 or 3")
	}
	check.Within(&f, "edges", c.Edges, 2, 100) // so that clients have somewhere to go
	check.Within(&f, "presence", c.Presence, 1, 100)
	check.Within(&f, "outage", c.Outage, 0, time.Hour)
	check.Within(&f, "duration", c.Duration, 0, 1000*time.Hour)
	f.Add(cluster.CheckBin(c.Bin, c.programs()...))
	if c.Previous != "" && cluster.CheckBin(c.Previous, services...) != nil {
		f.Bad("previous", c.Previous, "a folder with %s in it: those that make build makes in a checkout of that release", strings.Join(services, ", "))
	}
	p := c.plan("http://localhost")
	f.Add(p.Validate())
	return f.Err()
}

// services names the programs of Hubbub itself.
var services = []string{"directory", "edge", "history", "presence"}

// programs returns the names of the cluster's programs that Go builds.
func (c *Config) programs() []string {
	all := slices.Clone(services)
	if c.Bus == cluster.NATS {
		all = append(all, "nats-server")
	}
	if c.Store == "mongodb" {
		all = append(all, "ferretdb")
	}
	return all
}

func (c *Config) plan(url string) load.Plan {
	return load.Plan{
		URL: url, Users: max(1, c.Sockets/3), Sockets: c.Sockets, Rooms: c.Rooms, Size: max(1, c.Sockets/2),
		Rate: c.Rate, Bytes: 100, Ramp: 1000, Seed: c.Seed, Library: true,
	}
}

// ErrFailed says that a promise did not hold.
var ErrFailed = errors.New("the drill has found a promise that does not hold")

// Execute implements daemon.Tool.
func (c *Config) Execute(ctx context.Context, out io.Writer) error {
	if c.List {
		for _, f := range Faults {
			fmt.Fprintf(out, "%-16s %s", f.Name, f.What)
			if f.needs != "" {
				fmt.Fprintf(out, " (%s)", f.needs)
			}
			fmt.Fprintln(out)
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

// Run starts a cluster, injects faults while a crowd talks, and prints the result of each on out.
// When ctx ends early, it returns the results so far.
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
	if cfg.Bin == "" {
		say("Building the services …\n")
	}
	bin, err := cluster.Bin(ctx, cfg.Bin, cfg.programs()...)
	if err != nil {
		return nil, err
	}
	for _, f := range Faults {
		if d := f.shortest(); d > cfg.Outage && cfg.plays(f) {
			say("An outage of %s is too short for %s to show whether history gives up entries: that takes %s\n", cfg.Outage, f.Name, d)
		}
	}
	say("Starting a cluster on %s; data and logs are in %s\n", cfg.Bus, dir)
	c, crowd, err := gather(ctx, cfg, dir, bin)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	defer crowd.Close()
	s := &stage{Cluster: c, cfg: cfg, crowd: crowd, bin: bin}
	if s.base, err = s.measure(ctx); err != nil {
		return nil, err
	}
	say("%s\n", header)
	rng := rand.New(rand.NewPCG(cfg.Seed, 3))
	for end := time.Now().Add(cfg.Duration); ; {
		for _, t := range cfg.schedule(rng) {
			if ctx.Err() != nil {
				break
			}
			r := s.inject(ctx, t)
			results = append(results, r)
			say("%s\n", r.row())
			if cfg.Duration > 0 && !time.Now().Before(end) {
				break
			}
		}
		if ctx.Err() != nil || !time.Now().Before(end) {
			break
		}
	}
	return results, summary(cfg, results, out)
}

// gather starts a cluster and connects a crowd to it.
func gather(ctx context.Context, cfg Config, dir, bin string) (*cluster.Cluster, *load.Crowd, error) {
	stores := 1
	if cfg.Store == "mongodb" {
		stores = 2
	}
	c, err := cluster.Start(ctx, cluster.Config{
		Bus: cfg.Bus, BusNodes: cfg.BusNodes, Edges: cfg.Edges, Stores: stores, Presence: cfg.Presence, Dir: dir, Bin: bin, Services: cfg.Previous,
		MongoDB: cfg.Store == "mongodb", Proxies: true,
	})
	if err != nil {
		return nil, nil, err
	}
	crowd, err := load.Gather(ctx, cfg.plan(c.URL))
	if err != nil {
		c.Close()
		return nil, nil, err
	}
	return c, crowd, nil
}

// turn is a fault of a schedule, with the seed that decides which processes it hits.
type turn struct {
	Fault
	chance uint64
}

// dice returns the random numbers that choose what the turn hits.
func (t turn) dice() *rand.Rand { return rand.New(rand.NewPCG(t.chance, 5)) }

// plays reports whether a fault is part of the drill.
func (c *Config) plays(f Fault) bool {
	return c.has(f.needs) && (len(c.Only) == 0 || slices.Contains(c.Only, f.Name))
}

// schedule returns the faults of one round, in random order.
func (c *Config) schedule(rng *rand.Rand) []turn {
	var all []turn
	for _, f := range Faults {
		if c.plays(f) {
			all = append(all, turn{f, rng.Uint64()})
		}
	}
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

const (
	calm     = time.Second      // of talk before a fault, and after it is mended
	patience = 60 * time.Second // for messages that are still on their way after a fault
)

// patience returns how long a verdict may take. FerretDB scans everything for each page of history.
func (c *Config) patience() time.Duration {
	if c.Store == "mongodb" {
		return 5 * patience
	}
	return patience
}

// inject lets the crowd talk during a fault, and judges.
func (s *stage) inject(ctx context.Context, t turn) Result {
	s.dice, s.hit = t.dice(), nil
	s.crowd.Restart()
	talk, hush := context.WithCancel(ctx)
	defer hush()
	talked := make(chan error, 1)
	go func() { talked <- s.crowd.Talk(talk) }()
	_ = await.Sleep(ctx, calm)
	began := time.Now()
	err := t.do(ctx, s)
	r := Result{Fault: t.Name, Hit: s.hit, Took: time.Since(began)}
	_ = await.Sleep(ctx, calm)
	hush()
	talkErr := <-talked

	var problems []string
	problem := func(err error) {
		if err != nil {
			problems = append(problems, err.Error())
		}
	}
	problem(talkErr)
	if errors.Is(err, errSkip) {
		r.Skipped = err.Error()
	} else {
		problem(err)
	}
	// An interrupted drill still judges the messages sent so far.
	ctx = context.WithoutCancel(ctx)
	r.Verdict, err = s.crowd.Judge(ctx, s.cfg.patience())
	problem(err)
	r.setMeasured(s.crowd.Measured())
	problem(s.deadLetters(ctx))
	began = time.Now()
	problem(s.presence(ctx))
	r.Presence = time.Since(began)
	r.Holds, err = s.back(ctx)
	problem(err)
	problem(r.codes())
	if most := s.cfg.most(t.Fault); most > 0 && r.Slowest > most {
		problem(fmt.Errorf("a message waited for %s, and at most %s are promised", r.Slowest.Round(time.Millisecond), most))
	}
	r.Problem = strings.Join(problems, "; ")
	return r
}

// most returns how long a message may wait after a fault; 0: there is no bound.
func (c *Config) most(f Fault) time.Duration {
	if !c.Times || f.bound == nil {
		return 0
	}
	return f.bound(c)
}

// presenceBound is how long presence may be wrong after the last fault: the expiry of an edge that
// died, and one heartbeat.
const presenceBound = 25 * time.Second

// presence waits until presence reports exactly the users who are online.
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
