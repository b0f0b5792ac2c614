// Package notify is the service that tells people who are away what is new to them: it consumes the
// room logs, decides whom a message is told, and pushes to their devices.
//
// It is not on the live path and keeps nothing: devices and choices are the directory's, and what
// waits when the process is killed is told to nobody. It has no database and no public port.
package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"hubbub.internal/libs/api"
	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	notifyapi "hubbub.internal/libs/api/notify"
	presenceapi "hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/notify/listeners"
	"hubbub.internal/services/notify/pace"
	"hubbub.internal/services/notify/push"
	"hubbub.internal/services/notify/queue"
)

const (
	// group is the consumer group that notify reads the log as. Retention does not wait for it.
	group = "notify"
	// tick is how often it is looked what is due.
	tick = 200 * time.Millisecond
	// roomsAtOnce is how many rooms are told of at the same time.
	roomsAtOnce = 8
	// ending is how long what waits has when the service ends.
	ending = 5 * time.Second
	// pushPause is how long it is until a push that was not taken is tried again.
	pushPause = 5 * time.Second
	// retryAfter is how long a client waits when a push service does not answer.
	retryAfter = 10 * time.Second
)

var errNotReady = chat.Unavailable("notify has not heard yet who can be reached", time.Second)

// Access says who may read a room; *directory.Cache in package api is one. It is called
// concurrently.
type Access interface {
	Access(ctx context.Context, user, room string) (directoryapi.Access, error)
}

// Deps is what the service works with. The caller owns all of it, and closes it after Run has
// returned.
type Deps struct {
	Bus     bus.Interface
	Access  Access
	Log     *zap.Logger
	Metrics prometheus.Registerer // nil: no metrics
	// SlowRequest is the time after which a request is logged as slow; 0: none is.
	SlowRequest time.Duration
	TLS         *tls.Config // which push services to trust; nil: as the system does
}

// Service is the notify service. Its methods are safe for concurrent use.
type Service struct {
	cfg       Config
	bus       bus.Interface
	access    Access
	log       *zap.Logger
	slow      time.Duration // from which on requests are logged as slow; 0: none is
	metrics   *metrics
	directory *directoryapi.Client
	history   *historyapi.Client
	presence  *presenceapi.Client
	listeners *listeners.Listeners
	queue     *queue.Queue
	pace      *pace.Pace
	sender    *push.Sender
	key       key
}

// New returns the service, which does nothing before Run. cfg has been validated.
func New(cfg Config, deps Deps) *Service {
	s := &Service{
		cfg: cfg, bus: deps.Bus, access: deps.Access, log: deps.Log, slow: deps.SlowRequest,
		directory: directoryapi.NewClient(deps.Bus), history: historyapi.NewClient(deps.Bus), presence: presenceapi.NewClient(deps.Bus),
		queue: queue.New(cfg.Delay, cfg.Pending), pace: pace.New(cfg.Again, cfg.PerHour),
	}
	s.listeners = listeners.New(deps.Bus, s.directory, deps.Log)
	s.sender = push.NewSender(
		push.Config{Life: cfg.PushLife, Timeout: cfg.PushTimeout, Pause: pushPause, AtOnce: cfg.Pushes, Private: cfg.PushPrivate, Contact: cfg.Contact},
		push.Deps{Keys: s.pushKey, Log: deps.Log, Done: s.pushed, TLS: deps.TLS})
	s.metrics = newMetrics(deps.Metrics, s)
	return s
}

// Ready returns why nobody is told anything yet: the directory has not said who can be reached.
func (s *Service) Ready(context.Context) error {
	if !s.listeners.Loaded() {
		return errNotReady
	}
	return nil
}

// Run consumes the log and tells people until ctx ends, when it returns nil: what waits then is
// told at once, as far as a moment allows.
func (s *Service) Run(ctx context.Context) error {
	stop, err := api.Serve(ctx, api.LogSlow(s.bus, s.log, s.slow), s.failed, api.Answer(notifyapi.ServiceTry, s.try))
	if err != nil && ctx.Err() != nil {
		return nil // which is why it could not serve
	}
	if err != nil {
		return err
	}
	defer stop()
	// The sender outlives the rest, which gives it the last pushes.
	sending, stopSending := context.WithCancel(context.WithoutCancel(ctx))
	sent := make(chan error, 1)
	go func() { sent <- s.sender.Run(sending) }()
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error { return s.listeners.Run(ctx) })
	all.Go(func() error { return s.tellAll(ctx) })
	all.Go(func() error {
		if err := s.bus.Consume(ctx, group, s.consume); err != nil {
			return fmt.Errorf("consume the log: %w", err)
		}
		return nil
	})
	err = all.Wait()
	stopSending()
	return errors.Join(err, <-sent)
}

func (s *Service) failed(service string, err error) {
	s.log.Error("a request failed", zap.String("service", service), zap.Error(err))
}

// tellAll tells of what is due until ctx ends, and then of all that waits.
func (s *Service) tellAll(ctx context.Context) error {
	var rooms errgroup.Group
	rooms.SetLimit(roomsAtOnce)
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			_ = rooms.Wait()
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), ending)
			defer cancel()
			for _, b := range s.queue.Due(time.Now().Add(s.cfg.Delay)) {
				rooms.Go(func() error { s.tell(last, b); return nil })
			}
			return rooms.Wait()
		case now := <-ticker.C:
			if !s.listeners.Loaded() {
				continue
			}
			for _, b := range s.queue.Due(now) {
				rooms.Go(func() error { s.tell(context.WithoutCancel(ctx), b); return nil })
			}
		}
	}
}
