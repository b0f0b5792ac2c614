package drill

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/hubbub/rigs/load"
)

// Result is the outcome of one fault.
type Result struct {
	Fault string   `json:"fault"`
	Hit   []string `json:"hit,omitempty"` // the processes that the fault hit
	// from the injection until everything ran again
	Took time.Duration `json:"took_ns"`
	Sent int           `json:"sent"`
	// messages that were given up or refused, by code; the log may have them
	Failed map[string]int `json:"failed,omitempty"`
	// the longest time in which nobody's message was acknowledged
	NoService time.Duration `json:"no_service_ns"`
	// from when a message was due to its acknowledgement: the time to recover
	Slowest time.Duration `json:"slowest_message_ns"`
	// from when a message was due until the last socket had it
	Delivery time.Duration `json:"slowest_delivery_ns"`
	// from the verdict until presence was exact
	Presence time.Duration `json:"presence_ns"`
	Holds    vitals        `json:"services_hold"` // all services together, after the fault
	Verdict  load.Verdict  `json:"verdict"`
	// why the fault was not possible on this machine
	Skipped string `json:"skipped,omitempty"`
	Problem string `json:"problem,omitempty"` // why the result is bad, besides the verdict
}

func (r *Result) setMeasured(m load.Measured) {
	r.Sent, r.NoService, r.Slowest, r.Delivery = m.Sent, m.LongestSilence, m.LongestWait, m.DeliveryLatency(100)
	if len(m.Failed) > 0 {
		r.Failed = m.Failed
	}
}

// unknown is load's code of a message that got no answer.
const unknown = "unknown"

// codes returns an error if messages failed with a code that says that a retry does not help.
func (r *Result) codes() error {
	for _, code := range slices.Sorted(maps.Keys(r.Failed)) {
		switch code {
		case chat.CodeUnavailable, chat.CodeRateLimited, unknown:
		default:
			return fmt.Errorf("%d messages were refused as %s", r.Failed[code], code)
		}
	}
	return nil
}

func (r *Result) failed() (n int) {
	for _, k := range r.Failed {
		n += k
	}
	return n
}

// Good reports whether every promise held.
func (r *Result) Good() bool { return r.Problem == "" && r.Verdict.Good() }

const header = "fault            sent  failed  acked  delivered  lost  doubled  misordered  rewinds  no service  slowest message  delivery  presence  heap  verdict"

func (r *Result) row() string {
	v, word := r.Verdict, "good"
	switch {
	case !r.Good():
		word = strings.TrimSpace("BAD " + r.Problem)
		for _, f := range v.First.All() {
			word += "\n    " + f
		}
	case r.Skipped != "":
		word = r.Skipped
	}
	if len(r.Hit) > 0 && r.Skipped == "" {
		word += " (" + strings.Join(r.Hit, ", ") + ")"
	}
	ms := func(d time.Duration) string { return d.Round(time.Millisecond).String() }
	return fmt.Sprintf("%-15s  %4d  %6d  %5d  %9d  %4d  %7d  %10d  %7d  %10s  %15s  %8s  %8s  %3dM  %s", r.Fault, r.Sent, r.failed(), v.Acknowledged, v.Delivered,
		v.Lost, v.Doubled, v.Misordered, v.Rewinds, ms(r.NoService), ms(r.Slowest), ms(r.Delivery), ms(r.Presence), r.Holds.Heap>>20, word)
}

// summary prints the verdict of all.
func summary(cfg Config, results []Result, out io.Writer) error {
	var all load.Verdict
	bad, skipped := 0, 0
	for _, r := range results {
		all.Add(r.Verdict)
		switch {
		case !r.Good():
			bad++
		case r.Skipped != "":
			skipped++
		}
	}
	if cfg.JSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		if err := e.Encode(map[string]any{
			"bus": cfg.Bus, "bus_nodes": cfg.BusNodes, "store": cfg.Store, "seed": cfg.Seed, "faults": results, "bad": bad, "skipped": skipped,
		}); err != nil {
			return fmt.Errorf("write the results: %w", err)
		}
		return nil
	}
	fmt.Fprintf(out, "\n%d faults on %s (bus of %d, %s), seed %d: %d bad, %d skipped. %s\n", len(results), cfg.Bus, cfg.BusNodes, cfg.Store, cfg.Seed, bad, skipped, all)
	return nil
}
