package load

import (
	"maps"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// unknown is the code of a message that was given up without an answer.
const unknown = "unknown"

// The range of the latencies that a histogram distinguishes, in µs, and its precision in digits.
const (
	leastLatency = 1
	mostLatency  = 120_000_000
	digits       = 3
)

// meter measures what a crowd does. Its methods are safe for concurrent use.
type meter struct {
	mu  sync.Mutex
	now Measured
}

// Measured is what a crowd did in some time.
type Measured struct {
	Began     time.Time
	Sent      int
	Acked     int
	Delivered int
	// messages that were refused, by code, or given up without an answer: unknown
	Failed         map[string]int
	Lost           map[string]int // connections that ended, or were not made, by what ended them
	LongestSilence time.Duration  // the longest without an ack of any message
	LongestWait    time.Duration  // the longest from when a message was due to its ack

	Entered    int // sockets that came into their rooms for the first time
	Reconnects int // sockets that were cut off and are in their rooms again

	times [spans]*hdrhistogram.Histogram // µs
	last  time.Time                      // of the last acknowledgement, or Began
}

// span is a kind of time that is measured.
type span int

const (
	entering   span = iota // from when a socket was opened until it was in its rooms
	acking                 // from when a message was due to its acknowledgement
	delivering             // from when a message was due to a delivery
	resuming               // from when a socket was cut off until it was in its rooms again
	spans
)

func (m *meter) with(do func(*Measured)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.now.times[0] == nil {
		m.now.reset()
	}
	do(&m.now)
}

func (n *Measured) reset() {
	now := time.Now()
	*n = Measured{Began: now, last: now, Failed: make(map[string]int), Lost: make(map[string]int)}
	for i := range n.times {
		n.times[i] = newHistogram()
	}
}

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(leastLatency, mostLatency, digits)
}

func (n *Measured) took(s span, d time.Duration) { _ = n.times[s].RecordValue(clamp(d)) }

func (m *meter) sent() { m.with(func(n *Measured) { n.Sent++ }) }

func (m *meter) acked(due time.Time) {
	m.with(func(n *Measured) {
		now := time.Now()
		n.Acked++
		n.LongestSilence = max(n.LongestSilence, now.Sub(n.last))
		n.last = now
		n.LongestWait = max(n.LongestWait, now.Sub(due))
		n.took(acking, now.Sub(due))
	})
}

func (m *meter) delivered(after time.Duration) {
	m.with(func(n *Measured) {
		n.Delivered++
		n.took(delivering, after)
	})
}

func (m *meter) refused(code string) { m.with(func(n *Measured) { n.Failed[code]++ }) }

func (m *meter) lost(code string) { m.with(func(n *Measured) { n.Lost[code]++ }) }

func (m *meter) entered(after time.Duration) {
	m.with(func(n *Measured) {
		n.Entered++
		n.took(entering, after)
	})
}

func (m *meter) resumed(after time.Duration) {
	m.with(func(n *Measured) {
		n.Reconnects++
		n.took(resuming, after)
	})
}

// measured returns a copy of what was measured.
func (m *meter) measured() (c Measured) {
	m.with(func(n *Measured) {
		c = *n
		for i, h := range n.times {
			c.times[i] = h.Clone()
		}
		c.Failed, c.Lost = maps.Clone(n.Failed), maps.Clone(n.Lost)
	})
	return c
}

func clamp(d time.Duration) int64 { return min(max(d.Microseconds(), leastLatency), mostLatency) }

// AckLatency returns a percentile (0 to 100) of the time from when a message was due to its
// acknowledgement.
func (n *Measured) AckLatency(p float64) time.Duration { return n.percentile(acking, p) }

// DeliveryLatency returns a percentile (0 to 100) of the time from when a message was due to its
// delivery, over all sockets.
func (n *Measured) DeliveryLatency(p float64) time.Duration { return n.percentile(delivering, p) }

func (n *Measured) percentile(s span, p float64) time.Duration {
	return time.Duration(n.times[s].ValueAtPercentile(p)) * time.Microsecond
}
