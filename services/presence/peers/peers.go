// Package peers knows the other replicas of the presence service: which of all is the first, who
// speaks for them, and whether the bus brings this one anything.
//
// It knows nothing of what a replica holds. Two that both take themselves for the first, for as
// long as they do not hear each other, say things twice and do no harm.
package peers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

// Channel is the live channel on which replicas tell each other that they are there.
const Channel = "presence.replicas"

// maxPeers bounds what is remembered.
const maxPeers = 1024

// Config says how often replicas speak.
type Config struct {
	Every time.Duration // between two signs of life
	// silence after which a replica is gone, and after which this one takes itself for deaf
	Expiry time.Duration
}

// sign is a sign of life.
type sign struct {
	ID    string `json:"id"`
	Ready bool   `json:"ready,omitempty"` // it can speak for all
	Bye   bool   `json:"bye,omitempty"`   // its last
}

// Peers is this replica among the others. It is safe for concurrent use.
type Peers struct {
	cfg   Config
	bus   bus.Interface
	log   *zap.Logger
	id    string
	ready func() bool

	mu     sync.Mutex
	heard  time.Time       // when this replica last heard itself
	others map[string]peer // by id
}

type peer struct {
	at    time.Time
	ready bool
}

// New returns a replica with a new id, which is greater than that of any older one: a replica that
// has just started does not take over. ready reports whether this one can speak for all.
func New(cfg Config, b bus.Interface, log *zap.Logger, ready func() bool) *Peers {
	return &Peers{cfg: cfg, bus: b, log: log, id: chat.NewID(), ready: ready, others: make(map[string]peer)}
}

// First reports whether this replica speaks for all: it can, and none with a lower id that can is
// there.
func (p *Peers) First() bool {
	if !p.ready() {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, other := range p.others {
		if other.ready && id < p.id && time.Since(other.at) < p.cfg.Expiry {
			return false
		}
	}
	return true
}

// Hears reports whether this replica has lately heard itself over the bus.
func (p *Peers) Hears() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.heard.IsZero() && time.Since(p.heard) < p.cfg.Expiry
}

// Count returns how many replicas are there, this one included.
func (p *Peers) Count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 1
	for _, other := range p.others {
		if time.Since(other.at) < p.cfg.Expiry {
			n++
		}
	}
	return n
}

// Run gives signs of life and listens to those of the others until ctx ends, when it says goodbye
// and returns nil.
func (p *Peers) Run(ctx context.Context) error {
	tick := time.NewTicker(p.cfg.Every)
	defer tick.Stop()
	var sub bus.Subscription
	for {
		if sub == nil {
			var err error
			if sub, err = p.bus.Subscribe(ctx, Channel, p.receive); err != nil {
				sub = nil
				if errors.Is(err, bus.ErrClosed) && ctx.Err() == nil {
					return fmt.Errorf("subscribe to the other replicas: %w", err)
				}
				p.log.Warn("cannot subscribe to the other replicas yet; trying again", zap.Error(err))
			}
		}
		p.say(sign{ID: p.id, Ready: p.ready()})
		select {
		case <-ctx.Done():
			if sub != nil {
				sub.Stop()
			}
			p.say(sign{ID: p.id, Bye: true})
			return nil
		case now := <-tick.C:
			p.forget(now)
		}
	}
}

func (p *Peers) say(s sign) {
	msg, err := json.Marshal(s)
	if err == nil {
		err = p.bus.Publish(Channel, msg)
	}
	if err != nil {
		p.log.Debug("could not send a heartbeat", zap.Error(err))
	}
}

func (p *Peers) receive(msg []byte) {
	var s sign
	if err := json.Unmarshal(msg, &s); err != nil || !chat.ValidID(s.ID) {
		return // of another kind or release
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_, known := p.others[s.ID]
	switch {
	case s.ID == p.id:
		p.heard = time.Now()
	case s.Bye:
		delete(p.others, s.ID)
	case known || len(p.others) < maxPeers:
		p.others[s.ID] = peer{at: time.Now(), ready: s.Ready}
	}
}

func (p *Peers) forget(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, other := range p.others {
		if now.Sub(other.at) >= p.cfg.Expiry {
			delete(p.others, id)
		}
	}
}
