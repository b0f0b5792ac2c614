package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
)

// fault is a change of one place of a file that a test should notice.
type fault struct {
	file     string // path
	from, to int    // offsets of the bytes that are replaced
	text     string // by this
	line     int
	kind     string
}

// apply returns the file with the fault in it.
func (f fault) apply(source []byte) []byte {
	return slices.Concat(source[:f.from], []byte(f.text), source[f.to:])
}

// other maps operators to those that replace them. The compiler refuses a replacement that the type
// does not have, such as - of strings; that is no fault.
var other = map[token.Token]token.Token{
	// the boundary
	token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR,
	token.EQL: token.NEQ, token.NEQ: token.EQL,
	token.ADD: token.SUB, token.SUB: token.ADD, token.MUL: token.QUO, token.QUO: token.MUL,
	token.AND: token.OR, token.OR: token.AND, token.SHL: token.SHR, token.SHR: token.SHL,
}

// finder collects the faults of a file.
type finder struct {
	path   string
	source []byte
	set    *token.FileSet
	faults []fault
}

// find returns the faults that can be put into a Go file, in order. Log lines and generated files
// have none.
func find(path string, source []byte) ([]fault, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	if ast.IsGenerated(file) {
		return nil, nil
	}
	f := &finder{path: path, source: source, set: set}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Body != nil {
				ast.Inspect(d.Body, f.node)
			}
		case *ast.GenDecl:
			ast.Inspect(d, f.node)
		}
	}
	slices.SortStableFunc(f.faults, func(a, b fault) int { return a.from - b.from })
	return f.faults, nil
}

func (f *finder) offset(p token.Pos) int { return f.set.Position(p).Offset }

func (f *finder) text(n ast.Node) string {
	return string(f.source[f.offset(n.Pos()):f.offset(n.End())])
}

// add notes that the source from one place to another can be replaced by text.
func (f *finder) add(kind string, from, to token.Pos, text string) {
	f.faults = append(f.faults, fault{f.path, f.offset(from), f.offset(to), text, f.set.Position(from).Line, kind})
}

func (f *finder) node(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.IfStmt:
		f.negate(n.Cond)
	case *ast.ForStmt:
		if n.Cond != nil {
			f.negate(n.Cond)
		}
	case *ast.BinaryExpr:
		f.binary(n)
	case *ast.Ident:
		switch n.Name {
		case "true":
			f.add("true is false", n.Pos(), n.End(), "false")
		case "false":
			f.add("false is true", n.Pos(), n.End(), "true")
		}
	case *ast.BlockStmt:
		f.statements(n.List)
	case *ast.CaseClause:
		f.statements(n.Body)
	case *ast.CommClause:
		f.statements(n.Body)
	case *ast.ExprStmt:
		return !logs(f.text(n))
	case *ast.GenDecl:
		return n.Tok != token.IMPORT && n.Tok != token.TYPE
	case *ast.BasicLit:
		if n.Kind == token.INT {
			f.add("one more", n.Pos(), n.End(), "("+n.Value+" + 1)")
		}
	case *ast.CallExpr:
		f.arguments(n.Args)
	case *ast.ReturnStmt:
		f.forget(n)
	}
	return true
}

// arguments swaps neighbouring arguments. The compiler refuses that if their types differ.
func (f *finder) arguments(args []ast.Expr) {
	for i := 1; i < len(args); i++ {
		a, b := args[i-1], args[i]
		if f.text(a) != f.text(b) {
			f.add("arguments swapped", a.Pos(), b.End(), f.text(b)+", "+f.text(a))
		}
	}
}

// forget replaces a returned error by nil.
func (f *finder) forget(r *ast.ReturnStmt) {
	if len(r.Results) == 0 {
		return
	}
	last := r.Results[len(r.Results)-1]
	if strings.Contains(strings.ToLower(f.text(last)), "err") {
		f.add("error forgotten", last.Pos(), last.End(), "nil")
	}
}

// negate negates a condition, unless changing its operator does.
func (f *finder) negate(cond ast.Expr) {
	if b, ok := cond.(*ast.BinaryExpr); ok && (b.Op == token.EQL || b.Op == token.NEQ) {
		return
	}
	f.add("negated", cond.Pos(), cond.End(), "!("+f.text(cond)+")")
}

func (f *finder) binary(b *ast.BinaryExpr) {
	if b.Op == token.LAND || b.Op == token.LOR {
		f.add("only the left side", b.Pos(), b.End(), f.text(b.X))
		f.add("only the right side", b.Pos(), b.End(), f.text(b.Y))
		return
	}
	if op, ok := other[b.Op]; ok {
		f.add(fmt.Sprintf("%s is %s", b.Op, op), b.OpPos, b.OpPos+token.Pos(len(b.Op.String())), op.String())
	}
}

// statements drops statements, one at a time, and swaps neighbours. A dropped statement stays in
// code that never runs, so that its variables and imports are still used.
func (f *finder) statements(list []ast.Stmt) {
	for i, s := range list {
		switch s := s.(type) {
		case *ast.ExprStmt:
			if logs(f.text(s)) {
				continue
			}
		case *ast.AssignStmt:
			if s.Tok == token.DEFINE {
				continue
			}
		case *ast.IncDecStmt, *ast.SendStmt, *ast.DeferStmt, *ast.GoStmt, *ast.ReturnStmt, *ast.BranchStmt:
		default:
			continue
		}
		f.add("dropped", s.Pos(), s.End(), "if false { "+f.text(s)+" }")
		if i+1 < len(list) && swaps(s) && swaps(list[i+1]) && !logs(f.text(list[i+1])) {
			between := string(f.source[f.offset(s.End()):f.offset(list[i+1].Pos())])
			f.add("swapped with the next", s.Pos(), list[i+1].End(), f.text(list[i+1])+between+f.text(s))
		}
	}
}

// swaps reports whether it may matter which of two such statements comes first.
func swaps(s ast.Stmt) bool {
	switch s.(type) {
	case *ast.ExprStmt, *ast.AssignStmt, *ast.SendStmt, *ast.IncDecStmt:
		return true
	}
	return false
}

// logs reports whether a statement only writes to a log, which tests need not notice.
func logs(statement string) bool {
	call, _, _ := strings.Cut(statement, "(")
	call = strings.ToLower(call)
	return strings.HasPrefix(call, "log.") || strings.Contains(call, ".log.") || strings.Contains(call, "metrics.")
}
