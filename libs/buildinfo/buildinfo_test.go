package buildinfo

import (
	"runtime"
	"strings"
	"testing"
)

func TestGet(t *testing.T) {
	checkout := map[string]string{"vcs.revision": "abc", "vcs.time": "2026-01-02T03:04:05Z", "vcs.modified": "true"}
	for _, tt := range []struct {
		version, commit, date string
		settings              map[string]string
		want                  Info
	}{
		{"", "", "", nil, Info{Version: "dev", Commit: "unknown", Date: "unknown"}},
		{"", "", "", checkout, Info{Version: "dev", Commit: "abc+changes", Date: "2026-01-02T03:04:05Z"}},
		{"1.2.3", "def", "2026-02-02T00:00:00Z", checkout, Info{Version: "1.2.3", Commit: "def", Date: "2026-02-02T00:00:00Z"}},
		{"1.2.3", "", "", nil, Info{Version: "1.2.3", Commit: "unknown", Date: "unknown"}},
	} {
		tt.want.Go = runtime.Version()
		if got := get(tt.version, tt.commit, tt.date, tt.settings); got != tt.want {
			t.Errorf("got %+v, want %+v", got, tt.want)
		}
	}
	if s := Get().String(); !strings.Contains(s, "dev (commit ") || !strings.Contains(s, runtime.GOARCH) {
		t.Error(s)
	}
}
