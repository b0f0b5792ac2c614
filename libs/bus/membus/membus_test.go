package membus

import (
	"testing"

	"go.uber.org/goleak"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// env is a server in this process: nothing of it can be killed.
func env() bustest.Env {
	return bustest.Env{
		Addr: "memory",
		Log: func(_ testing.TB, r bustest.Retention) bustest.Log {
			s := NewServer(Options{MaxAge: r.MaxAge, MaxBytes: r.MaxBytes})
			return bustest.Log{
				Open:     func(testing.TB, string) bus.Interface { return s.Open(r.Groups...) },
				Operator: func(testing.TB) bus.Interface { return s.Open() },
			}
		},
	}
}

func TestNothingIsLeft(t *testing.T) { bustest.RunAlone(t, env()) }

func TestConformance(t *testing.T) { bustest.Run(t, env()) }
