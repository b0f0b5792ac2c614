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
	Sockets, Rooms               int
	Seconds                      float64
	Sent, Acked, Delivered       int
	Failed                       map[string]int
	Ack, Deliver                 Latencies
	LongestSilence               time.Duration
	Reconnects, FailedReconnects int
	SlowestReconnect             time.Duration
	Verdict                      *Verdict
}

// Latencies are percentiles of a time, counted from when a message was due.
type Latencies struct{ P50, P99, P999, Max time.Duration }

func (r *Report) take(m Measured) {
	r.Seconds = time.Since(m.Began).Seconds()
	r.Sent, r.Acked, r.Delivered, r.Failed = m.Sent, m.Acked, m.Delivered, m.Failed
	r.Ack = Latencies{m.AckLatency(50), m.AckLatency(99), m.AckLatency(99.9), m.AckLatency(100)}
	r.Deliver = Latencies{m.DeliveryLatency(50), m.DeliveryLatency(99), m.DeliveryLatency(99.9), m.DeliveryLatency(100)}
	r.LongestSilence = m.LongestNo
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

func (r *Report) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s\t"+format+"\n", append([]any{name}, args...)...)
	}
	fmt.Fprintln(w)
	row("sockets", "%d in %d rooms, for %.0f s", r.Sockets, r.Rooms, r.Seconds)
	row("sent", "%d", r.Sent)
	row("acknowledged", "%d (%.0f/s)", r.Acked, float64(r.Acked)/r.Seconds)
	row("delivered", "%d (%.0f/s)", r.Delivered, float64(r.Delivered)/r.Seconds)
	if f := failures(r.Failed); f != "" {
		row("failed", "%s", f)
	}
	for _, l := range []struct {
		name string
		Latencies
	}{{"until acknowledged", r.Ack}, {"until delivered", r.Deliver}} {
		row(l.name, "p50 %s  p99 %s  p99.9 %s  max %s", round(l.P50), round(l.P99), round(l.P999), round(l.Max))
	}
	row("longest silence", "%s without an acknowledgement", round(r.LongestSilence))
	if r.Reconnects > 0 {
		row("reconnects", "%d, %d failed, the slowest took %s", r.Reconnects, r.FailedReconnects, round(r.SlowestReconnect))
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
		"sockets": r.Sockets, "rooms": r.Rooms, "seconds": r.Seconds, "sent": r.Sent, "acknowledged": r.Acked, "delivered": r.Delivered,
		"failed": r.Failed, "ack_ms": times(r.Ack), "deliver_ms": times(r.Deliver), "longest_silence_ms": ms(r.LongestSilence),
		"reconnects": r.Reconnects, "failed_reconnects": r.FailedReconnects, "slowest_reconnect_ms": ms(r.SlowestReconnect), "verdict": r.Verdict,
	})
}
