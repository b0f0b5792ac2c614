package natsbus

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"hubbub.internal/libs/bus"
)

// opened is a bus and the driver under it.
type opened struct {
	*bus.Bus
	d *Driver
}

// openBoth opens a bus for the length of a test.
func openBoth(t testing.TB, cfg Config, reg prometheus.Registerer) opened {
	t.Helper()
	d, err := New(cfg, nil, reg)
	if err != nil {
		t.Fatal(err)
	}
	b, err := d.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return opened{b, d}
}
