package rules_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestTools holds that a machine which lacks what building needs is told so in one line, before
// anything else fails.
func TestTools(t *testing.T) {
	t.Parallel()
	const (
		goes = "Go 1.26 or later (https://go.dev/dl)"
		node = "Node 20.19, 22.12 or later with npm (https://nodejs.org)"
	)
	for _, tt := range []struct {
		golang, node string // versions; empty: not there
		want         string // empty: all is well
	}{
		{"go1.26.0", "v20.19.0", ""},
		{"go1.27.1", "v22.12.0", ""},
		{"go1.26.0", "v24.0.1", ""},
		{"go1.19.8", "v24.0.1", goes},
		{"", "v24.0.1", goes},
		{"go1.26.0", "", node},
		{"go1.26.0", "v20.18.3", node + "; this is v20.18"},
		{"go1.26.0", "v22.11.0", node + "; this is v22.11"},
		{"", "", goes + " and " + node},
	} {
		dir := t.TempDir()
		for program, says := range map[string]string{"go": tt.golang, "node": tt.node, "npm": tt.node} {
			if says == "" {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, program), []byte("#!/bin/sh\necho "+says+"\n"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		for _, program := range []string{"bash", "sed"} {
			path, err := exec.LookPath(program)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(path, filepath.Join(dir, program)); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "bash"), root+"/infra/test/tools.sh")
		cmd.Env = []string{"PATH=" + dir}
		out, err := cmd.CombinedOutput()
		want := ""
		if tt.want != "" {
			want = "Hubbub needs " + tt.want
		}
		if got := strings.TrimSuffix(string(out), "\n"); got != want || (err != nil) != (tt.want != "") {
			t.Errorf("Go %q, Node %q: %v, says %q, want %q", tt.golang, tt.node, err, got, want)
		}
	}
}
