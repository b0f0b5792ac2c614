// Package doctor checks an installation from outside, and says for each thing whether it is as it
// should be, and what to do if not. It changes nothing.
//
// It owns the checks and their criteria; the drivers report on the bus and the stores.
package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"hubbub.internal/services/hubbub/backup"
)

// State is the result of a check.
type State string

// The states.
const (
	OK   State = "ok"
	Warn State = "warn" // it works, and may not for long, or not in the way that is meant
	Fail State = "fail" // it does not work
)

// Finding is what a check found.
type Finding struct {
	Check string `json:"check"` // what was looked at, such as bus
	State State  `json:"state"`
	Text  string `json:"text"`         // what is so
	Do    string `json:"do,omitempty"` // what to do about it
}

// Config is the configuration of `hubbub doctor`.
type Config struct {
	backup.Place `embed:""`
	Ops          []string      `help:"Ops ports of the services, such as edge:9090,history:9090. All addresses of a name are asked." placeholder:"HOST:PORT"`
	URLs         []string      `name:"url" help:"Addresses of the page, as people type them: http:// or https://." placeholder:"URL"`
	JSON         bool          `name:"json" help:"Print a JSON object on each line."`
	Timeout      time.Duration `help:"How long to wait for one answer (100ms to 5m)." default:"10s"`
}

// Help implements kong.HelpProvider.
func (*Config) Help() string {
	return `Checks an installation, and prints a line for each thing: ok, warn or fail, and what to do. The exit code is 1 if something fails, else 0.

It looks at the options of all services in the environment, at secrets, at the data folder of a hubbub up or at the bus and the stores of a cluster, at this machine, at the services' ops ports (--ops), and at the page as people reach it (--url). Run it with the environment that the services have, and where they run. It changes nothing.`
}

// Validate returns what is wrong with the configuration.
func (c *Config) Validate() error {
	errs := []error{c.Place.Validate()}
	if c.Timeout < 100*time.Millisecond || c.Timeout > 5*time.Minute {
		errs = append(errs, fmt.Errorf("--timeout is %s; it has to be 100ms to 5m0s", c.Timeout))
	}
	for _, u := range c.URLs {
		if !strings.HasPrefix(u, "http://") && !strings.HasPrefix(u, "https://") {
			errs = append(errs, fmt.Errorf("--url is %q; it has to begin with http:// or https://", u))
		}
	}
	return errors.Join(errs...)
}

// report collects findings.
type report struct {
	all []Finding
	say func(Finding)
}

func (r *report) add(check string, state State, do, text string, args ...any) {
	f := Finding{Check: check, State: state, Text: strings.ReplaceAll(fmt.Sprintf(text, args...), "\n", "; "), Do: do}
	r.all = append(r.all, f)
	if r.say != nil {
		r.say(f)
	}
}

func (r *report) ok(check, text string, args ...any)       { r.add(check, OK, "", text, args...) }
func (r *report) warn(check, do, text string, args ...any) { r.add(check, Warn, do, text, args...) }
func (r *report) fail(check, do, text string, args ...any) { r.add(check, Fail, do, text, args...) }

// Execute implements daemon.Tool.
func (c *Config) Execute(ctx context.Context, out io.Writer) error {
	var failed error
	r := &report{say: func(f Finding) {
		if err := c.print(out, f); err != nil {
			failed = err
		}
	}}
	c.examine(ctx, r)
	if failed != nil {
		return fmt.Errorf("print: %w", failed)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	n := 0
	for _, f := range r.all {
		if f.State == Fail {
			n++
		}
	}
	if n > 0 {
		return fmt.Errorf("%d of %d checks failed", n, len(r.all))
	}
	return nil
}

func (c *Config) print(out io.Writer, f Finding) error {
	if c.JSON {
		return json.NewEncoder(out).Encode(f)
	}
	text := f.Text
	if f.Do != "" {
		text += ": " + f.Do
	}
	_, err := fmt.Fprintf(out, "%-4s  %-13s  %s\n", f.State, f.Check, text)
	return err
}

// examine runs all checks.
func (c *Config) examine(ctx context.Context, r *report) {
	c.environment(r)
	thisMachine().examine(r)
	c.examinePlace(ctx, r)
	c.services(ctx, r)
	c.pages(ctx, r)
}
