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
)

// The clients that a load can be made of.
const (
	automatic = "auto"
	strict    = "swarm"
	healing   = "library"
)

// Config is what `hubbub load` can be told.
type Config struct {
	Scenario Scenario      `help:"File of such settings, one a line, as infra/load has them; what is said here goes before." placeholder:"FILE"`
	URL      string        `help:"Where Hubbub answers, as in a browser's address bar." default:"http://localhost:9080" placeholder:"URL"`
	Edges    []string      `help:"Where edges answer, to connect to them all in turn rather than to --url." placeholder:"URL"`
	Token    string        `help:"Access token of a user whose all sockets are to be, where guests are not let in. Empty: guests." placeholder:"TOKEN"`
	Sockets  int           `help:"WebSockets to open." default:"100"`
	Users    int           `help:"Guests to log in; sockets beyond them are further devices of theirs." default:"20"`
	Rooms    int           `help:"Rooms to make." default:"10"`
	RoomSize Size          `help:"Sockets in each room, or zipf:N: N in the largest, N/2 in the next, N/3 …" default:"20" placeholder:"N"`
	Speakers int           `help:"Sockets that say something; 0: all that are in a room." default:"0"`
	Rate     float64       `help:"Messages sent per second, by all sockets together. A server allows each socket 20 commands per second by default." default:"20"`
	Think    time.Duration `help:"Time between two messages of a socket, by chance, this on average, instead of --rate. 0: --rate." default:"0"`
	Size     int           `help:"Bytes of a message's text, at least." default:"100"`
	Ramp     float64       `help:"Sockets opened per second." default:"100"`
	Churn    float64       `help:"Sockets per second that drop their connection and resume; 0: none." default:"0"`
	Storm    bool          `name:"reconnect-storm" help:"Have all sockets reconnect at once, after half of the duration."`
	Duration time.Duration `help:"How long to talk." default:"30s"`
	Verify   bool          `help:"Check at the end that every acknowledged message was seen by everybody, once, in order, and is in history." default:"true" negatable:""`
	Seed     uint64        `help:"Of what is left to chance." default:"1"`
	JSON     bool          `name:"json" help:"Print the report as JSON, and nothing else."`

	Processes int    `help:"Processes to open the sockets from: each may have as many as its limit of open files." default:"1"`
	Client    string `help:"What the sockets are: swarm, which takes a hundred bytes each and mends nothing that a server leaves out (Linux, http); library, the Go client, which does; auto: swarm where it can be." default:"auto" enum:"auto,swarm,library"`
	Pids      []int  `help:"Processes of the server on this machine, to tell what CPU time it takes. None: those that listen where the sockets connect." placeholder:"PID"`
	Part      bool   `hidden:"" help:"Be a process of a load."`

	program string // that children run; empty: this one
}

// Validate returns what is wrong with the configuration.
func (c *Config) Validate() error {
	for _, u := range append([]string{c.URL}, c.Edges...) {
		if !strings.HasPrefix(u, "http://") && !strings.HasPrefix(u, "https://") {
			return fmt.Errorf("--url and --edges: %q begins with neither http:// nor https://", u)
		}
	}
	if c.Duration <= 0 || c.Churn < 0 {
		return errors.New("--duration is above 0, and --churn not below")
	}
	p := c.plan()
	switch {
	case c.Processes < 1 || c.Processes > c.Sockets || c.Processes > mostProcesses:
		return fmt.Errorf("--processes is 1 to %d, and there is a socket for each", mostProcesses)
	case !swarms(&p) && (c.Processes > 1 || c.Client == strict):
		return errors.New("--processes and --client swarm need Linux, and http:// rather than https://")
	case c.Client == healing && c.Processes > 1:
		return errors.New("--processes needs --client swarm")
	}
	return p.Validate()
}

// mostProcesses is how many have addresses of their own to connect from.
const mostProcesses = 127

func (c *Config) plan() Plan {
	p := Plan{
		URL: strings.TrimSuffix(c.URL, "/"), Users: min(c.Users, c.Sockets), Sockets: c.Sockets, Rooms: c.Rooms,
		Size: min(c.RoomSize.Most, c.Sockets), Zipf: c.RoomSize.Zipf,
		Rate: c.Rate, Bytes: c.Size, Ramp: c.Ramp, Seed: c.Seed, Token: c.Token, Speakers: c.Speakers, Think: c.Think,
	}
	for _, e := range c.Edges {
		p.Edges = append(p.Edges, strings.TrimSuffix(e, "/"))
	}
	return p
}

// ErrVerdict says that messages were lost, doubled or out of order.
var ErrVerdict = errors.New("messages were lost, doubled or misordered")

// patience is how long a verdict waits for what is still on its way.
const patience = 60 * time.Second

// Execute implements daemon.Tool.
func (c *Config) Execute(ctx context.Context, out io.Writer) error {
	if c.Part {
		return servePart(pipe{os.Stdin, os.Stdout})
	}
	return Run(ctx, *c, out)
}

// Run loads the Hubbub at cfg.URL and prints a report on out: also when ctx ends early, of what there is until then. The
// error is ErrVerdict, or says why there was no load.
func Run(ctx context.Context, cfg Config, out io.Writer) error {
	if err := checkFiles(cfg.Sockets, cfg.Processes); err != nil {
		return err
	}
	if err := checkTarget(ctx, cfg.URL); err != nil {
		return err
	}
	say := func(format string, args ...any) {
		if !cfg.JSON {
			fmt.Fprintf(out, format+"\n", args...)
		}
	}
	var there atomic.Int64
	var all crowd
	var err error
	watched(ctx, say, func() string { return fmt.Sprintf("%d of %d sockets", there.Load(), cfg.Sockets) }, func(ctx context.Context) {
		all, err = cfg.gather(ctx, func(n int) { there.Store(int64(n)) })
	})
	report := Report{Sockets: cfg.Sockets, Open: int(there.Load()), Rooms: cfg.Rooms}
	switch {
	case err != nil && ctx.Err() != nil:
		say("Interrupted with %d of %d sockets open.", there.Load(), cfg.Sockets)
		report.Interrupted = true
		report.take(Measured{})
		return report.write(out, cfg.JSON)
	case err != nil:
		return fmt.Errorf("%d of %d sockets are open: %w", there.Load(), cfg.Sockets, err)
	}
	defer all.Close()
	all.Restart()
	pids := cfg.serverPids()
	used := cpuTime(pids)
	watched(ctx, say, func() string { m := all.Measured(); return m.line() }, func(ctx context.Context) { err = perform(ctx, all, cfg, &report) })
	if err != nil {
		return err
	}
	report.take(all.Measured())
	report.CPU, report.Pids = cpuTime(pids)-used, pids
	report.Interrupted = ctx.Err() != nil
	if cfg.Verify {
		v, err := all.Judge(context.WithoutCancel(ctx), patience)
		if err != nil {
			return errors.Join(err, report.write(out, cfg.JSON))
		}
		report.Verdict = &v
		report.Delivered = v.Delivered // with what was on its way when the time was up
	}
	if err := report.write(out, cfg.JSON); err != nil {
		return err
	}
	if v := report.Verdict; v != nil && !v.Good() {
		return ErrVerdict
	}
	return nil
}

// gather has the crowd that the configuration wants come together.
func (c *Config) gather(ctx context.Context, progress func(int)) (crowd, error) {
	plan := c.plan()
	if c.Client == healing || !swarms(&plan) {
		few, err := Gather(ctx, plan, progress)
		return people{few}, err
	}
	program := c.program
	if program == "" {
		var err error
		if program, err = os.Executable(); err != nil {
			return nil, fmt.Errorf("find this program: %w", err)
		}
	}
	return gatherThrong(ctx, plan, c.Processes, program, progress)
}

// watched does something, and says once a second how far it is.
func watched(ctx context.Context, say func(string, ...any), line func() string, do func(context.Context)) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		do(ctx)
	}()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			say("%s", line())
		}
	}
}

// checkTarget returns why there is no Hubbub at url.
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
