// Package notify is the service that tells people who are away what is new: it consumes the room
// logs, decides who gets a notice of a message, and pushes to their devices.
//
// It is not on the live path and stores nothing: the directory keeps devices and choices, and
// notices that wait when the process is killed are lost. It has no database and no public port.
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
	// tick is how often the service looks for due notices.
	tick = 200 * time.Millisecond
	// roomsAtOnce is how many rooms the service handles at the same time.
	roomsAtOnce = 8
	// ending bounds the sending of waiting notices when the service ends.
	ending = 5 * time.Second
	// pushPause is the pause before the retry of a push.
	pushPause = 5 * time.Second
	// retryAfter is how long a client should wait when a push service does not answer.
	retryAfter = 10 * time.Second
)

var errNotReady = chat.Unavailable("notify does not know yet who has devices: the directory has not answered", time.Second)

// Access says who may read a room; *directory.Cache in package api implements it. It must be safe
// for concurrent use.
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
	// SlowRequest is the duration from which a request is logged as slow; 0: never.
	SlowRequest time.Duration
	TLS         *tls.Config // for calls of push services; nil: Go's defaults
}

// Service is the notify service. Its methods are safe for concurrent use.
type Service struct {
	cfg       Config
	bus       bus.Interface
	access    Access
	log       *zap.Logger
	slow      time.Duration // the duration from which a request is logged as slow; 0: never
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

// New returns the service, which does nothing before Run. The caller has validated cfg.
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

// Ready returns an error until the directory has said who has devices.
func (s *Service) Ready(context.Context) error {
	if !s.listeners.Loaded() {
		return errNotReady
	}
	return nil
}

// Run consumes the log and sends notices until ctx ends. It then sends waiting notices at once, for
// at most a few seconds, and returns nil.
func (s *Service) Run(ctx context.Context) error {
	stop, err := api.Serve(ctx, api.LogSlow(s.bus, s.log, s.slow), s.failed, api.Answer(notifyapi.ServiceTry, s.try))
	if err != nil && ctx.Err() != nil {
		return nil // serving failed because ctx has ended
	}
	if err != nil {
		return err
	}
	defer stop()
	// The sender ends last, because the other parts still give it pushes.
	sending, stopSending := context.WithCancel(context.WithoutCancel(ctx))
	sent := make(chan error, 1)
	go func() { sent <- s.sender.Run(sending) }()
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error { return s.listeners.Run(ctx) })
	all.Go(func() error { return s.notifyDue(ctx) })
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

// notifyDue sends due notices until ctx ends, and then all that wait.
func (s *Service) notifyDue(ctx context.Context) error {
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
				rooms.Go(func() error { s.notifyBatch(last, b); return nil })
			}
			return rooms.Wait()
		case now := <-ticker.C:
			if !s.listeners.Loaded() {
				continue
			}
			for _, b := range s.queue.Due(now) {
				rooms.Go(func() error { s.notifyBatch(context.WithoutCancel(ctx), b); return nil })
			}
		}
	}
}
