package load

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/client"
)

// unknown stands for the code of what was given up without an answer.
const unknown = "unknown"

// The range of latencies that are told apart, in µs, and to how many digits.
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

// Measured is what a crowd did in a time.
type Measured struct {
	Began     time.Time
	Sent      int
	Acked     int
	Delivered int
	Failed    map[string]int // by code, or unknown
	LongestNo time.Duration  // the longest time in which nothing was acknowledged
	LongestMe time.Duration  // the longest time from when a message was due to its acknowledgement

	Reconnects int // sockets that were cut off and are in their rooms again

	ack, deliver, back *hdrhistogram.Histogram // µs
	last               time.Time               // of the last acknowledgement, or Began
}

func (m *meter) with(do func(*Measured)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.now.ack == nil {
		m.now.reset()
	}
	do(&m.now)
}

func (n *Measured) reset() {
	now := time.Now()
	*n = Measured{
		Began: now, last: now, Failed: make(map[string]int),
		ack: newHistogram(), deliver: newHistogram(), back: newHistogram(),
	}
}

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(leastLatency, mostLatency, digits)
}

func (m *meter) sent() { m.with(func(n *Measured) { n.Sent++ }) }

func (m *meter) acked(due time.Time) {
	m.with(func(n *Measured) {
		now := time.Now()
		n.Acked++
		n.LongestNo = max(n.LongestNo, now.Sub(n.last))
		n.last = now
		n.LongestMe = max(n.LongestMe, now.Sub(due))
		_ = n.ack.RecordValue(clamp(now.Sub(due)))
	})
}

func (m *meter) delivered(after time.Duration) {
	m.with(func(n *Measured) {
		n.Delivered++
		_ = n.deliver.RecordValue(clamp(after))
	})
}

func (m *meter) failed(err error) {
	code := chat.CodeOf(err)
	if errors.Is(err, client.ErrUnknown) || errors.Is(err, context.DeadlineExceeded) {
		code = unknown
	}
	m.refused(code)
}

func (m *meter) refused(code string) { m.with(func(n *Measured) { n.Failed[code]++ }) }

func (m *meter) resumed(after time.Duration) {
	m.with(func(n *Measured) {
		n.Reconnects++
		_ = n.back.RecordValue(clamp(after))
	})
}

// measured returns a copy of what was measured.
func (m *meter) measured() (c Measured) {
	m.with(func(n *Measured) {
		c = *n
		c.ack, c.deliver, c.back = n.ack.Clone(), n.deliver.Clone(), n.back.Clone()
		c.Failed = maps.Clone(n.Failed)
	})
	return c
}

func clamp(d time.Duration) int64 { return min(max(d.Microseconds(), leastLatency), mostLatency) }

// Measured returns what the crowd did since the last call of Restart. It is safe for concurrent use.
func (c *Crowd) Measured() Measured { return c.meter.measured() }

// Restart begins the measurement anew. It is safe for concurrent use.
func (c *Crowd) Restart() { c.meter.with((*Measured).reset) }

// AckLatency returns a percentile (0 to 100) of the time from when a message was due to its acknowledgement.
func (n *Measured) AckLatency(p float64) time.Duration { return percentile(n.ack, p) }

// DeliveryLatency is the same to its delivery, over all sockets.
func (n *Measured) DeliveryLatency(p float64) time.Duration { return percentile(n.deliver, p) }

// ReconnectTime is the same of the time from when a socket was cut off until it was in its rooms again.
func (n *Measured) ReconnectTime(p float64) time.Duration { return percentile(n.back, p) }

func percentile(h *hdrhistogram.Histogram, p float64) time.Duration {
	return time.Duration(h.ValueAtPercentile(p)) * time.Microsecond
}
