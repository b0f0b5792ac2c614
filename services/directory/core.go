package directory

import (
	"context"
	"errors"

	"go.uber.org/zap"

	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// core is what all parts share.
type core struct {
	cfg        Config
	bus        bus.Interface
	store      store.Store
	log        *zap.Logger
	metrics    *metrics
	changeRate *throttle // changes, by user
}

// fail returns the error with the code that a client acts on: err itself if it has one; all else is
// the store's.
func (s *core) fail(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*chat.Error](err); ok {
		return err
	}
	if !errors.Is(err, context.Canceled) {
		httpapi.Log(ctx, s.log).Error("the store failed", zap.Error(err))
		s.metrics.storeErrors.Inc()
	}
	return errors.Join(err, errStore)
}

// stored gives an error of the store the code that a service acts on.
func (s *core) stored(err error) error {
	if err == nil {
		return nil
	}
	s.metrics.storeErrors.Inc()
	s.log.Warn("the store failed", zap.Error(err))
	return errors.Join(err, errStore)
}
