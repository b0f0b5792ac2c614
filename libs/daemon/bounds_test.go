package daemon

import (
	"testing"
	"time"
)

// TestMayBeSecret: what may be a secret, or have one in it, is not told with the settings.
func TestMayBeSecret(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, value string
		secret      bool
	}{
		{"secret-file", "x", true}, {"smtp-password", "x", true}, {"metrics-token", "x", true}, {"store", "mongodb://ann:pw@host", true},
		{"token-life", "5m", false}, {"addr", "localhost:80", false},
	} {
		if got := mayBeSecret(tt.name, tt.value); got != tt.secret {
			t.Errorf("--%s=%s: %v", tt.name, tt.value, got)
		}
	}
}

// TestConfigBounds holds the bounds of what every program can be told.
func TestConfigBounds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		c  Config
		ok bool
	}{
		{Config{}, true},
		{Config{StopDelay: 5 * time.Minute, SlowRequest: time.Hour}, true},
		{Config{StopDelay: 5*time.Minute + 1}, false},
		{Config{StopDelay: -1}, false},
		{Config{SlowRequest: time.Hour + 1}, false},
		{Config{SlowRequest: -1}, false},
	} {
		if err := tt.c.Validate(); (err == nil) != tt.ok {
			t.Errorf("%+v: %v", tt.c, err)
		}
	}
}

// TestHiddenOptions: an option that is hidden is not in the reference.
func TestHiddenOptions(t *testing.T) {
	t.Parallel()
	var cfg struct {
		Plain  string `help:""`
		Buried string `help:"" hidden:""`
	}
	all, err := Options("prog", &cfg)
	if err != nil || len(all) != 1 || all[0].Flag != "--plain" {
		t.Errorf("%+v, %v", all, err)
	}
}
