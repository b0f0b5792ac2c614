package measure_test

import (
	"errors"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"hubbub.internal/libs/bus/driver"
	"hubbub.internal/libs/bus/measure"
)

// TestShared: two buses of a process count together, drivers apart.
func TestShared(t *testing.T) {
	reg := prometheus.NewRegistry()
	a, b, other := measure.New(reg, "bus_a"), measure.New(reg, "bus_a"), measure.New(reg, "bus_b")
	a.Live.Inc()
	b.Live.Inc()
	other.Live.Inc()
	for _, err := range []error{nil, driver.ErrFull, errors.New("away")} {
		a.Appended(err, false)
	}
	b.Appended(nil, true)
	b.InFlight.Set(3)
	if got := testutil.ToFloat64(a.Live); got != 2 {
		t.Errorf("%v live entries", got)
	}
	if got := testutil.ToFloat64(a.InFlight); got != 3 {
		t.Errorf("%v in flight", got)
	}
	if n, err := testutil.GatherAndCount(reg, "hubbub_bus_a_appends_total"); err != nil || n != 4 {
		t.Errorf("%d outcomes, %v", n, err)
	}
	none := measure.New(nil, "bus_a")
	none.Appended(nil, false)
	none.Live.Inc()
}
