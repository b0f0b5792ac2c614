package notify

import (
	"context"
	"fmt"
	"sync"

	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	notifyapi "hubbub.internal/libs/api/notify"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/notify/push"
)

// key caches the key that pushes are signed with, which the directory keeps.
type key struct {
	mu    sync.Mutex
	known directoryapi.PushKey
}

// pushKey returns the key that pushes are signed with.
func (s *Service) pushKey(ctx context.Context) (directoryapi.PushKey, error) {
	s.key.mu.Lock()
	defer s.key.mu.Unlock()
	if s.key.known.Private != "" {
		return s.key.known, nil
	}
	k, err := s.directory.PushKey(ctx)
	if err == nil {
		s.key.known = k
	}
	return k, err
}

// pushed handles the outcome of a push.
func (s *Service) pushed(p push.Push, out push.Outcome) {
	s.metrics.pushes.WithLabelValues(string(out)).Inc()
	if out != push.Lapsed {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), ending)
	defer cancel()
	// If this fails, the next push has the same outcome.
	if err := s.directory.Lapsed(ctx, directoryapi.LapsedRequest{Session: p.Device.Session, Endpoint: p.Device.Endpoint}); err != nil {
		s.log.Info("could not tell the directory that a device is gone", zap.String("user", p.User), zap.Error(err))
	}
}

// try answers notifyapi.ServiceTry.
func (s *Service) try(ctx context.Context, r notifyapi.TryRequest) (notifyapi.TryReply, error) {
	devices, err := s.directory.Devices(ctx, directoryapi.DevicesRequest{User: r.User, Session: r.Session})
	if err != nil {
		return notifyapi.TryReply{}, err
	}
	if len(devices) == 0 {
		return notifyapi.TryReply{}, chat.E(chat.CodeNotFound, "this device gets no notifications: turn them on first")
	}
	payload, err := encode(notice{Kind: kindTest})
	if err != nil {
		return notifyapi.TryReply{}, err
	}
	out, err := s.sender.Once(ctx, push.Push{User: r.User, Device: devices[0], Payload: payload, Topic: kindTest, Urgent: true})
	switch out {
	case push.Sent:
		return notifyapi.TryReply{}, nil
	case push.Lapsed:
		return notifyapi.TryReply{}, chat.E(chat.CodeNotFound, "the push service does not know this device any more: turn notifications off and on again")
	}
	return notifyapi.TryReply{}, fmt.Errorf("%w: %w", chat.Unavailable("the push service of this browser does not answer right now: try again later", retryAfter), err)
}
