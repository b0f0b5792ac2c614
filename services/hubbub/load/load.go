package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Config is what `hubbub load` can be told.
type Config struct {
	URL      string        `help:"Where Hubbub answers, as in a browser's address bar." default:"http://localhost:9080" placeholder:"URL"`
	Sockets  int           `help:"WebSockets to open." default:"100"`
	Users    int           `help:"Guests to log in; sockets beyond them are further devices of theirs." default:"20"`
	Rooms    int           `help:"Rooms to make." default:"10"`
	RoomSize int           `help:"Sockets in each room." default:"20"`
	Rate     float64       `help:"Messages sent per second, by all sockets together. A server allows each socket 20 commands per second by default." default:"20"`
	Size     int           `help:"Bytes of a message's text, at least." default:"100"`
	Ramp     float64       `help:"Sockets opened per second." default:"100"`
	Churn    float64       `help:"Sockets per second that drop their connection and resume; 0: none." default:"0"`
	Storm    bool          `help:"Have all sockets reconnect at once, after half of the duration."`
	Duration time.Duration `help:"How long to talk." default:"30s"`
	Verify   bool          `help:"Check at the end that every acknowledged message was seen by everybody, once, in order, and is in history." default:"true" negatable:""`
	Seed     uint64        `help:"Of what is left to chance." default:"1"`
	JSON     bool          `name:"json" help:"Print the report as JSON, and nothing else."`
}

// Validate returns what is wrong with the configuration.
func (c *Config) Validate() error {
	if !strings.HasPrefix(c.URL, "http://") && !strings.HasPrefix(c.URL, "https://") {
		return fmt.Errorf("--url: %q begins with neither http:// nor https://", c.URL)
	}
	if c.Duration <= 0 || c.Churn < 0 {
		return errors.New("--duration is above 0, and --churn not below")
	}
	p := c.plan()
	return p.Validate()
}

func (c *Config) plan() Plan {
	return Plan{
		URL: strings.TrimSuffix(c.URL, "/"), Users: min(c.Users, c.Sockets), Sockets: c.Sockets, Rooms: c.Rooms, Size: min(c.RoomSize, c.Sockets),
		Rate: c.Rate, Bytes: c.Size, Ramp: c.Ramp, Seed: c.Seed,
	}
}

// ErrVerdict says that messages were lost, doubled or out of order.
var ErrVerdict = errors.New("messages were lost, doubled or misordered")

// patience is how long a verdict waits for what is still on its way.
const patience = 60 * time.Second

// Execute implements daemon.Tool.
func (c *Config) Execute(ctx context.Context, out io.Writer) error { return Run(ctx, *c, out) }

// Run loads the Hubbub at cfg.URL and prints a report on out: also when ctx ends early, of what there is until then. The
// error is ErrVerdict, or says why there was no load.
func Run(ctx context.Context, cfg Config, out io.Writer) error {
	if err := checkFiles(cfg.Sockets); err != nil {
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
	var crowd *Crowd
	var err error
	watched(ctx, say, func() string { return fmt.Sprintf("%d of %d sockets", there.Load(), cfg.Sockets) }, func(ctx context.Context) {
		crowd, err = Gather(ctx, cfg.plan(), func(n int) { there.Store(int64(n)) })
	})
	if err != nil {
		if ctx.Err() != nil {
			say("Interrupted with %d of %d sockets open.", there.Load(), cfg.Sockets)
			return nil
		}
		return fmt.Errorf("%d of %d sockets are open: %w", there.Load(), cfg.Sockets, err)
	}
	defer crowd.Close()
	report := Report{Sockets: crowd.Sockets(), Rooms: cfg.Rooms}
	crowd.Restart()
	watched(ctx, say, func() string { m := crowd.Measured(); return m.line() }, func(ctx context.Context) { perform(ctx, crowd, cfg, &report) })
	report.take(crowd.Measured())
	if cfg.Verify {
		v, err := crowd.Judge(context.WithoutCancel(ctx), patience)
		if err != nil {
			return err
		}
		report.Verdict = &v
		report.Delivered = v.Delivered // with what was on its way when the time was up
	}
	if cfg.JSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		if err := e.Encode(report); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	} else {
		report.print(out)
	}
	if v := report.Verdict; v != nil && !v.Good() {
		return ErrVerdict
	}
	return nil
}

// perform talks for the duration, with the reconnects that are asked for.
func perform(ctx context.Context, crowd *Crowd, cfg Config, report *Report) {
	ctx, cancel := context.WithTimeout(ctx, cfg.Duration)
	defer cancel()
	var wait sync.WaitGroup
	wait.Go(func() { crowd.Talk(ctx) })
	var mu sync.Mutex
	reconnect := func(do func(context.Context) error) {
		began := time.Now()
		// It is finished though the time is up: what it misses would be taken for lost.
		try, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		err := do(try)
		mu.Lock()
		defer mu.Unlock()
		report.Reconnects++
		report.SlowestReconnect = max(report.SlowestReconnect, time.Since(began))
		if err != nil {
			report.FailedReconnects++
		}
	}
	if cfg.Storm {
		wait.Go(func() {
			if pass(ctx, cfg.Duration/2) {
				reconnect(crowd.Reconnect)
			}
		})
	}
	if cfg.Churn > 0 {
		wait.Go(func() {
			rng := rand.New(rand.NewPCG(cfg.Seed, 2))
			for pass(ctx, time.Duration(float64(time.Second)/cfg.Churn)) {
				s := crowd.sockets[rng.IntN(len(crowd.sockets))]
				reconnect(s.reconnect)
			}
		})
	}
	wait.Wait()
}

// pass waits, and reports whether ctx has not ended.
func pass(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
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
