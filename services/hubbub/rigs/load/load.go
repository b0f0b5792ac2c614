package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"hubbub.internal/services/hubbub/check"
)

// The values of the flag --client.
const (
	automatic = "auto"
	strict    = "swarm"
	healing   = "library"
)

// Config holds the flags of `hubbub load`.
type Config struct {
	Scenario Scenario      `help:"YAML file with these settings, as in infra/load; flags override it." placeholder:"FILE"`
	URL      string        `help:"Where Hubbub answers, as in a browser's address bar." default:"http://localhost:9080" placeholder:"URL"`
	Edges    []string      `help:"URLs of edges, to spread the sockets over rather than to connect to --url." placeholder:"URL"`
	Token    string        `help:"Access token of the user of all sockets, for a server that lets no guests in. Empty: guests." placeholder:"TOKEN"`
	Sockets  int           `help:"WebSockets to open." default:"100"`
	Users    int           `help:"Guests to log in; each may have several sockets, as devices. 0: one for each 50 sockets, 20 to 250." default:"0"`
	Rooms    int           `help:"Rooms to create." default:"10"`
	RoomSize Size          `help:"Sockets in each room, or zipf:N: N in the largest, N/2 in the next, N/3 …" default:"20" placeholder:"N"`
	Speakers int           `help:"Sockets that send messages; 0: all that are in a room." default:"0"`
	Rate     float64       `help:"Messages sent per second, by all sockets together. A server allows each socket 20 commands per second by default." default:"20"`
	Think    time.Duration `help:"Average of the random time between two messages of a socket, instead of --rate. 0: --rate." default:"0"`
	Size     int           `help:"Bytes of a message's text, at least." default:"100"`
	Ramp     float64       `help:"Sockets opened per second." default:"100"`
	Churn    float64       `help:"Sockets per second that drop their connection and resume; 0: none." default:"0"`
	Storm    bool          `name:"reconnect-storm" help:"Reconnect all sockets at once, after half of the duration."`
	Duration time.Duration `help:"How long to talk." default:"30s"`
	Verify   bool          `help:"Check at the end that every acknowledged message was seen by everybody, once, in order, and is in history." default:"true" negatable:""`
	Patience time.Duration `help:"How long the load waits for a further socket before it gives up, and how long the check at the end waits for messages on their way." default:"1m"`
	Seed     uint64        `help:"Seed of all random choices." default:"1"`
	JSON     bool          `name:"json" help:"Print the report as JSON, and nothing else."`

	Processes int    `help:"Processes to open the sockets from: each may have as many as its limit of open files." default:"1"`
	Netns     bool   `help:"Open the sockets in a network namespace of their own, with a network between it and this machine (Linux, root, a server here that listens on all addresses): they share neither ports nor connection tables with other programs."`
	Client    string `help:"Kind of the clients: swarm, which takes a hundred bytes for each and repairs nothing that a server omits (Linux, http); library, the Go client, which does; auto: swarm where possible." default:"auto" enum:"auto,swarm,library"`
	Pids      []int  `help:"Processes of the server on this machine, whose CPU time the report shows. None: those that listen where the sockets connect." placeholder:"PID"`
	Part      bool   `hidden:"" help:"Be a process of a load."`

	program string // that child processes run; empty: this one
}

// Validate returns what is wrong with the configuration, a line for each flag.
func (c *Config) Validate() error {
	var f check.Flags
	for i, u := range append([]string{c.URL}, c.Edges...) {
		if !strings.HasPrefix(u, "http://") && !strings.HasPrefix(u, "https://") {
			flag := "url"
			if i > 0 {
				flag = "edges"
			}
			f.Bad(flag, u, "a URL that begins with http:// or https://")
		}
	}
	check.Above(&f, "duration", c.Duration, 0, maxDuration)
	check.Above(&f, "patience", c.Patience, 0, maxDuration)
	check.Within(&f, "churn", c.Churn, 0, maxRate)
	if c.Users < 0 {
		f.Bad("users", c.Users, "0 or more")
	}
	check.Within(&f, "processes", c.Processes, 1, min(mostProcesses, max(1, c.Sockets)))
	// plan() bounds users and room sizes by the number of sockets.
	p := c.plan()
	p.Users, p.Size = max(1, p.Users), max(1, p.Size)
	f.Add(p.Validate())
	if f.Err() != nil {
		return f.Err()
	}
	if c.Client == healing {
		c.alone(&f, "%s with --client library; --client swarm can have more")
	} else if !swarms(&p) {
		c.alone(&f, "%s: more needs --client swarm, which is for Linux, and http:// rather than https://")
		if c.Client == strict {
			f.Bad("client", c.Client, "auto or library: a swarm needs Linux, and http:// rather than https://")
		}
	}
	if c.Netns && !haveNetns {
		f.Bad("netns", true, "left out: it needs Linux")
	}
	return f.Err()
}

// alone reports flags that need a swarm. needs is a format that says what they have to be, and why.
func (c *Config) alone(f *check.Flags, needs string) {
	if c.Processes > 1 {
		f.Bad("processes", c.Processes, needs, "1")
	}
	if c.Netns {
		f.Bad("netns", true, needs, "left out")
	}
}

// maxDuration bounds how long a load may be told to take.
const maxDuration = 10_000 * time.Hour

// mostProcesses is how many processes can have source addresses of their own.
const mostProcesses = 127

func (c *Config) plan() Plan {
	p := Plan{
		URL: strings.TrimSuffix(c.URL, "/"), Users: min(c.users(), c.Sockets), Sockets: c.Sockets, Rooms: c.Rooms,
		Size: min(c.RoomSize.Most, c.Sockets), Zipf: c.RoomSize.Zipf,
		Rate: c.Rate, Bytes: c.Size, Ramp: c.Ramp, Seed: c.Seed, Token: c.Token, Speakers: c.Speakers, Think: c.Think, Patience: c.Patience,
	}
	for _, e := range c.Edges {
		p.Edges = append(p.Edges, strings.TrimSuffix(e, "/"))
	}
	p.Library = c.Client == healing || !swarms(&p)
	return p
}

// users returns how many guests log in. With the default settings, a server lets a user have 100
// sockets on an edge, and 300 guests a minute in from one address.
func (c *Config) users() int {
	if c.Users > 0 {
		return c.Users
	}
	return min(max(20, (c.Sockets+49)/50), 250)
}

// ErrVerdict says that messages were lost, doubled or out of order.
var ErrVerdict = errors.New("messages were lost, doubled or misordered")

// Execute implements daemon.Tool.
func (c *Config) Execute(ctx context.Context, out io.Writer) error {
	if c.Part {
		return servePart(pipe{os.Stdin, os.Stdout})
	}
	return Run(ctx, *c, out)
}

// Run loads the Hubbub at cfg.URL and prints a report on out. When ctx ends early or something
// fails, the report covers the time until then. The error is ErrVerdict, or says what failed.
func Run(ctx context.Context, cfg Config, out io.Writer) error {
	if err := checkFiles(cfg.Sockets, cfg.Processes); err != nil {
		return err
	}
	if err := checkTarget(ctx, cfg.URL); err != nil {
		return err
	}
	v := newView(out, &cfg)
	report := Report{Sockets: cfg.Sockets, Rooms: cfg.Rooms, Failed: make(map[string]int), Lost: make(map[string]int)}
	err := cfg.load(ctx, v, &report)
	if report.Interrupted = ctx.Err() != nil; report.Interrupted && errors.Is(err, ctx.Err()) {
		err = nil
	}
	if werr := report.write(out, cfg.JSON); werr != nil || err != nil {
		return errors.Join(err, werr)
	}
	if v := report.Verdict; v != nil && !v.Good() {
		return ErrVerdict
	}
	return nil
}

// load assembles a crowd, lets it talk, and fills in the report.
func (c *Config) load(ctx context.Context, v *view, report *Report) (err error) {
	var place placement
	if c.Netns {
		if place.network, err = openNetwork(ctx); err != nil {
			return err
		}
		defer place.network.close()
	}
	var all *Crowd
	var step atomic.Value
	v.watch(ctx, func() { v.preparing(step.Load()) }, func(ctx context.Context) {
		all, err = c.assemble(ctx, place, func(s string) { step.Store(s) })
	})
	if err != nil {
		return err
	}
	defer all.Close()

	pids := c.serverPids() // before there are very many open files to look at
	all.Restart()
	v.watch(ctx, func() { v.entering(all.Open(), all.Measured()) }, func(ctx context.Context) { err = all.Enter(ctx) })
	report.entered(all.Open(), all.Measured())
	if err != nil {
		return err
	}
	used := cpuTime(pids)
	all.Restart()
	v.watch(ctx, func() { v.talking(all.Open(), all.Measured()) }, func(ctx context.Context) { err = perform(ctx, all, *c, report) })
	report.setMeasured(all.Measured())
	report.CPU, report.Pids = max(0, cpuTime(pids)-used), pids
	if err != nil || !c.Verify {
		return err
	}
	var verdict Verdict
	v.watch(ctx, func() { v.preparing("comparing what was seen with history") }, func(ctx context.Context) {
		verdict, err = all.Judge(context.WithoutCancel(ctx), c.Patience)
	})
	if err != nil {
		return err
	}
	report.Verdict = &verdict
	report.Delivered = verdict.Delivered // includes what arrived after the time was up
	return nil
}

// assemble returns the crowd of the configuration, without connections, and reports its progress to
// tell.
func (c *Config) assemble(ctx context.Context, place placement, tell func(string)) (*Crowd, error) {
	plan := c.plan()
	place.processes, place.program = c.Processes, c.program
	if place.program == "" {
		var err error
		if place.program, err = os.Executable(); err != nil {
			return nil, fmt.Errorf("find this program: %w", err)
		}
	}
	return assemble(ctx, plan, place, tell)
}

// checkTarget returns an error if no Hubbub answers at url.
func checkTarget(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	keys := strings.TrimSuffix(url, "/") + "/.well-known/jwks.json"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, keys, http.NoBody)
	if err != nil {
		return fmt.Errorf("--url: %w", err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("nothing answers at %s: is Hubbub running there? %w", url, err)
	}
	defer res.Body.Close()
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&set); res.StatusCode != http.StatusOK || err != nil || len(set.Keys) == 0 {
		return fmt.Errorf("what answers at %s is not Hubbub, or its directory is away: %s is answered with status %d and no keys", url, keys, res.StatusCode)
	}
	return nil
}
