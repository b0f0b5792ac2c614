// Package clients simulates the clients of a measurement, which speak a dialect over one swarm. It
// logs them in, joins rooms, sends at a rate or as fast as the server delivers, and counts what
// arrives and how late.
//
// The first error of any client ends the measurement. One goroutine uses a Clients.
package clients

import (
	"bytes"
	"fmt"
	"net/netip"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sys/unix"

	"hubbub.internal/services/hubbub/rigs/edgebench/dialect"
	"hubbub.internal/services/hubbub/rigs/swarm"
)

// maxFrame is the longest frame that is accepted from a server, in bytes. A server that has fallen
// behind may pack everything that it has for a client into one frame: nats-server does.
const maxFrame = 64 << 20

// source is the first source address of the clients.
var source = netip.AddrFrom4([4]byte{127, 0, 0, 1})

type state uint8

const (
	stOpening state = iota
	stGreeting
	stReady
	stJoining
	stJoined
)

// one is the state of a client.
type one struct {
	state state
	room  string
}

// Clients is a set of clients of one server.
type Clients struct {
	d     dialect.Dialect
	addr  netip.AddrPort
	conns *swarm.Swarm
	all   []one

	welcomed int
	joined   int
	counts   Counts
	latency  *hdrhistogram.Histogram // of stamped messages; µs
	sample   bool                    // only the first message of each read is timed
	reading  int                     // the client that was read last in this turn of Poll; -1: none
	now      int64                   // when that was
	settle   time.Duration           // without a delivery, until missing ones count as lost
}

// Counts is what arrived so far.
type Counts struct {
	Delivered int64  // messages, to all clients together
	Failed    int64  // messages that report an error
	Failure   string // the first of them
}

// New returns a set without clients. Close frees what it holds.
func New(d dialect.Dialect, addr netip.AddrPort) (*Clients, error) {
	c := &Clients{d: d, addr: addr, latency: newHistogram(), settle: 5 * time.Second}
	var err error
	c.conns, err = swarm.New(c, 0, maxFrame)
	return c, err
}

// newHistogram returns a histogram for times from a microsecond to a minute.
func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, 60_000_000, 3) }

// Close closes every client's connection, without a close frame.
func (c *Clients) Close() { c.conns.Close() }

// Len returns the number of clients.
func (c *Clients) Len() int { return len(c.all) }

// Counts returns what arrived so far.
func (c *Clients) Counts() Counts { return c.counts }

// Grow logs further clients in until there are n, inFlight of them at the same time.
func (c *Clients) Grow(n, inFlight int, patience time.Duration) error {
	until := time.Now().Add(patience)
	c.conns.Grow(n)
	for c.welcomed < n {
		for len(c.all) < n && len(c.all)-c.welcomed < inFlight {
			c.all = append(c.all, one{})
			if err := c.conns.Dial(len(c.all)-1, c.addr, source); err != nil {
				return err
			}
		}
		if err := c.progress(until, "logged in", c.welcomed, n); err != nil {
			return err
		}
	}
	return nil
}

// Join joins every client that is in no room yet to one, inFlight of them at the same time.
func (c *Clients) Join(room func(client int) string, inFlight int, patience time.Duration) error {
	until := time.Now().Add(patience)
	next := c.joined
	for c.joined < len(c.all) {
		for ; next < len(c.all) && next-c.joined < inFlight; next++ {
			o := &c.all[next]
			o.state, o.room = stJoining, room(next)
			if err := c.send(next, c.d.Join(o.room)); err != nil {
				return err
			}
		}
		if err := c.progress(until, "joined", c.joined, len(c.all)); err != nil {
			return err
		}
	}
	return nil
}

func (c *Clients) progress(until time.Time, what string, have, want int) error {
	if c.counts.Failed > 0 {
		return fmt.Errorf("the server answers %q", c.counts.Failure)
	}
	if time.Now().After(until) {
		return fmt.Errorf("%d of %d clients have %s: timed out", have, want, what)
	}
	return c.poll(100)
}

func (c *Clients) poll(ms int) error {
	c.reading = -1
	return c.conns.Poll(ms)
}

// send sends a message of the dialect.
func (c *Clients) send(i int, payload string) error {
	op := byte(swarm.OpText)
	if c.d.Binary {
		op = swarm.OpBinary
	}
	if err := c.conns.Send(i, op, []byte(payload)); err != nil {
		return fmt.Errorf("client %d: %w", i, err)
	}
	return nil
}

// Request implements swarm.Handler.
func (c *Clients) Request(i int) string { return c.d.Request(i) }

// Upgraded implements swarm.Handler.
func (c *Clients) Upgraded(i int, head []byte) error {
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 101 ")) {
		return fmt.Errorf("the upgrade was answered with %.200q", head)
	}
	c.all[i].state = stGreeting
	if hello := c.d.Hello(i); hello != "" {
		return c.send(i, hello)
	}
	return nil
}

// Ended implements swarm.Handler. It ends the measurement.
func (c *Clients) Ended(i int, err error) error { return fmt.Errorf("client %d: %w", i, err) }

// Frame implements swarm.Handler.
func (c *Clients) Frame(i int, op byte, payload []byte) error {
	if op == swarm.OpClose {
		return fmt.Errorf("the server sent a close frame: %.200q", payload)
	}
	n := dialect.Count(payload)
	if n == 0 {
		return c.answered(i, payload)
	}
	c.counts.Delivered += int64(n)
	first := c.reading != i
	if first {
		c.reading, c.now = i, nanos()
	}
	if first || !c.sample {
		c.time(payload, c.now)
	}
	return nil
}

// time records the age of the messages in a payload, or of the first of them.
func (c *Clients) time(payload []byte, now int64) {
	for {
		at, rest, ok := dialect.Stamp(payload)
		if !ok {
			return
		}
		// an age over a minute is out of range, and the message counts as lost
		_ = c.latency.RecordValue(max(1, (now-at)/1000))
		if payload = rest; c.sample {
			return
		}
	}
}

// answered handles a message that is no delivery.
func (c *Clients) answered(i int, payload []byte) error {
	o := &c.all[i]
	if c.d.Failed(payload) {
		if c.counts.Failed++; c.counts.Failed == 1 {
			c.counts.Failure = string(payload)
		}
		return nil
	}
	if pong := c.d.Pong(payload); pong != "" {
		return c.send(i, pong)
	}
	switch {
	case o.state == stGreeting && c.d.Welcomed(payload):
		o.state = stReady
		c.welcomed++
	case o.state == stJoining && c.d.Joined(payload):
		o.state = stJoined
		c.joined++
	}
	return nil
}

// nanos returns the time of the clock that stamps messages.
func nanos() int64 {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t)
	return t.Nano()
}
