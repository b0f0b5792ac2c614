package rules_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// forPrograms begin the paths of Go files whose refusals no person gets: the page does not call
// what refuses, or the refusal says that a request has not the form of the API or of a frame.
var forPrograms = []string{
	"libs/api/api.go", "libs/api/presence/", "libs/bus/", "libs/client/", "libs/wire/", "services/directory/admin.go",
	"services/directory/imports.go", "services/history/import.go", "services/hubbub/",
}

// passedOn says of files that refuse with the text of another's error which functions make those:
// a package, or one function of it.
var passedOn = map[string]string{
	"services/directory/mailroutes.go":  "services/directory/mail CheckAddress",
	"services/directory/preferences.go": "libs/attention check",
	"services/directory/retention.go":   "libs/retention",
}

// refusal is a text with which a service may refuse, as its source has it.
type refusal struct{ code, text, at string }

// goPackages are the parsed files of packages, by folder.
type goPackages struct {
	set   *token.FileSet
	files map[string][]*ast.File
}

// findRefusals returns what the services refuse with, wherever they make a chat.Error.
func findRefusals(t *testing.T) (all []refusal) {
	t.Helper()
	p, codes := parsePackages(t), map[string]string{}
	for _, f := range p.files["libs/chat"] {
		ast.Inspect(f, func(n ast.Node) bool {
			if v, ok := n.(*ast.ValueSpec); ok && len(v.Values) == 1 && strings.HasPrefix(v.Names[0].Name, "Code") {
				codes["chat."+v.Names[0].Name] = literal(v.Values[0])
			}
			return true
		})
	}
	for folder, files := range p.files {
		for _, f := range files {
			file := folder + "/" + filepath.Base(p.set.Position(f.Pos()).Filename)
			if slices.ContainsFunc(forPrograms, func(start string) bool { return strings.HasPrefix(file, start) }) {
				continue
			}
			withFuncs(f, func(n ast.Node, in []ast.Node) {
				code, text := made(n)
				// a code of another error: its text was found where that was made
				if code == nil || codes[name(code)] == "" {
					return
				}
				texts := p.texts(text, place{folder, file, in})
				if len(texts) == 0 {
					t.Errorf("%s: this rule cannot tell what the text of the refusal is: make it a literal", p.set.Position(text.Pos()))
				}
				for _, s := range texts {
					all = append(all, refusal{codes[name(code)], s, file + ":" + strconv.Itoa(p.set.Position(text.Pos()).Line)})
				}
			})
		}
	}
	return all
}

func parsePackages(t *testing.T) goPackages {
	t.Helper()
	out, err := exec.Command("git", "-C", root, "ls-files", "libs/*.go", "services/*.go").Output()
	if err != nil {
		t.Fatal(err)
	}
	p := goPackages{token.NewFileSet(), map[string][]*ast.File{}}
	for file := range strings.FieldsSeq(string(out)) {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(p.set, filepath.Join(root, file), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		p.files[path.Dir(file)] = append(p.files[path.Dir(file)], f)
	}
	return p
}

// made returns the code and the text of a chat.Error, if a node makes one with both.
func made(n ast.Node) (code, text ast.Expr) {
	switch n := n.(type) {
	case *ast.CallExpr:
		if name(n.Fun) == "chat.E" {
			return n.Args[0], n.Args[1]
		}
	case *ast.CompositeLit:
		if name(n.Type) != "chat.Error" {
			return nil, nil
		}
		for _, e := range n.Elts {
			if pair, ok := e.(*ast.KeyValueExpr); ok && name(pair.Key) == "Code" {
				code = pair.Value
			} else if ok && name(pair.Key) == "Message" {
				text = pair.Value
			}
		}
		if text == nil {
			return nil, nil
		}
	}
	return code, text
}

// place is where an expression stands: in the functions in, the outermost first.
type place struct {
	folder, file string
	in           []ast.Node
}

// texts returns what a text may be: literals, and the formats of fmt.Sprintf. What is added to a
// literal is %s.
func (p goPackages) texts(e ast.Expr, at place) []string {
	switch e := e.(type) {
	case *ast.BasicLit:
		return []string{literal(e)}
	case *ast.BinaryExpr:
		part := func(e ast.Expr) string {
			if both, ok := e.(*ast.BinaryExpr); ok {
				return p.texts(both, at)[0]
			} else if s := literal(e); s != "" {
				return s
			}
			return "%s"
		}
		return []string{part(e.X) + part(e.Y)}
	case *ast.CallExpr:
		if name(e.Fun) == "fmt.Sprintf" {
			return p.texts(e.Args[0], at)
		} else if s, ok := e.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Error" {
			return p.passed(at.file)
		}
	case *ast.Ident:
		if all := p.arguments(e.Name, at); all != nil {
			return all
		}
		return p.assigned(e.Name, at)
	case *ast.SelectorExpr:
		return p.texts(e.X, at)
	case *ast.IndexExpr:
		return p.texts(e.X, at)
	}
	return nil
}

// passed returns the texts of the errors that a file passes on.
func (p goPackages) passed(file string) (all []string) {
	folder, function, _ := strings.Cut(passedOn[file], " ")
	for _, f := range p.files[folder] {
		withFuncs(f, func(n ast.Node, in []ast.Node) {
			call, ok := n.(*ast.CallExpr)
			if ok && (name(call.Fun) == "errors.New" || name(call.Fun) == "fmt.Errorf") && len(in) > 0 && (function == "" || funcName(in[0]) == function) {
				all = append(all, literal(call.Args[0]))
			}
		})
	}
	return all
}

// arguments returns what a parameter of one of the functions around a place may be: what the calls
// of that function in the package say. It returns nil unless there is such a parameter.
func (p goPackages) arguments(parameter string, at place) (all []string) {
	for depth, fn := range slices.Backward(at.in) {
		i := parameterIndex(fn, parameter)
		if i < 0 {
			continue
		}
		called := funcName(fn)
		if depth > 0 && called == "" {
			called = litName(at.in[depth-1], fn)
		}
		for _, f := range p.files[at.folder] {
			withFuncs(f, func(n ast.Node, in []ast.Node) {
				call, ok := n.(*ast.CallExpr)
				if !ok || i >= len(call.Args) {
					return
				}
				if s := name(call.Fun); s == called || strings.HasSuffix(s, "."+called) {
					all = append(all, p.texts(call.Args[i], place{at.folder, at.file, in})...)
				}
			})
		}
		return all
	}
	return nil
}

// assigned returns the texts that a variable is given, in the function around a place or in its
// package.
func (p goPackages) assigned(variable string, at place) (all []string) {
	scope := make([]ast.Node, 0, len(p.files[at.folder]))
	for _, f := range p.files[at.folder] {
		scope = append(scope, f)
	}
	if len(at.in) > 0 && gives(at.in[0], variable) {
		scope = at.in[:1]
	}
	for _, n := range scope {
		forGiven(n, variable, func(value ast.Expr) {
			found := literals(value)
			if found == nil { // another variable
				found = p.texts(value, at)
			}
			all = append(all, found...)
		})
	}
	return all
}

// gives reports whether a function gives a variable a value.
func gives(fn ast.Node, variable string) (found bool) {
	forGiven(fn, variable, func(ast.Expr) { found = true })
	return found
}

// forGiven calls do for each value that a variable is given below a node.
func forGiven(n ast.Node, variable string, do func(value ast.Expr)) {
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i, left := range n.Lhs {
				if name(left) == variable && len(n.Rhs) == len(n.Lhs) {
					do(n.Rhs[i])
				}
			}
		case *ast.ValueSpec:
			for i, left := range n.Names {
				if left.Name == variable && i < len(n.Values) {
					do(n.Values[i])
				}
			}
		}
		return true
	})
}

// withFuncs calls do for each node of a file with the functions that it is in, the outermost first.
func withFuncs(f *ast.File, do func(n ast.Node, in []ast.Node)) {
	var stack, in []ast.Node
	ast.Inspect(f, func(n ast.Node) bool {
		if n == nil {
			last := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if len(in) > 0 && in[len(in)-1] == last {
				in = in[:len(in)-1]
			}
			return true
		}
		do(n, slices.Clone(in))
		stack = append(stack, n)
		switch n.(type) {
		case *ast.FuncDecl, *ast.FuncLit:
			in = append(in, n)
		}
		return true
	})
}

func funcName(fn ast.Node) string {
	if d, ok := fn.(*ast.FuncDecl); ok {
		return d.Name.Name
	}
	return ""
}

// litName returns the variable that a function is in which another declares.
func litName(outer, lit ast.Node) (found string) {
	ast.Inspect(outer, func(n ast.Node) bool {
		if a, ok := n.(*ast.AssignStmt); ok && len(a.Rhs) == 1 && a.Rhs[0] == lit {
			found = name(a.Lhs[0])
		}
		return true
	})
	return found
}

// parameterIndex returns which parameter of a function has a name, or -1.
func parameterIndex(fn ast.Node, name string) int {
	var of *ast.FuncType
	switch fn := fn.(type) {
	case *ast.FuncDecl:
		of = fn.Type
	case *ast.FuncLit:
		of = fn.Type
	}
	i := 0
	for _, field := range of.Params.List {
		for _, n := range field.Names {
			if n.Name == name {
				return i
			}
			i++
		}
	}
	return -1
}

// name returns an identifier, or two with a dot between them.
func name(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return name(e.X) + "." + e.Sel.Name
	}
	return ""
}

// literals returns the texts of the string literals in a value.
func literals(value ast.Expr) (all []string) {
	ast.Inspect(value, func(n ast.Node) bool {
		if e, ok := n.(ast.Expr); ok && literal(e) != "" {
			all = append(all, literal(e))
		}
		return true
	})
	return all
}

// literal returns the text of a string literal; empty: it is none.
func literal(e ast.Expr) string {
	if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
		if s, err := strconv.Unquote(l.Value); err == nil {
			return s
		}
	}
	return ""
}
