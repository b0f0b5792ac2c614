package rules_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// constants returns the values of the string constants of a package whose names begin with a
// prefix, and where a field Action is given a text that is none of them.
func constants(t *testing.T, dir, prefix string) (values, unnamed []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				for i, name := range n.Names {
					if rest, ok := strings.CutPrefix(name.Name, prefix); ok && ast.IsExported(rest) && i < len(n.Values) {
						if lit, ok := n.Values[i].(*ast.BasicLit); ok && lit.Kind == token.STRING {
							value, _ := strconv.Unquote(lit.Value) // the parser has read it
							values = append(values, value)
						}
					}
				}
			case *ast.KeyValueExpr:
				key, _ := n.Key.(*ast.Ident)
				if lit, ok := n.Value.(*ast.BasicLit); ok && key != nil && key.Name == "Action" {
					unnamed = append(unnamed, lit.Value)
				}
			}
			return true
		})
	}
	slices.Sort(values)
	return values, unnamed
}

// found returns what a pattern finds in a part of a file, between two texts, sorted.
func found(t *testing.T, path, from, to, pattern string) (all []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	_, part, begins := strings.Cut(string(text), from)
	part, _, ends := strings.Cut(part, to)
	if !begins || !ends {
		t.Fatalf("%s has nothing between %q and %q", path, from, to)
	}
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(part, -1) {
		all = append(all, m[1])
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// TestActionsHaveWords: whatever the audit log may say was done, the page has words for and
// docs/roles.md lists, and nothing else. So it is with what rooms are told of moderation.
func TestActionsHaveWords(t *testing.T) {
	t.Parallel()
	actions, unnamed := constants(t, "services/directory", "act")
	if len(unnamed) > 0 {
		t.Errorf("actions without a constant: %s", unnamed)
	}
	if len(actions) < 40 {
		t.Errorf("%d actions were found: the rule was hardly tried", len(actions))
	}
	acts, _ := constants(t, "libs/chat", "Act")
	for _, tt := range []struct {
		path, from, to, pattern string
		want                    []string
	}{
		{"web/src/text/acts.ts", "actNames", "};", `'([a-z.-]+)': \(\) => m\.`, actions},
		{"docs/roles.md", "\nThe actions:", "\n## ", "`([a-z-]+\\.[a-z.-]+)`", actions},
		{"web/src/text/moderation.ts", "export function actText", "/** Why somebody may not write", `(?:case|e\.act ===) '([a-z-]+)'`, acts},
	} {
		got := found(t, tt.path, tt.from, tt.to, tt.pattern)
		for _, name := range tt.want {
			if !slices.Contains(got, name) {
				t.Errorf("%s has no words for %s", tt.path, name)
			}
		}
		for _, name := range got {
			if !slices.Contains(tt.want, name) {
				t.Errorf("%s has words for %s, which nobody says", tt.path, name)
			}
		}
	}
}
