package rules_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDependencies holds that docs/dependencies.md gives a reason for what the modules and the page
// ask for, and for nothing else.
func TestDependencies(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile(root + "/docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{} // and whether it is used
	for _, row := range regexp.MustCompile(`(?m)^\| ([^|]+) \|`).FindAllStringSubmatch(string(doc), -1)[1:] {
		for name := range strings.SplitSeq(row[1], ", ") {
			name, _, _ = strings.Cut(name, " ") // the version
			named[name] = false
		}
	}
	use := func(where, name string) {
		if _, ok := named[name]; !ok {
			t.Errorf("%s depends on %s, which docs/dependencies.md does not name", where, name)
		}
		named[name] = true
	}

	for _, pattern := range []string{root + "/libs/go.mod", root + "/services/*/go.mod", root + "/infra/test/*/go.mod"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %v", pattern, files, err)
		}
		for _, file := range files {
			out, err := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json", file).Output()
			if err != nil {
				t.Fatal(err)
			}
			var mod struct {
				Require []struct {
					Path     string
					Indirect bool
				}
			}
			if err := json.Unmarshal(out, &mod); err != nil {
				t.Fatal(err)
			}
			for _, r := range mod.Require {
				if !r.Indirect && !strings.HasPrefix(r.Path, "hubbub.internal/") {
					use(file, r.Path)
				}
			}
		}
	}
	b, err := os.ReadFile(root + "/web/package.json")
	if err != nil {
		t.Fatal(err)
	}
	var page struct{ Dependencies, DevDependencies map[string]string }
	if err := json.Unmarshal(b, &page); err != nil {
		t.Fatal(err)
	}
	for _, all := range []map[string]string{page.Dependencies, page.DevDependencies} {
		for name := range all {
			use("web/package.json", name)
		}
	}
	for name, used := range named {
		if !used {
			t.Errorf("docs/dependencies.md names %s, which nothing asks for", name)
		}
	}
}
