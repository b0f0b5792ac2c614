package daemon

import (
	"maps"
	"testing"
	"time"
)

// TestSettings holds that settings are what is not a default, and no secret.
func TestSettings(t *testing.T) {
	type config struct {
		Config
		Bus        string   `help:"" default:"redis://h"`
		KeySecrets []string `help:""`
		Sockets    int      `help:"" default:"10"`
		Names      []string `help:"" default:"a,b"`
		TokenLife  string   `help:"" default:"15m"`
		Empty      string   `help:""`
	}
	var cfg config
	if _, _, err := parse("prog", "", &cfg, []string{"--bus", "redis://:pw@h", "--key-secrets", "s", "--sockets", "5", "--names", "a,c", "--token-life", "1m", "--stop-delay", "2s"}); err != nil {
		t.Fatal(err)
	}
	got, err := Settings(&cfg)
	want := map[string]string{"sockets": "5", "names": "a,c", "token-life": "1m", "stop-delay": "2s"}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("settings are %v, %v; want %v", got, err, want)
	}
	if cfg.Sockets != 5 || cfg.StopDelay != 2*time.Second {
		t.Errorf("it has changed them: %+v", cfg)
	}
}
