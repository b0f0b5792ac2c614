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

// Report is what a load came to. Its times are milliseconds in JSON.
type Report struct {
	Sockets, Open, Rooms         int // wanted, open when all were to talk, and the rooms
	Interrupted                  bool
	Seconds                      float64
	Sent, Acked, Delivered       int
	Failed                       map[string]int
	Ack, Deliver                 Latencies
	LongestSilence               time.Duration // 0: not known, of several processes
	Reconnects, FailedReconnects int
	Reconnect                    Latencies
	CPU                          time.Duration // that the server's processes took
	Pids                         []int         // those processes; none: not known
	Verdict                      *Verdict
}

// Latencies are percentiles of a time, counted from when a message was due.
type Latencies struct{ P50, P99, P999, Max time.Duration }

func (r *Report) take(m Measured) {
	if m.Began.IsZero() {
		return // it never began
	}
	r.Seconds = time.Since(m.Began).Seconds()
	r.Sent, r.Acked, r.Delivered, r.Failed = m.Sent, m.Acked, m.Delivered, m.Failed
	r.Ack = Latencies{m.AckLatency(50), m.AckLatency(99), m.AckLatency(99.9), m.AckLatency(100)}
	r.Deliver = Latencies{m.DeliveryLatency(50), m.DeliveryLatency(99), m.DeliveryLatency(99.9), m.DeliveryLatency(100)}
	r.LongestSilence, r.Reconnects = m.LongestNo, m.Reconnects
	r.Reconnect = Latencies{m.ReconnectTime(50), m.ReconnectTime(99), m.ReconnectTime(99.9), m.ReconnectTime(100)}
}

// line says in one line how far it is.
func (n *Measured) line() string {
	s := time.Since(n.Began).Seconds()
	line := fmt.Sprintf("%4.0f s  sent %d  acknowledged %d (%.0f/s)  delivered %d (%.0f/s)  ack p50 %s p99 %s", s, n.Sent, n.Acked, float64(n.Acked)/s,
		n.Delivered, float64(n.Delivered)/s, round(n.AckLatency(50)), round(n.AckLatency(99)))
	if f := failures(n.Failed); f != "" {
		line += "  failed: " + f
	}
	return line
}

func failures(byCode map[string]int) string {
	var all []string
	for _, code := range slices.Sorted(maps.Keys(byCode)) {
		all = append(all, fmt.Sprintf("%s %d", code, byCode[code]))
	}
	return strings.Join(all, ", ")
}

func round(d time.Duration) time.Duration {
	if d > time.Second {
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}

// perDelivery returns the µs of CPU that the server took per delivery; all that it did meanwhile is in it.
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
	row("sockets", "%d of %d, in %d rooms, for %.0f s%s", r.Open, r.Sockets, r.Rooms, r.Seconds, interrupted)
	row("sent", "%d", r.Sent)
	seconds := max(r.Seconds, 1e-9)
	row("acknowledged", "%d (%.0f/s)", r.Acked, float64(r.Acked)/seconds)
	row("delivered", "%d (%.0f/s)", r.Delivered, float64(r.Delivered)/seconds)
	if f := failures(r.Failed); f != "" {
		row("failed", "%s", f)
	}
	for _, l := range []struct {
		name string
		Latencies
	}{{"until acknowledged", r.Ack}, {"until delivered", r.Deliver}} {
		row(l.name, "p50 %s  p99 %s  p99.9 %s  max %s", round(l.P50), round(l.P99), round(l.P999), round(l.Max))
	}
	if r.LongestSilence > 0 {
		row("longest silence", "%s without an acknowledgement", round(r.LongestSilence))
	}
	if l := r.Reconnect; r.Reconnects+r.FailedReconnects > 0 {
		row("reconnects", "%d, %d failed; p50 %s  p99 %s  max %s", r.Reconnects, r.FailedReconnects, round(l.P50), round(l.P99), round(l.Max))
	}
	if len(r.Pids) > 0 {
		row("server's CPU", "%s, %.2f µs per delivery (processes %s)", round(r.CPU), r.perDelivery(), strings.Trim(fmt.Sprint(r.Pids), "[]"))
	}
	if v := r.Verdict; v != nil {
		row("verdict", "%s", v)
	}
	_ = w.Flush()
	if v := r.Verdict; v != nil {
		for _, f := range v.First {
			fmt.Fprintln(out, "  "+f)
		}
	}
}

// String says a verdict in one line.
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
		return map[string]float64{"p50": ms(l.P50), "p99": ms(l.P99), "p99_9": ms(l.P999), "max": ms(l.Max)}
	}
	return json.Marshal(map[string]any{
		"sockets": r.Sockets, "open": r.Open, "interrupted": r.Interrupted, "rooms": r.Rooms, "seconds": r.Seconds, "sent": r.Sent, "acknowledged": r.Acked, "delivered": r.Delivered,
		"failed": r.Failed, "ack_ms": times(r.Ack), "deliver_ms": times(r.Deliver), "longest_silence_ms": ms(r.LongestSilence),
		"reconnects": r.Reconnects, "failed_reconnects": r.FailedReconnects, "reconnect_ms": times(r.Reconnect),
		"server_cpu_ms": ms(r.CPU), "server_pids": r.Pids, "server_cpu_us_per_delivery": r.perDelivery(), "verdict": r.Verdict,
	})
}
