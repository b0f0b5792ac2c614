package history

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/bus"
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
	ctx, stop := context.WithCancel(t.Context())
	b := leaving{openBus(t), stop}
	s, err := New(Config{MaxTail: 20_000}, Deps{
		Bus: b, Store: openStore(t, filepath.Join(t.TempDir(), "history.db")), Cache: directoryapi.NewCache(b, zap.NewNop()),
		Log: zap.NewNop(), Metrics: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(ctx); err != nil {
		t.Error(err)
	}
}
