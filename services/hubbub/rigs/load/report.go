package load

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Report is the outcome of a load. Its times are milliseconds in JSON.
type Report struct {
	// sockets wanted, sockets in their rooms when the talk began, and rooms
	Sockets, Open, Rooms         int
	Interrupted                  bool
	Ramp                         float64 // seconds until those were in their rooms
	Enter                        Latencies
	Seconds                      float64 // of talk
	Sent, Acked, Delivered       int
	Failed, Lost                 map[string]int // see Measured; Lost from the beginning
	Ack, Deliver                 Latencies
	LongestSilence               time.Duration // 0: unknown, with several processes
	Reconnects, FailedReconnects int
	Reconnect                    Latencies
	CPU                          time.Duration // of the server's processes
	Pids                         []int         // those processes; none: unknown
	Verdict                      *Verdict
}

// Latencies are percentiles of a time. Those of messages are counted from when a message was due.
type Latencies struct{ P50, P90, P99, P999, Max time.Duration }

func (n *Measured) latencies(s span) Latencies {
	return Latencies{n.percentile(s, 50), n.percentile(s, 90), n.percentile(s, 99), n.percentile(s, 99.9), n.percentile(s, 100)}
}

// String formats the percentiles in one line.
func (l Latencies) String() string {
	return fmt.Sprintf("p50 %s  p90 %s  p99 %s  p99.9 %s  max %s", round(l.P50), round(l.P90), round(l.P99), round(l.P999), round(l.Max))
}

// entered fills in how the crowd came in.
func (r *Report) entered(open int, m Measured) {
	r.Open, r.Ramp, r.Enter, r.Lost = open, time.Since(m.Began).Seconds(), m.latencies(entering), m.Lost
}

// setMeasured fills in what the crowd did after that.
func (r *Report) setMeasured(m Measured) {
	r.Seconds = time.Since(m.Began).Seconds()
	r.Sent, r.Acked, r.Delivered, r.Failed = m.Sent, m.Acked, m.Delivered, m.Failed
	r.Ack, r.Deliver = m.latencies(acking), m.latencies(delivering)
	r.LongestSilence, r.Reconnects, r.Reconnect = m.LongestSilence, m.Reconnects, m.latencies(resuming)
	for code, k := range m.Lost {
		r.Lost[code] += k
	}
}

// byCode formats counts in one line.
func byCode(counts map[string]int) string {
	var all []string
	for _, code := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, fmt.Sprintf("%s %d", code, counts[code]))
	}
	return strings.Join(all, ", ")
}

func round(d time.Duration) time.Duration {
	if d > time.Second {
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}

// perDelivery returns the server's CPU time per delivery in µs, including all other work that it
// did meanwhile.
func (r *Report) perDelivery() float64 {
	if r.Delivered == 0 {
		return 0
	}
	return float64(r.CPU.Microseconds()) / float64(r.Delivered)
}

// write writes the report, as JSON or for people.
func (r *Report) write(out io.Writer, asJSON bool) error {
	if !asJSON {
		r.print(out)
		return nil
	}
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	if err := e.Encode(r); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

func (r *Report) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s\t"+format+"\n", append([]any{name}, args...)...)
	}
	fmt.Fprintln(w)
	interrupted := ""
	if r.Interrupted {
		interrupted = "; interrupted"
	}
	row("sockets", "%d of %d, in %d rooms, after %.1f s (%.0f/s)%s", r.Open, r.Sockets, r.Rooms, r.Ramp, float64(r.Open)/max(r.Ramp, 1e-9), interrupted)
	if r.Open > 0 {
		row("until in its rooms", "%s", r.Enter)
	}
	if r.Seconds > 0 {
		row("sent", "%d in %.1f s", r.Sent, r.Seconds)
		row("acknowledged", "%d (%.0f/s)", r.Acked, float64(r.Acked)/r.Seconds)
		row("delivered", "%d (%.0f/s)", r.Delivered, float64(r.Delivered)/r.Seconds)
	}
	if f := byCode(r.Failed); f != "" {
		row("failed", "%s", f)
	}
	if r.Acked > 0 {
		row("until acknowledged", "%s", r.Ack)
		row("until delivered", "%s", r.Deliver)
	}
	if r.LongestSilence > 0 {
		row("longest silence", "%s without an acknowledgement", round(r.LongestSilence))
	}
	if r.Reconnects+r.FailedReconnects > 0 {
		row("reconnects", "%d, %d failed", r.Reconnects, r.FailedReconnects)
		row("until resumed", "%s", r.Reconnect)
	}
	if l := byCode(r.Lost); l != "" {
		row("connections lost", "%s", l)
	}
	if len(r.Pids) > 0 {
		which := fmt.Sprintf("%d processes", len(r.Pids))
		if len(r.Pids) < 10 {
			which = "processes " + strings.Trim(fmt.Sprint(r.Pids), "[]")
		}
		row("server's CPU", "%s, %.2f µs per delivery (%s)", round(r.CPU), r.perDelivery(), which)
	}
	if v := r.Verdict; v != nil {
		row("verdict", "%s", v)
	}
	_ = w.Flush()
	if v := r.Verdict; v != nil {
		for _, f := range v.First.All() {
			fmt.Fprintln(out, "  "+f)
		}
	}
}

// String formats a verdict in one line.
func (v Verdict) String() string {
	word := "good"
	if !v.Good() {
		word = "BAD"
	}
	return fmt.Sprintf("%s: %d acknowledged, %d deliveries; %d lost, %d doubled, %d misordered; %d rewinds told",
		word, v.Acknowledged, v.Delivered, v.Lost, v.Doubled, v.Misordered, v.Rewinds)
}

// MarshalJSON writes the report with snake_case names, and times in milliseconds.
func (r Report) MarshalJSON() ([]byte, error) {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	times := func(l Latencies) map[string]float64 {
		return map[string]float64{"p50": ms(l.P50), "p90": ms(l.P90), "p99": ms(l.P99), "p99_9": ms(l.P999), "max": ms(l.Max)}
	}
	return json.Marshal(map[string]any{
		"sockets": r.Sockets, "open": r.Open, "rooms": r.Rooms, "interrupted": r.Interrupted, "ramp_seconds": r.Ramp, "enter_ms": times(r.Enter),
		"seconds": r.Seconds, "sent": r.Sent, "acknowledged": r.Acked, "delivered": r.Delivered, "failed": r.Failed, "connections_lost": r.Lost,
		"ack_ms": times(r.Ack), "deliver_ms": times(r.Deliver), "longest_silence_ms": ms(r.LongestSilence),
		"reconnects": r.Reconnects, "failed_reconnects": r.FailedReconnects, "reconnect_ms": times(r.Reconnect),
		"server_cpu_ms": ms(r.CPU), "server_pids": r.Pids, "server_cpu_us_per_delivery": r.perDelivery(), "verdict": r.Verdict,
	})
}
