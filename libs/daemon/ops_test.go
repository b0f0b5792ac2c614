package daemon

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// TestOpsPort holds the defaults that keep the ops port private.
func TestOpsPort(t *testing.T) {
	var cfg struct{ Config }
	if _, _, err := parse("prog", "", &cfg, nil); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(cfg.OpsListen, "127.0.0.1:") || cfg.Pprof {
		t.Errorf("the ops port listens on %q, with profiles: %t", cfg.OpsListen, cfg.Pprof)
	}
	cfg.OpsListen, cfg.Pprof = freeAddr(t), true
	p := &Process{Log: zap.NewNop(), Metrics: prometheus.NewRegistry(), ctx: t.Context()}
	stop, err := p.serveOps(cfg.Config)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	if status, _ := get(t, "http://"+cfg.OpsListen+"/debug/pprof/cmdline"); status != 200 {
		t.Errorf("profiles: %d", status)
	}
}

// TestLogLevel sets the level of a process that runs, as a person does in a container, and refuses
// what is none.
func TestLogLevel(t *testing.T) {
	core, logs := observer.New(zap.DebugLevel)
	level := zap.NewAtomicLevel()
	p := &Process{Log: zap.New(core, zap.IncreaseLevel(level)), Metrics: prometheus.NewRegistry(), ctx: t.Context(), level: level}
	ops := freeAddr(t)
	stop, err := p.serveOps(Config{OpsListen: ops})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	for _, tt := range []struct {
		args, now, fail string
	}{
		{"loglevel debug", "debug", ""},
		{"loglevel error", "error", ""},
		{"loglevel loud", "error", `loglevel: the level "loud" is none: it has to be debug, info, warn or error`},
		{"loglevel panic", "error", "has to be"},
		{"loglevel info", "info", ""},
	} {
		err := asked(ops, strings.Fields("--flag=1 "+tt.args)...)
		if (err == nil) != (tt.fail == "") || err != nil && !strings.Contains(err.Error(), tt.fail) || level.String() != tt.now {
			t.Errorf("%.20s: %v, and the level is %s", tt.args, err, level)
		}
		if p.Log.Debug("a detail"); logs.FilterMessage("a detail").Len() > 0 != (tt.now == "debug") {
			t.Errorf("%s: details are logged: %d", tt.args, logs.FilterMessage("a detail").Len())
		}
		if tt.now == "debug" && logs.FilterMessage("changed the log level").Len() != 1 {
			t.Error("nothing says that the level was set")
		}
		logs.TakeAll()
	}
	if status, body := get(t, "http://"+ops+"/loglevel"); status != 200 || strings.TrimSpace(body) != `{"level":"info"}` {
		t.Errorf("asked for the level: %d %s", status, body)
	}
}

// asked asks the process whose ops port is given what the arguments of a program say.
func asked(ops string, args ...string) error {
	others, question := askedOf(args)
	if len(others) != strings.Count(strings.Join(args, " "), "--") {
		return fmt.Errorf("the other arguments are %v", others)
	}
	return question(ops)
}
