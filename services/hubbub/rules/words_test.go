package rules_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// goneWords are names that had to be translated, each with the words of the field that took its
// place. docs/glossary.md has those.
var goneWords = map[string]string{
	"audience": "subscribers", "audiences": "subscribers", "spreadNews": "fanoutPass", "owe": "markPending", "owes": "markPending",
	"owesNothing": "clearPending", "obey": "dispatch", "obeys": "dispatch", "deny": "replyError", "strike": "recordViolation",
	"strikes": "recordViolation", "desk": "subscriptionQueue", "headDesk": "headBatcher", "doubts": "recheckQueue", "doubt": "needsVerify",
	"feed": "topic", "feeds": "topics", "seam": "safeCut", "insist": "requestWithRetry", "Shown": "visible", "spliced": "replyRaw, appendRaw",
	"throng": "crowd", "placeOf": "positionStatus", "confirmFeed": "confirmSubscriptions",
}

// rightWords are places in which a gone word is the right one: a part of the line that has it.
var rightWords = []string{
	// the name of a metric, which dashboards use
	`"feeds"`,
	// RFC 7519
	"issuer and audience", `audience = "hubbub"`, "jwt.ClaimStrings{audience}", "jwt.WithAudience(audience)",
}

// goneNames begin the names of functions that said nothing of what they do.
var goneNames = regexp.MustCompile(`^([tT]ake|[fF]eed|[oO]bey|[iI]nsist|[sS]pread|[oO]we)([A-Z]|$)`)

// rightNames are functions of which it is the field's own word.
var rightNames = map[string]string{
	"services/edge/internal/bucket/bucket.go Take": "a token bucket's",
	"libs/api/presence/snapshot.go takeSnapshot":   "a snapshot is taken",
	"services/history/take.go Take":                "the stage of history that is called so in its documents",
}

// causative matches comments such as "run has processes talk": whoever reads them takes "has" for a
// possession first. "run lets", "makes" or a verb of its own says it at once.
var causative = regexp.MustCompile(`^\s*(//|\*|/\*\*)\s(Test)?\w+ has (a|an|the|one|each|every|some|many|several|all|somebody|everybody|everything|something|history|clients|people|sockets|processes) ` +
	`(?:[\w']+ ){0,2}?(ask|wait|tell|begin|know|go|come|try|learn|find|take|look|see|hear|get|be|do|start|write|run|talk|send|say|return|leave|follow|join|fail|happen|speak|believe|resume|reconnect|connect|keep|lose|refuse|forget)\b`)

// TestWords holds that names, comments and documents do without words that had to be translated.
// Old entries of CHANGELOG.md and decisions tell of what was, and this file has the list.
func TestWords(t *testing.T) {
	out, err := exec.Command("git", "-C", root, "ls-files", "*.go", "*.ts", "*.svelte", "*.md", "*.lua", "*.sh").Output()
	if err != nil {
		t.Fatal(err)
	}
	files := strings.Fields(string(out))
	if len(files) < 1000 {
		t.Fatalf("%d files: the rule was hardly tried", len(files))
	}
	var words []string
	for word := range goneWords {
		words = append(words, word)
	}
	gone := regexp.MustCompile(`\b(` + strings.Join(words, "|") + `)\b`)
	used := map[string]bool{}
	for _, path := range files {
		if path == "CHANGELOG.md" || path == "services/hubbub/rules/words_test.go" || strings.HasPrefix(path, "docs/decisions/") {
			continue
		}
		src, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(src), "\n") {
			if word := gone.FindString(line); word != "" && !allowed(line, rightWords, used) {
				t.Errorf("%s:%d: %s: say %s: %s", path, i+1, word, goneWords[word], strings.TrimSpace(line))
			}
			if causative.MatchString(line) {
				t.Errorf(`%s:%d: "has … do": say who does what: %s`, path, i+1, strings.TrimSpace(line))
			}
		}
		if strings.HasSuffix(path, ".go") {
			functions(t, path, src, used)
		}
	}
	for _, right := range rightWords {
		if !used[right] {
			t.Errorf("nothing has %q any more: take it off the list", right)
		}
	}
	for right := range rightNames {
		if !used[right] {
			t.Errorf("there is no function %s any more: take it off the list", right)
		}
	}
}

// allowed reports whether a line has one of the parts, and notes that it is used.
func allowed(line string, parts []string, used map[string]bool) (found bool) {
	for _, part := range parts {
		if strings.Contains(line, part) {
			used[part], found = true, true
		}
	}
	return found
}

// functions holds that no function of a file has a gone name.
func functions(t *testing.T, path string, src []byte, used map[string]bool) {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || !goneNames.MatchString(f.Name.Name) {
			continue
		}
		if key := path + " " + f.Name.Name; rightNames[key] != "" {
			used[key] = true
		} else {
			t.Errorf("%s: function %s: say what it does", set.Position(f.Pos()), f.Name.Name)
		}
	}
}
