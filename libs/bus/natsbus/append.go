package natsbus

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
)

const (
	// window is how many appends may be in flight to the server. The server itself takes 10,000 per
	// stream.
	window = 4096
	// maxQueued and maxQueuedBytes bound the appends of this process that are not finished; more
	// fail at once.
	maxQueued      = 1 << 16
	maxQueuedBytes = 128 << 20
	// appendAttempt is how long to wait for an acknowledgement before the entry is sent again, with
	// the same key. The wait doubles with each try, up to appendAttemptMax: repeats do not help a
	// server under load.
	appendAttempt    = 500 * time.Millisecond
	appendAttemptMax = 4 * time.Second
	appendPause      = 100 * time.Millisecond
	sweepEvery       = 50 * time.Millisecond
)

// JetStream's error codes that the driver handles.
const (
	codeStoreFailed        = 10077 // with DiscardNew: the stream is full
	codeNoResources        = 10023
	codeNoStorage          = 10047
	codeAccountResources   = 10002
	codeStreamLimits       = 10028
	codeDuplicateInProcess = 10158
)

// appender sends entries and matches the acknowledgements, with one goroutine for all of them. It
// does not use the client library's asynchronous publishing, which retries by itself and so
// reorders a sender's messages.
type appender struct {
	b      *Driver
	prefix string
	wake   chan struct{}

	// ending counts the calls of done that run in the client library's goroutine.
	ending sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	last     uint64
	queue    []*pending          // not sent yet, oldest first
	inFlight map[uint64]*pending // sent, by the token in their reply subject
	bytes    int                 // data of queue and inFlight
	all      bool                // a new connection: send everything in flight again
}

// pending is an append that is not finished.
type pending struct {
	token    uint64
	msg      nats.Msg
	room     string
	done     func(bus.Appended, error)
	deadline time.Time
	next     time.Time // when to send it again
	tries    int
	why      error // of the last try
}

func newAppender(b *Driver) *appender {
	return &appender{
		b:        b,
		prefix:   nats.NewInbox() + ".",
		wake:     make(chan struct{}, 1),
		inFlight: make(map[uint64]*pending),
	}
}

func (a *appender) subscribe() error {
	sub, err := a.b.main.Subscribe(a.prefix+"*", a.acknowledged)
	if err != nil {
		return fmt.Errorf("subscribe to acknowledgements: %w", err)
	}
	return sub.SetPendingLimits(-1, -1) // at most window acknowledgements are outstanding
}

// Append implements driver.Log.
func (b *Driver) Append(e bus.NewEntry, done func(bus.Appended, error)) error {
	return b.appends.add(e, done)
}

func (a *appender) add(e bus.NewEntry, done func(bus.Appended, error)) error {
	p := &pending{
		msg: nats.Msg{
			Subject: a.b.names.room(e.Room),
			Header:  nats.Header{headerID: {key(e)}},
			Data:    bytes.Clone(e.Data),
		},
		room:     e.Room,
		done:     done,
		deadline: time.Now().Add(bus.AppendTimeout - time.Second),
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return bus.ErrClosed
	}
	if len(a.queue)+len(a.inFlight) >= maxQueued || a.bytes+len(e.Data) > maxQueuedBytes {
		return fmt.Errorf("%w: %d appends are waiting for the server", bus.ErrUnavailable, len(a.queue)+len(a.inFlight))
	}
	a.last++
	p.token = a.last
	p.msg.Reply = a.prefix + strconv.FormatUint(p.token, 36)
	a.bytes += len(e.Data)
	a.queue = append(a.queue, p)
	a.poke()
	return nil
}

func (a *appender) poke() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// resend sends everything in flight again: the acknowledgements may have been lost with a
// connection.
func (a *appender) resend() {
	a.mu.Lock()
	a.all = true
	a.mu.Unlock()
	a.poke()
}

// run sends the queue, and again what was not acknowledged in time, until ctx ends; then it fails
// the rest.
func (a *appender) run(ctx context.Context) {
	sweep := time.NewTimer(time.Hour)
	defer sweep.Stop()
	for {
		select {
		case <-ctx.Done():
			a.close()
			return
		case <-a.wake:
		case <-sweep.C:
		}
		send, late, busy := a.due(time.Now())
		for _, p := range late {
			a.b.metrics.Appended(p.why, false)
			p.done(bus.Appended{}, fmt.Errorf("%w: append: %w", bus.ErrUnavailable, p.why))
		}
		for _, p := range send {
			a.send(p)
		}
		if busy { // an idle process runs no timer
			sweep.Reset(sweepEvery)
		}
	}
}

// due returns which appends to send now and which to give up, and whether any are left.
func (a *appender) due(now time.Time) (send, late []*pending, busy bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for token, p := range a.inFlight {
		switch {
		case now.After(p.deadline):
			late = append(late, p)
			a.drop(token, p)
		case a.all || now.After(p.next):
			p.sent(now)
			send = append(send, p)
		}
	}
	a.all = false
	for len(a.queue) > 0 { // oldest first
		p := a.queue[0]
		// What is told as failed is better never stored.
		tooLate := now.After(p.deadline)
		if !tooLate && len(a.inFlight) >= window {
			break
		}
		a.queue[0] = nil
		a.queue = a.queue[1:]
		if tooLate {
			a.bytes -= len(p.msg.Data)
			p.why = errors.New("too many appends are waiting for the server")
			late = append(late, p)
			continue
		}
		p.sent(now)
		a.inFlight[p.token] = p
		send = append(send, p)
	}
	if len(a.queue) == 0 {
		a.queue = nil
	}
	a.b.metrics.InFlight.Set(float64(len(a.inFlight) + len(a.queue)))
	return send, late, len(a.inFlight)+len(a.queue) > 0
}

// sent notes that the entry is about to be sent.
func (p *pending) sent(now time.Time) {
	p.next = now.Add(min(appendAttempt<<min(p.tries, 8), appendAttemptMax))
	p.tries++
	p.why = nats.ErrTimeout
}

// drop takes an append out of flight. a.mu is held.
func (a *appender) drop(token uint64, p *pending) {
	delete(a.inFlight, token)
	a.bytes -= len(p.msg.Data)
}

func (a *appender) send(p *pending) {
	if err := a.b.main.PublishMsg(&p.msg); err != nil { // reconnecting: nothing is buffered
		a.retryLater(p, err)
	}
}

// retryLater sends an append again after a pause, if it is still in flight.
func (a *appender) retryLater(p *pending, why error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p.why = why
	p.next = time.Now().Add(appendPause)
}

// ack is what JetStream answers to a publish.
type ack struct {
	Seq       uint64 `json:"seq"`
	Duplicate bool   `json:"duplicate"`
	Error     *struct {
		Code        int    `json:"err_code"`
		Description string `json:"description"`
	} `json:"error"`
}

// acknowledged takes an answer of the server's.
func (a *appender) acknowledged(m *nats.Msg) {
	token, err := strconv.ParseUint(strings.TrimPrefix(m.Subject, a.prefix), 36, 64)
	if err != nil {
		return
	}
	a.mu.Lock()
	p := a.inFlight[token]
	a.mu.Unlock()
	if p == nil {
		return // the second acknowledgement of an entry that was sent twice
	}
	if status := header(m.Header, headerStatus); status != "" {
		a.retryLater(p, fmt.Errorf("no stream takes the entry (status %s)", status))
		a.b.lookForStore()
		return
	}
	got, err := decodeAck(m.Data)
	switch {
	case err != nil:
		a.retryLater(p, err)
		return
	case got.Error != nil && isFull(got.Error.Code):
		a.b.host.TrimSoon()
		a.finish(p, bus.Appended{}, fmt.Errorf("%w: %s", bus.ErrFull, got.Error.Description))
		return
	case got.Error != nil:
		if got.Error.Code != codeDuplicateInProcess {
			a.b.log.Debug("append refused for now", zap.Int("code", got.Error.Code), zap.String("reason", got.Error.Description))
		}
		a.retryLater(p, fmt.Errorf("%s (%d)", got.Error.Description, got.Error.Code))
		return
	}
	if got.Duplicate {
		// The leader may have stored the first try and failed before it republished the entry; then
		// no follower has heard of it. This hint says that the room has an entry; followers read it
		// from the log.
		a.nudge(p.room, got.Seq)
	}
	a.finish(p, bus.Appended{Seq: got.Seq, Duplicate: got.Duplicate}, nil)
}

// finish ends an append once.
func (a *appender) finish(p *pending, got bus.Appended, err error) {
	a.mu.Lock()
	_, ok := a.inFlight[p.token]
	if ok {
		a.drop(p.token, p)
		a.ending.Add(1)
	}
	more := len(a.queue) > 0
	a.mu.Unlock()
	if !ok {
		return
	}
	defer a.ending.Done()
	if more {
		a.poke()
	}
	a.b.metrics.Appended(err, got.Duplicate)
	p.done(got, err)
}

// close fails every append, and returns when no done runs any more.
func (a *appender) close() {
	a.mu.Lock()
	a.closed = true
	rest := a.queue
	for _, p := range a.inFlight {
		rest = append(rest, p)
	}
	a.queue, a.inFlight = nil, make(map[uint64]*pending)
	a.mu.Unlock()
	for _, p := range rest {
		p.done(bus.Appended{}, bus.ErrClosed)
	}
	a.ending.Wait() // nothing is left in flight that could add to it
}

func isFull(code int) bool {
	switch code {
	case codeStoreFailed, codeNoResources, codeNoStorage, codeAccountResources, codeStreamLimits:
		return true
	}
	return false
}

// decodeAck reads {"stream":"HUB","seq":1} without reflection, and any other answer with
// encoding/json.
func decodeAck(data []byte) (ack, error) {
	if i := bytes.Index(data, []byte(`"seq":`)); i >= 0 && data[0] == '{' && !bytes.Contains(data, []byte(`"error"`)) {
		var n uint64
		rest := data[i+len(`"seq":`):]
		for len(rest) > 0 && rest[0] == ' ' {
			rest = rest[1:]
		}
		digits := 0
		for digits < len(rest) && '0' <= rest[digits] && rest[digits] <= '9' {
			n = n*10 + uint64(rest[digits]-'0')
			digits++
		}
		if digits > 0 && digits < 20 && digits < len(rest) {
			if rest[digits] == '}' {
				return ack{Seq: n}, nil
			}
		}
	}
	var a ack
	if err := json.Unmarshal(data, &a); err != nil {
		return ack{}, fmt.Errorf("acknowledgement: %w", err)
	}
	if a.Error == nil && a.Seq == 0 {
		return ack{}, errors.New("acknowledgement without a sequence")
	}
	return a, nil
}
