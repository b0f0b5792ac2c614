package redisbus_test

import (
	"context"
	"flag"
	"strings"
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

func TestMain(m *testing.M) {
	if bustest.Member(openMember) {
		return
	}
	_ = flag.Set("test.parallel", "4") // they mostly wait; it is a flag that exists
	goleak.VerifyTestMain(m)
}

// TestConformance runs the suite that every driver runs, on every kind of server.
func TestConformance(t *testing.T) {
	for name, start := range setUps {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bustest.Run(t, start(t))
		})
	}
}

func TestNothingIsLeft(t *testing.T) {
	for name, start := range setUps {
		t.Run(name, func(t *testing.T) { bustest.RunAlone(t, start(t)) })
	}
}

var setUps = map[string]func(*testing.T) bustest.Env{
	"server": func(t *testing.T) bustest.Env {
		s := bustest.Redis(t)
		env := environment(s.URL(), s)
		env.Addr = s.Addr()
		return env
	},
	"cluster": func(t *testing.T) bustest.Env {
		s := bustest.Cluster(t)
		return environment(s.URL(), s)
	},
}

func init() {
	if bustest.Race { // Sentinels say where the server is, and nothing else is different
		return
	}
	setUps["sentinels"] = func(t *testing.T) bustest.Env {
		s := bustest.Sentinels(t, 1)
		s.Hold() // what a failover loses is another test's
		return environment(s.URL(), s)
	}
}

// servers are what the suite breaks.
type servers interface {
	Kill()
	Start()
	Pause()
	Resume()
	Folders() []string
}

func environment(url string, s servers) bustest.Env {
	return bustest.Env{
		Log: func(_ testing.TB, r bustest.Retention) bustest.Log {
			prefix := chat.NewID()
			cfg := redisbus.Config{
				URL: url, Prefix: prefix, Personal: chat.IsUserRoom, MemberEvery: bustest.MemberEvery,
				Keep:   30 * time.Second, // as shipped
				MaxAge: r.MaxAge, MaxBytes: r.MaxBytes, TrimEvery: r.TrimEvery, Groups: r.Groups,
				Follow: follow.Options{CompareEvery: time.Hour}, // what is missed has to be noticed
			}
			return bustest.Log{
				Open: func(t testing.TB, via string) bus.Interface {
					cfg := cfg
					if via != "" {
						cfg.URL = "redis://" + via
					}
					return open(t, cfg)
				},
				Operator: func(t testing.TB) bus.Interface {
					cfg := cfg
					cfg.Groups = nil
					return open(t, cfg)
				},
				Spec: url + " " + prefix,
			}
		},
		Kill: s.Kill, Start: s.Start, Pause: s.Pause, Resume: s.Resume, Folders: s.Folders,
	}
}

// openMember opens what a Spec of environment says.
func openMember(spec string) (bus.Interface, error) {
	cfg := redisbus.Config{Personal: chat.IsUserRoom, MemberEvery: bustest.MemberEvery}
	cfg.URL, cfg.Prefix, _ = strings.Cut(spec, " ")
	return redisbus.Open(context.Background(), cfg, nil, nil)
}

func open(t testing.TB, cfg redisbus.Config) *bus.Bus {
	t.Helper()
	cfg.Personal = chat.IsUserRoom
	b, err := redisbus.Open(t.Context(), cfg, zaptest.NewLogger(t, zaptest.Level(zap.WarnLevel)), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func Benchmark(b *testing.B) {
	s := bustest.Redis(b)
	bustest.Benchmark(b, func(t testing.TB) bus.Interface { return open(t, redisbus.Config{URL: s.URL()}) })
}
