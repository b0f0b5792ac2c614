package redisbus

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"hubbub.internal/libs/bus/bustest"
)

type opened = bustest.Opened[*Driver]

// openBoth opens a bus, and the driver under it, for the length of a test.
func openBoth(t testing.TB, cfg Config, reg prometheus.Registerer) opened {
	t.Helper()
	d, err := New(cfg, nil, reg)
	return bustest.OpenDriver(t, d, err, (*Driver).open)
}
