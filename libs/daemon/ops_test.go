package daemon

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
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
