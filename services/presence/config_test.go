package presence

import (
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	var cfg Config
	k, err := kong.New(&cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Parse(nil); err != nil {
		t.Fatal(err)
	}
	if err := cfg.Validate(); err != nil {
		t.Errorf("the defaults are refused: %v", err)
	}
	if cfg.EdgeExpiry != 15*time.Second || cfg.EdgeHeartbeat != 5*time.Second || cfg.Coalesce != 250*time.Millisecond {
		t.Errorf("defaults: %+v", cfg)
	}
	for want, change := range map[string]func(*Config){
		"edge-heartbeat": func(c *Config) { c.EdgeHeartbeat = time.Millisecond },
		"edge-expiry":    func(c *Config) { c.EdgeExpiry = c.EdgeHeartbeat },
		"flap":           func(c *Config) { c.Flap = -1 },
		"coalesce":       func(c *Config) { c.Coalesce = 0 },
		"big-room-every": func(c *Config) { c.BigRoomEvery = time.Hour },
		"big-room is":    func(c *Config) { c.BigRoom = 0 },
		"audit-every":    func(c *Config) { c.AuditEvery = time.Millisecond },
		"snapshots":      func(c *Config) { c.Snapshots = 65 },
	} {
		bad := cfg
		change(&bad)
		if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
