package bustest

import (
	"context"
	"testing"

	"hubbub.internal/libs/bus"
)

// Opened is a bus and the driver under it, for tests of what only a driver knows.
type Opened[D any] struct {
	*bus.Bus
	Driver D
}

// OpenDriver opens a bus over the driver for the length of a test. It takes the error of the
// driver's constructor, too.
func OpenDriver[D any](t testing.TB, d D, err error, open func(D, context.Context) (*bus.Bus, error)) Opened[D] {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	b, err := open(d, t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return Opened[D]{b, d}
}
