package rules_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestFilesOutside holds that infra/test/run.sh knows which files of the repository the tests of
// libs and the services open outside of their modules: Go does not, and would take a test for
// passed whose file has changed.
func TestFilesOutside(t *testing.T) {
	run, err := os.ReadFile(filepath.Join(root, "infra/test/run.sh"))
	if err != nil {
		t.Fatal(err)
	}
	list := regexp.MustCompile(`(?m)^outside='(.*)'$`).FindSubmatch(run)
	if list == nil {
		t.Fatal("infra/test/run.sh has no list of files outside")
	}
	known := map[string]bool{}
	for _, path := range strings.Fields(string(list[1])) {
		known[path] = false
	}
	out, err := exec.Command("git", "-C", root, "ls-files", "libs/*.go", "services/*.go").Output()
	if err != nil {
		t.Fatal(err)
	}
	relative := regexp.MustCompile(`"((?:\.\./)+[\w./-]*)`)
	inCheckout := regexp.MustCompile(`\bcheckout\.Root\(|\bIn: +"([^"]*)"`)
	note := func(file, path string) {
		if _, ok := known[path]; !ok {
			t.Errorf("a test in %s opens %s: name it in outside of infra/test/run.sh", file, path)
		}
		known[path] = true
	}
	for _, file := range strings.Fields(string(out)) {
		if strings.HasPrefix(file, "services/hubbub/") {
			continue // infra/test/run.sh takes everything for what these may open
		}
		source, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		module, _, _ := strings.Cut(file, "/")
		if module == "services" {
			module = strings.Join(strings.Split(file, "/")[:2], "/")
		}
		for _, m := range relative.FindAllStringSubmatch(string(source), -1) {
			path := filepath.Join(filepath.Dir(file), m[1])
			if _, err := os.Stat(filepath.Join(root, path)); err == nil && path != module && !strings.HasPrefix(path, module+"/") {
				note(file, path)
			}
		}
		for _, m := range inCheckout.FindAllStringSubmatch(string(source), -1) {
			switch {
			case m[1] == "" && !strings.HasPrefix(file, "libs/checkout/"):
				t.Errorf("%s may open anything in the checkout: its tests belong into services/hubbub", file)
			case m[1] != "" && m[1] != module:
				note(file, m[1])
			}
		}
	}
	for path, used := range known {
		if !used {
			t.Errorf("no test opens %s: take it out of outside of infra/test/run.sh", path)
		}
	}
}
