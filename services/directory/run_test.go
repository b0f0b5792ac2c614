package directory

import (
	"context"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/membus"
	"hubbub.internal/services/directory/store/memory"
)

// leaving is a bus on which the service is told to stop while it starts to serve.
type leaving struct {
	bus.Interface
	stop func()
}

func (l leaving) Serve(ctx context.Context, _ string, _ func(context.Context, []byte) ([]byte, error)) (bus.Subscription, error) {
	l.stop()
	return nil, ctx.Err()
}

// TestStopAtStart stops a service that is still starting: that is no failure.
func TestStopAtStart(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	b := onServer(membus.NewServer(membus.Options{}))(t)
	s, err := New(config(), Deps{Bus: leaving{b, stop}, Store: memory.New(), Log: zap.NewNop(), Metrics: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(ctx); err != nil {
		t.Error(err)
	}
}
