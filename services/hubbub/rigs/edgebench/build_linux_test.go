package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestPeersAreBuiltOnce counts the builds of an artifact: each adds a line to the file it makes.
func TestPeersAreBuiltOnce(t *testing.T) {
	root := t.TempDir()
	pin := filepath.Join(root, "pin")
	write := func(version string) {
		t.Helper()
		if err := os.WriteFile(pin, []byte(version), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a := artifact{name: "peer", dir: ".", argv: []string{"sh", "-c", "echo built >>peer"}, out: "peer", pins: []string{"pin"}}
	builds := func(want int) {
		t.Helper()
		if err := a.build(t.Context(), root, filepath.Join(root, "peer.version")); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(root, "peer"))
		if err != nil || len(b) != want*len("built\n") {
			t.Errorf("it was built %d times, want %d (%v)", len(b)/len("built\n"), want, err)
		}
	}
	write("1")
	builds(1)
	builds(1)
	write("2")
	builds(2)
	a.pins = nil // our own programs change without a version
	builds(3)
	a.pins = []string{"pin"}
	if err := os.Remove(filepath.Join(root, "peer")); err != nil {
		t.Fatal(err)
	}
	builds(1)
}

// TestFailedBuildIsTriedAgain: a build that failed after it made its file runs again.
func TestFailedBuildIsTriedAgain(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "pin"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	a := artifact{name: "peer", dir: ".", argv: []string{"sh", "-c", "echo built >>peer; exit 1"}, out: "peer", pins: []string{"pin"}}
	for range 2 {
		if err := a.build(t.Context(), root, filepath.Join(root, "peer.version")); err == nil {
			t.Fatal("build returns no error though it failed")
		}
	}
}

// TestSettingsAreSaid checks that the settings of every server are described.
func TestSettingsAreSaid(t *testing.T) {
	for _, name := range serverNames {
		if settings[name] == "" {
			t.Errorf("%s does not say its settings", name)
		}
	}
}
