package edge_test

import (
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

// mostFloors is how many packages may stand on each other in services/edge: the layers, the package
// edge on them, and the program on that.
const mostFloors = 8

// onBus are the packages that may know the bus.
var onBus = []string{"rooms", "ownroom", "sends"}

// TestLayers holds which package of the edge may import which, so that no import leads upward, that
// the packages form at most eight floors, and that a type has at most 40 methods.
func TestLayers(t *testing.T) {
	if n := len(layers) + 2; n > mostFloors {
		t.Errorf("the edge has %d floors", n)
	}
	layer := map[string]int{}
	for i, names := range layers {
		for _, name := range names {
			layer[name] = i
		}
	}
	files, err := filepath.Glob("internal/*/*.go")
	own, err2 := filepath.Glob("*.go")
	if err != nil || err2 != nil || len(files) < 50 || len(own) == 0 {
		t.Fatal("there are no files", err, err2)
	}
	layer["."] = len(layers)
	files = append(files, own...)
	methods := map[string]int{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		pkg := filepath.Base(filepath.Dir(file))
		place, ok := layer[pkg]
		if !ok {
			t.Errorf("package %s is in no layer", pkg)
		}
		for _, imported := range parsed.Imports {
			path, _ := strconv.Unquote(imported.Path.Value)
			name, inside := strings.CutPrefix(path, "hubbub.internal/services/edge/internal/")
			switch {
			case inside && layer[name] >= place:
				t.Errorf("%s imports %s, which is not below", file, name)
			case path == "hubbub.internal/libs/bus" && pkg != "." && !slices.Contains(onBus, pkg):
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
