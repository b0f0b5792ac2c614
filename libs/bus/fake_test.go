package bus

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/bus/driver"
	"hubbub.internal/libs/bus/measure"
)

// fake is a driver of which a test says what it does.
type fake struct {
	driver.Driver // what is not below is not used
	host          driver.Host
	retry         driver.Retry
	replay        func() (driver.Replayed, bool, error)
	listen        func(ctx context.Context, receive func([]byte)) (func(), error)
	request       func(ctx context.Context) (driver.Reply, error)
	probe         func(token string) (int, error)
	closed        bool
	closing       chan struct{} // Close waits for it, unless it is nil
}

func (f *fake) Open(_ context.Context, h driver.Host) error {
	f.host = h
	f.retry = driver.Retry{
		Life: h.Life, Attempt: func(ctx context.Context) (context.Context, context.CancelFunc) { return context.WithCancel(ctx) },
		Final: func(err error) bool { return errors.Is(err, errFinal) },
	}
	return nil
}

func (f *fake) Close() {
	if f.closing != nil {
		<-f.closing
	}
	f.closed = true
}

func (f *fake) Retry() *driver.Retry       { return &f.retry }
func (f *fake) Trim(context.Context) error { return nil }

func (f *fake) Replay(context.Context, string, Position, int) (driver.Replayed, bool, error) {
	return f.replay()
}

func (f *fake) Listen(ctx context.Context, _ string, receive func([]byte)) (func(), error) {
	return f.listen(ctx, receive)
}

func (f *fake) Request(ctx context.Context, _ string, _ []byte) (driver.Reply, error) {
	return f.request(ctx)
}

func (f *fake) Probe(_ context.Context, token string) (int, error) { return f.probe(token) }

func (f *fake) Heads(_ context.Context, rooms []string) ([]driver.Head, error) {
	return make([]driver.Head, len(rooms)), nil
}

var errFinal = errors.New("final")

func over(t *testing.T, f *fake) *Bus {
	t.Helper()
	b, err := Open(t.Context(), f, overOptions())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func overOptions() Options {
	return Options{Log: zap.NewNop(), Metrics: measure.New(nil, "fake"), TrimEvery: time.Hour, MemberEvery: time.Second}
}
