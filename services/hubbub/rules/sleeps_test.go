package rules_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// bubbles are packages whose tests run in a bubble of testing/synctest, by a helper of another
// file: there time passes by itself, and a sleep moves the clock.
var bubbles = map[string]bool{
	"libs/bus/follow":                 true,
	"services/edge/internal/protocol": true,
}

// sleeps are the files whose tests sleep outside of a bubble, how often, and why no condition can
// be waited for instead: time itself, or that nothing happens in it, is what they are about.
var sleeps = map[string]struct {
	n   int
	why string
}{
	"libs/bus/bustest/life.go":                    {1, "100 ms in which a Close that does not wait would return"},
	"libs/bus/bustest/replay.go":                  {1, "until the next second: seqs begin with the clock's seconds"},
	"libs/bus/natsbus/consume_test.go":            {1, "a handler that takes 1 ms, so that two members would overlap"},
	"libs/bus/natsbus/permission_test.go":         {1, "60 ms in which the driver compares, between two looks at the server"},
	"libs/bus/natsbus/trim_test.go":               {2, "until entries are older than MaxAge, by the server's clock"},
	"libs/bus/redisbus/restore_test.go":           {1, "a server that answers after 160 ms"},
	"libs/client/mend_test.go":                    {1, "a connection that has lasted for twice the longest pause"},
	"services/directory/browse_test.go":           {1, "until the next millisecond: rooms are ordered by it"},
	"services/directory/logins_bench_test.go":     {1, "a benchmark's load has to be there first"},
	"services/history/pins_test.go":               {1, "in a bubble of its package's helper"},
	"services/history/purge_test.go":              {4, "in a bubble of its package's helper"},
	"services/history/repeat_test.go":             {1, "until the bus forgets an id"},
	"services/history/reset_test.go":              {1, "in a bubble of its package's helper"},
	"services/history/retention_test.go":          {3, "in a bubble of its package's helper"},
	"services/history/single_test.go":             {1, "in a bubble of its package's helper"},
	"services/history/unfollow_test.go":           {3, "in a bubble of its package's helper"},
	"services/hubbub/e2e/stranger_client_test.go": {1, "a client that PROTOCOL.md tells to wait before it repeats a join"},
	"services/presence/loss_test.go":              {2, "a pace of changes; a silence of the bus that is longer than the expiry"},
}

// TestSleeps holds that a test does not sleep for luck: a time that is enough on one machine is too
// short on another, and too long on most. It waits for a condition, in a loop, or runs in a bubble.
func TestSleeps(t *testing.T) {
	out, err := exec.Command("git", "-C", root, "ls-files", "*_test.go", "*test/*.go").Output()
	if err != nil {
		t.Fatal(err)
	}
	files := strings.Fields(string(out))
	if len(files) < 300 {
		t.Fatalf("%d files of tests: the rule was hardly tried", len(files))
	}
	seen := map[string]int{}
	for _, path := range files {
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, filepath.Join(root, path), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if bubbles[filepath.ToSlash(filepath.Dir(path))] || inBubble(file) {
			continue
		}
		for _, at := range idle(file) {
			if seen[path]++; seen[path] > sleeps[path].n {
				t.Errorf("%s:%d: sleeps: wait for a condition, or say in sleeps_test.go why none can be waited for", path, set.Position(at).Line)
			}
		}
	}
	for path, want := range sleeps {
		if seen[path] < want.n {
			t.Errorf("%s sleeps %d times, not %d: correct sleeps_test.go", path, seen[path], want.n)
		}
	}
}

func inBubble(file *ast.File) bool {
	for _, imported := range file.Imports {
		if imported.Path.Value == `"testing/synctest"` {
			return true
		}
	}
	return false
}

// idle returns the calls of time.Sleep that are not the pause of a loop.
func idle(file *ast.File) (at []token.Pos) {
	var walk func(n ast.Node, loop bool)
	walk = func(n ast.Node, loop bool) {
		ast.Inspect(n, func(x ast.Node) bool {
			switch x := x.(type) {
			case *ast.FuncLit: // it is not the loop that runs it
				walk(x.Body, false)
				return false
			case *ast.ForStmt:
				for _, part := range []ast.Node{x.Init, x.Cond, x.Post, x.Body} {
					if part != nil {
						walk(part, true)
					}
				}
				return false
			case *ast.CallExpr:
				if s, ok := x.Fun.(*ast.SelectorExpr); ok && !loop && s.Sel.Name == "Sleep" {
					if id, ok := s.X.(*ast.Ident); ok && id.Name == "time" {
						at = append(at, x.Pos())
					}
				}
			}
			return true
		})
	}
	walk(file, false)
	return at
}
