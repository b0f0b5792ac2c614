package hubbub_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// longest is how many lines a file of code may have: what is longer has more than one idea.
const longest = 400

// longFiles are longer, and may not grow: the lines that they may have.
var longFiles = map[string]int{
	"services/directory/rights_test.go":               520,
	"services/directory/steps_test.go":                410,
	"services/directory/store/memory/memory.go":       480,
	"services/directory/store/store.go":               480,
	"services/directory/store/storetest/storetest.go": 570,
	"services/edge/internal/protocol/rig_test.go":     460,
	"services/history/apply_test.go":                  420,
	"services/history/store/storetest/storetest.go":   490,
}

// TestFilesAreShort holds that a file in Go or Lua has at most 400 lines, tests included.
func TestFilesAreShort(t *testing.T) {
	out, err := exec.Command("git", "-C", root, "ls-files", "*.go", "*.lua").Output()
	if err != nil {
		t.Fatal(err)
	}
	files := strings.Fields(string(out))
	if len(files) < 500 {
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
		switch n, most := bytes.Count(src, []byte("\n")), longFiles[path]; {
		case n > max(longest, most):
			t.Errorf("%s has %d lines: cut it by what it is about", path, n)
		case most > 0 && n <= longest:
			t.Errorf("%s has %d lines: take it off longFiles", path, n)
		}
	}
}
