package rules_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// longest is how many lines a file of code may have, and longestOfPage one of the page: what is
// longer has more than one idea.
const (
	longest       = 400
	longestOfPage = 500
)

// longFiles are longer, and may not grow much: the lines that they may have. Each is a part of the
// page that has one state, and waits to be cut by what it is about.
var longFiles = map[string]int{
	"web/src/client/client.ts":     620,
	"web/src/state/chat.svelte.ts": 600,
	"web/src/ui/Timeline.svelte":   630,
}

// TestFilesAreShort holds that a file in Go or Lua has at most 400 lines, and one of the page 500,
// tests included.
func TestFilesAreShort(t *testing.T) {
	out, err := exec.Command("git", "-C", root, "ls-files", "*.go", "*.lua", "web/src/*", "web/e2e/*", "web/test/*").Output()
	if err != nil {
		t.Fatal(err)
	}
	files := strings.Fields(string(out))
	if len(files) < 1000 {
		t.Fatalf("%d files of code: the rule was hardly tried", len(files))
	}
	for _, path := range files {
		src, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(src[:min(len(src), 400)], []byte("Code generated")) {
			continue
		}
		limit := longest
		if strings.HasPrefix(path, "web/") {
			limit = longestOfPage
		}
		switch n, most := bytes.Count(src, []byte("\n")), longFiles[path]; {
		case n > max(limit, most):
			t.Errorf("%s has %d lines: cut it by what it is about", path, n)
		case most > 0 && n <= longest: // most of the page's shall be short, too
			t.Errorf("%s has %d lines: take it off longFiles", path, n)
		}
	}
}
