package history

import (
	"context"
	"io"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
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
	b := leaving{openBus(t), stop}
	s, err := New(Config{MaxTail: 20_000, MaxEdits: 100, Pages: 8}, Deps{
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

// lateStore does not tell its highest Seq for some time.
type lateStore struct {
	store.Store
	fails *int
}

func (s lateStore) Highest(ctx context.Context) (uint64, error) {
	if *s.fails--; *s.fails >= 0 {
		return 0, io.ErrUnexpectedEOF
	}
	return s.Store.Highest(ctx)
}

// TestStartWaits has the store, and then the bus, not work for minutes when history starts: it does
// not serve, nor give up, and then the log goes on above what the store has.
func TestStartWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t)
		w.stop()
		const high = 1 << 52 // above what the clock gives a log that is new
		if _, err := w.store.Append(t.Context(), []store.Entry{{Room: "r1", Seq: high, Sender: "ann", ID: "m1", Type: chat.TypeMsg, Data: []byte(`_{"type":"msg"}`)}}); err != nil {
			t.Fatal(err)
		}
		inStore, onBus := 50, 50
		w.Service = over(w, w.bus, lateStore{w.store, &inStore})
		w.server.Fail(func(call, _ string) error {
			if call != "Advance" {
				return nil
			}
			if onBus--; onBus >= 0 {
				return bus.ErrUnavailable
			}
			return nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Run(ctx) }()
		w.eventuallyIn(20*60, "it serves", func() bool {
			_, err := w.api.Page(t.Context(), historyapi.PageRequest{Room: "r2"})
			return err == nil
		})
		if inStore >= 0 || onBus >= 0 {
			t.Errorf("it serves while the store fails %d times more, and the bus %d", inStore, onBus)
		}
		if seq := w.say("r1", "ann", "m2", "2"); seq <= high {
			t.Errorf("the log goes on at %d", seq)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
