package edge_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// layers are the packages of the edge from the ground up: each imports only packages of the layers
// before its own. See docs/architecture.md.
var layers = [][]string{
	{"transport", "frame", "upgrade", "deflate", "wheel", "buffer", "bucket", "slab", "work", "uptime", "metrics"},
	{"conn", "ring"},
	{"fanout", "session"},
	{"rooms"},
	{"ownroom", "sends"},
	{"protocol"},
}

// onBus are the packages that may know the bus.
var onBus = []string{"rooms", "ownroom", "sends"}

// TestLayers holds which package of the edge may import which, that a file has at most 400 lines,
// and that a type has at most 40 methods.
func TestLayers(t *testing.T) {
	layer := map[string]int{}
	for i, names := range layers {
		for _, name := range names {
			layer[name] = i
		}
	}
	files, err := filepath.Glob("internal/*/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal("there are no files", err)
	}
	methods := map[string]int{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(text, []byte("\n")); n > 400 {
			t.Errorf("%s has %d lines", file, n)
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		pkg := filepath.Base(filepath.Dir(file))
		own, ok := layer[pkg]
		if !ok {
			t.Errorf("package %s is in no layer", pkg)
		}
		for _, imported := range parsed.Imports {
			path, _ := strconv.Unquote(imported.Path.Value)
			name, inside := strings.CutPrefix(path, "hubbub.internal/services/edge/internal/")
			switch {
			case inside && layer[name] >= own:
				t.Errorf("%s imports %s, which is not below", file, name)
			case path == "hubbub.internal/libs/bus" && !slices.Contains(onBus, pkg):
				t.Errorf("%s imports the bus", file)
			}
		}
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil {
				continue
			}
			of := f.Recv.List[0].Type
			if star, ok := of.(*ast.StarExpr); ok {
				of = star.X
			}
			if name, ok := of.(*ast.Ident); ok {
				methods[pkg+"."+name.Name]++
			}
		}
	}
	for name, n := range methods {
		if n > 40 {
			t.Errorf("%s has %d methods", name, n)
		}
	}
}
