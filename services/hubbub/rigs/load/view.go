package load

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// view prints the progress of a load once a second: on a terminal in place, elsewhere as a line,
// and not at all if only JSON is wanted.
type view struct {
	out    io.Writer
	cfg    *Config
	quiet  bool
	live   bool
	drawn  int // lines on the terminal that the next output overwrites
	before struct {
		at   time.Time
		open int
		Measured
	}
}

func newView(out io.Writer, cfg *Config) *view {
	return &view{out: out, cfg: cfg, quiet: cfg.JSON, live: terminal(out)}
}

// terminal reports whether out is a terminal.
func terminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok {
		return false
	}
	s, err := f.Stat()
	return err == nil && s.Mode()&os.ModeCharDevice != 0
}

// watch calls do, and show once a second until do returns.
func (v *view) watch(ctx context.Context, show func(), do func(context.Context)) {
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
			v.leave()
			return
		case <-tick.C:
			if !v.quiet {
				show()
			}
		}
	}
}

// leave makes the next output begin below the current one.
func (v *view) leave() {
	v.drawn = 0
	v.before.at = time.Time{}
}

// field is a line of the view; without a value it is not shown.
type field struct{ name, value string }

func (v *view) show(fields ...field) {
	var b strings.Builder
	if v.live {
		if v.drawn > 0 {
			fmt.Fprintf(&b, "\x1b[%dA", v.drawn)
		}
		// clear everything below, and cut long lines off: a wrapped line would not be overwritten
		b.WriteString("\r\x1b[J\x1b[?7l")
		v.drawn = 0
	}
	for _, f := range fields {
		switch {
		case f.value == "":
		case v.live:
			fmt.Fprintf(&b, "%-18s %s\n", f.name, f.value)
			v.drawn++
		case b.Len() > 0:
			b.WriteString(" | " + f.name + " " + f.value)
		default:
			b.WriteString(f.name + " " + f.value)
		}
	}
	if v.live {
		b.WriteString("\x1b[?7h")
	} else {
		b.WriteString("\n")
	}
	_, _ = v.out.Write([]byte(b.String()))
}

// preparing shows the steps before and after the sockets are open.
func (v *view) preparing(step any) {
	if s, ok := step.(string); ok {
		v.show(field{"load", s})
	}
}

// entering shows how many sockets are in their rooms.
func (v *view) entering(open int, m Measured) {
	rate := v.rate()
	v.show(
		field{"sockets", v.bar(float64(open)/float64(v.cfg.Sockets)) + fmt.Sprintf("%d of %d (%.0f/s)", open, v.cfg.Sockets, rate(open, v.before.open))},
		field{"until in its rooms", m.latencies(entering).String()},
		field{"connections lost", byCode(m.Lost)},
	)
	v.keep(open, m)
}

// talking shows the progress of the talk.
func (v *view) talking(open int, m Measured) {
	rate := v.rate()
	since := time.Since(m.Began)
	b := &v.before
	reconnects := ""
	if m.Reconnects > 0 {
		reconnects = fmt.Sprintf("%d (%.0f/s)  %s", m.Reconnects, rate(m.Reconnects, b.Reconnects), m.latencies(resuming))
	}
	v.show(
		field{"time", v.bar(since.Seconds()/v.cfg.Duration.Seconds()) + fmt.Sprintf("%.0f s of %s", since.Seconds(), v.cfg.Duration)},
		field{"sockets", fmt.Sprintf("%d of %d", open, v.cfg.Sockets)},
		field{"sent", fmt.Sprintf("%d (%.0f/s)", m.Sent, rate(m.Sent, b.Sent))},
		field{"acknowledged", fmt.Sprintf("%d (%.0f/s)  %s", m.Acked, rate(m.Acked, b.Acked), m.latencies(acking))},
		field{"delivered", fmt.Sprintf("%d (%.0f/s)  %s", m.Delivered, rate(m.Delivered, b.Delivered), m.latencies(delivering))},
		field{"failed", byCode(m.Failed)},
		field{"reconnects", reconnects},
		field{"connections lost", byCode(m.Lost)},
	)
	v.keep(open, m)
}

// rate returns a function that computes the rate at which a count grew since it was last shown.
func (v *view) rate() func(now, before int) float64 {
	since := time.Since(v.before.at)
	if v.before.at.IsZero() {
		v.before.open, v.before.Measured, since = 0, Measured{}, time.Second
	}
	return func(now, before int) float64 { return float64(now-before) / since.Seconds() }
}

func (v *view) keep(open int, m Measured) {
	v.before.at, v.before.open, v.before.Measured = time.Now(), open, m
}

// bar draws a progress bar, on a terminal only.
func (v *view) bar(share float64) string {
	if !v.live {
		return ""
	}
	const width = 20
	n := int(width * min(1, max(0, share)))
	return "[" + strings.Repeat("#", n) + strings.Repeat(".", width-n) + "] "
}
