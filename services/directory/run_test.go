package directory

import (
	"context"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/natsembed"
)

// leaving is a bus on which the service is told to stop while it starts to serve.
type leaving struct {
	bus.Bus
	stop func()
}

func (l leaving) Serve(ctx context.Context, _ string, _ func(context.Context, []byte) ([]byte, error)) (bus.Subscription, error) {
	l.stop()
	return nil, ctx.Err()
}

// TestStopAtStart stops a service that is still starting: that is no failure.
func TestStopAtStart(t *testing.T) {
	server, err := natsembed.Start(natsembed.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Shutdown)
	ctx, stop := context.WithCancel(t.Context())
	s, err := New(config(), Deps{Bus: leaving{openBus(t, server.URL()), stop}, Store: openStore(t), Log: zap.NewNop(), Metrics: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(ctx); err != nil {
		t.Error(err)
	}
}
