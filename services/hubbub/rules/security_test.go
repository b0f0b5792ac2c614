package rules_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// asvs are the requirements of OWASP ASVS 5.0, chapters V6 (authentication), V7 (sessions) and V8
// (authorization), up to level 2: the sections, and the numbers of the requirements in them.
var asvs = []struct {
	section string
	numbers []int
}{
	{"6.1", []int{1, 2, 3}},
	{"6.2", []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}},
	{"6.3", []int{1, 2, 3, 4}},
	{"6.4", []int{1, 2, 3, 4}},
	{"6.5", []int{1, 2, 3, 4, 5}},
	{"6.6", []int{1, 2, 3}},
	{"6.8", []int{1, 2, 3, 4}},
	{"7.1", []int{1, 2, 3}},
	{"7.2", []int{1, 2, 3, 4}},
	{"7.3", []int{1, 2}},
	{"7.4", []int{1, 2, 3, 4, 5}},
	{"7.5", []int{1, 2}},
	{"7.6", []int{1, 2}},
	{"8.1", []int{1, 2}},
	{"8.2", []int{1, 2, 3}},
	{"8.3", []int{1}},
	{"8.4", []int{1}},
}

// TestSecurityTable holds docs/security.md to what it claims: every requirement has a row, every
// "yes" names a test that there is or a document, and everything else says why.
func TestSecurityTable(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile(root + "/docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{}
	for _, line := range regexp.MustCompile(`(?m)^\| (API\d+|\d+\.\d+\.\d+) \|.*\|$`).FindAllString(string(doc), -1) {
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if len(cells) != 4 {
			t.Errorf("%s: %d columns, want 4", cells[0], len(cells))
			continue
		}
		if rows[cells[0]] != nil {
			t.Errorf("%s has two rows", cells[0])
		}
		rows[cells[0]] = cells
	}
	var wanted []string
	for n := range 10 {
		wanted = append(wanted, fmt.Sprint("API", n+1))
	}
	for _, s := range asvs {
		for _, n := range s.numbers {
			wanted = append(wanted, fmt.Sprint(s.section, ".", n))
		}
	}
	for _, id := range wanted {
		if rows[id] == nil {
			t.Errorf("%s has no row", id)
		}
	}
	tests := regexp.MustCompile("`([a-z0-9/]+):(Test\\w+)`")
	for id, row := range rows {
		if !slices.Contains(wanted, id) {
			t.Errorf("%s is not a requirement that the table is about", id)
		}
		answer, shown := row[2], row[3]
		found := tests.FindAllStringSubmatch(shown, -1)
		switch answer {
		case "yes", "in part":
			if len(found) == 0 && !strings.Contains(shown, ".md") {
				t.Errorf("%s: the answer is %q, and no test and no document is named", id, answer)
			}
		case "no", "does not apply":
			if len(shown) < 10 {
				t.Errorf("%s: the answer is %q, without a reason", id, answer)
			}
		default:
			t.Errorf("%s: the answer is %q, want yes, in part, no, or does not apply", id, answer)
		}
		for _, f := range found {
			if !declares(t, f[1], f[2]) {
				t.Errorf("%s: there is no test %s in %s", id, f[2], f[1])
			}
		}
	}
}

// declares reports whether a folder of the repository has a test.
func declares(t *testing.T, dir, test string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(file string) bool {
		src, err := os.ReadFile(file)
		return err == nil && strings.Contains(string(src), "\nfunc "+test+"(")
	})
}
