package clients

import (
	"fmt"
	"time"

	"hubbub.internal/services/hubbub/rigs/edgebench/dialect"
)

// Talk says who sends messages, how large, and how many clients get each.
type Talk struct {
	Senders []int // clients that speak in turn, each in its room
	Fan     int   // clients that get each message, its sender included
	Size    int   // bytes of a text
}

// Outcome is what was measured of a talk.
type Outcome struct {
	Sent      int64 // messages
	Delivered int64 // messages, to all clients together
	Bytes     int64 // read from sockets meanwhile
	Lost      int64 // deliveries that did not arrive
	// from when a message was due until it was read; 0: none arrived
	P50, P99 time.Duration
	Took     time.Duration
}

// before is what had arrived before a talk.
type before struct{ delivered, bytes int64 }

func (c *Clients) begin(sample bool) before {
	c.latency.Reset()
	c.sample = sample
	return before{c.counts.Delivered, c.conns.Read()}
}

func (c *Clients) outcome(before before, sent int64, took time.Duration) Outcome {
	us := func(q float64) time.Duration { return time.Duration(c.latency.ValueAtQuantile(q)) * time.Microsecond }
	return Outcome{
		Sent: sent, Delivered: c.counts.Delivered - before.delivered, Bytes: c.conns.Read() - before.bytes,
		P50: us(50), P99: us(99), Took: took,
	}
}

// Steady sends rate messages per second for a duration, whether or not the server keeps up, and
// waits until all have arrived. The latency of a message counts from when it was due. Outcome.Took
// includes the wait.
func (c *Clients) Steady(t Talk, rate float64, duration time.Duration) (Outcome, error) {
	before := c.begin(false)
	every := float64(time.Second) / rate
	total := int64(duration.Seconds() * rate)
	began, sent := nanos(), int64(0)
	for sent < total {
		due := began + int64(float64(sent+1)*every)
		if wait := due - nanos(); wait > 0 {
			if err := c.conns.Alarm(time.Duration(wait)); err != nil {
				return Outcome{}, err
			}
			if err := c.poll(1000); err != nil {
				return Outcome{}, err
			}
			continue
		}
		if err := c.speak(t, sent, due); err != nil {
			return Outcome{}, err
		}
		sent++
		if err := c.poll(0); err != nil {
			return Outcome{}, err
		}
	}
	want := before.delivered + sent*int64(t.Fan)
	if err := c.drain(want); err != nil {
		return Outcome{}, err
	}
	h := c.outcome(before, sent, time.Duration(nanos()-began))
	h.Lost = want - c.counts.Delivered
	return h, c.sound()
}

// Flood sends as fast as the server delivers: it keeps window messages on their way on average. The
// outcome counts what arrived within the duration. Flood calls ended at its end, and then waits for
// messages on their way.
func (c *Clients) Flood(t Talk, window int, duration time.Duration, ended func()) (Outcome, error) {
	before := c.begin(true)
	start := nanos()
	sent := int64(0)
	for {
		now := nanos()
		if now-start >= int64(duration) {
			break
		}
		for sent-(c.counts.Delivered-before.delivered)/int64(t.Fan) < int64(window) {
			if err := c.speak(t, sent, nanos()); err != nil {
				return Outcome{}, err
			}
			sent++
		}
		if err := c.poll(10); err != nil {
			return Outcome{}, err
		}
	}
	h := c.outcome(before, sent, time.Duration(nanos()-start))
	ended()
	want := before.delivered + sent*int64(t.Fan)
	if err := c.drain(want); err != nil {
		return Outcome{}, err
	}
	h.Lost = want - c.counts.Delivered
	return h, c.sound()
}

func (c *Clients) speak(t Talk, n, at int64) error {
	i := t.Senders[n%int64(len(t.Senders))]
	return c.send(i, c.d.Publish(c.all[i].room, dialect.Text(at, t.Size)))
}

// drain waits until that many messages were delivered, or nothing more arrives.
func (c *Clients) drain(want int64) error {
	last, since := c.counts.Delivered, nanos()
	for c.counts.Delivered < want && nanos()-since < int64(c.settle) {
		if err := c.poll(10); err != nil {
			return err
		}
		if c.counts.Delivered != last {
			last, since = c.counts.Delivered, nanos()
		}
	}
	return nil
}

// sound returns an error if the server reported errors.
func (c *Clients) sound() error {
	if c.counts.Failed > 0 {
		return fmt.Errorf("the server answers %d times like %q", c.counts.Failed, c.counts.Failure)
	}
	return nil
}
