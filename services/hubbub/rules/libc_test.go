package rules_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestLibc holds that every module uses the very version of modernc.org/libc that
// modernc.org/sqlite was made for, as its documentation demands: SQLite is C code that was
// translated for one version, and another may break it silently.
func TestLibc(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.GoMod}}", "modernc.org/sqlite").Output()
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^\s*(?:require )?modernc\.org/libc (v\S+)`)
	of := func(file string) string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m := version.FindSubmatch(text)
		if m == nil {
			return ""
		}
		return string(m[1])
	}
	want := of(strings.TrimSpace(string(out)))
	if want == "" {
		t.Fatal("modernc.org/sqlite does not use modernc.org/libc any more: so this test is not needed")
	}
	files, err := filepath.Glob(filepath.Join(root, "services/*/go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range append(files, filepath.Join(root, "libs/go.mod")) {
		if got := of(file); got == want {
			found++
		} else if got != "" {
			t.Errorf("%s has modernc.org/libc %s, and modernc.org/sqlite wants %s", file, got, want)
		}
	}
	if found == 0 {
		t.Error("no module has modernc.org/libc")
	}
}
