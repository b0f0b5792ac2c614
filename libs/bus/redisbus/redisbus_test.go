package redisbus_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/bus/follow"
	"hubbub.internal/libs/bus/redisbus"
	"hubbub.internal/libs/chat"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	s := bustest.Redis(t)
	bustest.Run(t, environment(s.URL(), s.Kill, s.Start))
}

func TestConformanceWithSentinels(t *testing.T) {
	s := bustest.Sentinels(t, 1)
	bustest.Run(t, environment(s.URL(), s.Kill, s.Start))
}

func TestConformanceOnCluster(t *testing.T) {
	s := bustest.Cluster(t)
	bustest.Run(t, environment(s.URL(), s.Kill, s.Start))
}

func environment(url string, kill, start func()) bustest.Env {
	return bustest.Env{
		Log: func(_ testing.TB, r bustest.Retention) func(testing.TB) bus.Bus {
			prefix := chat.NewID()
			return func(t testing.TB) bus.Bus {
				return open(t, redisbus.Config{
					URL: url, Prefix: prefix, MemberEvery: bustest.MemberEvery,
					Keep:   30 * time.Second, // as shipped
					MaxAge: r.MaxAge, MaxBytes: r.MaxBytes, TrimEvery: r.TrimEvery, Groups: r.Groups,
					Follow: follow.Options{CompareEvery: time.Hour}, // what is missed has to be noticed
				})
			}
		},
		Kill:  kill,
		Start: start,
	}
}

func open(t testing.TB, cfg redisbus.Config) *redisbus.Bus {
	t.Helper()
	b, err := redisbus.Open(t.Context(), cfg, zaptest.NewLogger(t, zaptest.Level(zap.WarnLevel)), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func Benchmark(b *testing.B) {
	s := bustest.Redis(b)
	bustest.Benchmark(b, func(t testing.TB) bus.Bus { return open(t, redisbus.Config{URL: s.URL()}) })
}
