package rules_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// mostMethods is how many methods a type may have: one with more owns more than one behaviour.
const mostMethods = 40

// TestMethodsPerType holds that no type outside of tests declares more than mostMethods methods,
// interfaces included. Methods of embedded types do not count: their own type declares them.
func TestMethodsPerType(t *testing.T) {
	methods := methodsPerType(t)
	if len(methods) < 500 {
		t.Fatalf("%d types have methods: the rule was hardly tried", len(methods))
	}
	for name, n := range methods {
		if n > mostMethods {
			t.Errorf("%s has %d methods: cut it into types that each own one behaviour and its state", name, n)
		}
	}
}

// methodsPerType counts the methods that each type declares, by the folder and the name of the
// type.
func methodsPerType(t *testing.T) map[string]int {
	t.Helper()
	out, err := exec.Command("git", "-C", root, "ls-files", "*.go").Output()
	if err != nil {
		t.Fatal(err)
	}
	methods := map[string]int{}
	fset := token.NewFileSet()
	for _, file := range strings.Fields(string(out)) {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, filepath.Join(root, file), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv != nil {
					methods[path.Join(path.Dir(file), receiver(d.Recv.List[0].Type))]++
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if s, ok := s.(*ast.TypeSpec); ok {
						if i, ok := s.Type.(*ast.InterfaceType); ok {
							for _, m := range i.Methods.List {
								methods[path.Join(path.Dir(file), s.Name.Name)] += len(m.Names)
							}
						}
					}
				}
			}
		}
	}
	return methods
}

// receiver returns the name of the type of a receiver.
func receiver(t ast.Expr) string {
	switch t := t.(type) {
	case *ast.StarExpr:
		return receiver(t.X)
	case *ast.IndexExpr:
		return receiver(t.X)
	case *ast.IndexListExpr:
		return receiver(t.X)
	case *ast.Ident:
		return t.Name
	}
	return ""
}
