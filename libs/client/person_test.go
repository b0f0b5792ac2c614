package client_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"hubbub.internal/libs/client"
	"hubbub.internal/libs/wire"
)

// person is a client under test with what it was given.
type person struct {
	*client.Client
	t  *testing.T
	mu sync.Mutex
	// seen holds every event but welcome.
	seen     []wire.Event
	welcomes int
}

// quick returns a configuration that waits for nothing for long.
func quick(s *server, user string) client.Config {
	return client.Config{
		URL:        s.url(),
		Token:      func(context.Context) (string, error) { return user, nil },
		MinBackoff: time.Millisecond, MaxBackoff: 20 * time.Millisecond,
	}
}

func dial(t *testing.T, cfg client.Config) *person {
	t.Helper()
	p, err := tryDial(t, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func tryDial(t *testing.T, cfg client.Config) (*person, error) {
	t.Helper()
	p := &person{t: t}
	cfg.Handle = func(e wire.Event) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if e.Type == wire.EventWelcome {
			p.welcomes++
			return
		}
		p.seen = append(p.seen, e)
	}
	c, err := client.Dial(soon(t), cfg)
	if err != nil {
		return nil, err
	}
	t.Cleanup(c.Close)
	p.Client = c
	return p, nil
}

// soon returns a context that ends a test which hangs.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func (p *person) join(room string) wire.Event { return p.joinAfter(room, nil) }

func (p *person) joinAfter(room string, after *wire.Position) wire.Event {
	p.t.Helper()
	e, err := p.Join(soon(p.t), room, after)
	if err != nil {
		p.t.Fatal(err)
	}
	return e
}

func (p *person) send(room, text string) uint64 {
	p.t.Helper()
	ack, err := p.Send(soon(p.t), room, text)
	if err != nil {
		p.t.Fatal(err)
	}
	return ack.Seq
}

// events returns the events of a type; empty: all.
func (p *person) events(typ string) (out []wire.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.seen {
		if typ == "" || e.Type == typ {
			out = append(out, e)
		}
	}
	return out
}

// texts returns the texts of the messages in the order in which they were delivered.
func (p *person) texts() (texts []string) {
	for _, e := range p.events("msg") {
		texts = append(texts, e.Text)
	}
	return texts
}

// reads waits until just these texts were delivered, in this order.
func (p *person) reads(want ...string) {
	p.t.Helper()
	eventually(p.t, func() bool { return len(p.texts()) >= len(want) }, func() any { return p.texts() })
	if got := p.texts(); !slices.Equal(got, want) {
		p.t.Fatalf("delivered %q, want %q", got, want)
	}
}

// connected waits for the n-th welcome.
func (p *person) connected(n int) {
	p.t.Helper()
	eventually(p.t, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.welcomes >= n
	}, nil)
}

// eventually waits for a condition; state, if given, says how things stand when it does not come.
func eventually(t *testing.T, ok func() bool, state func() any) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			if state != nil {
				t.Fatalf("it did not come to that; now: %v", state())
			}
			t.Fatal("it did not come to that")
		}
	}
}
