package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"hubbub.internal/libs/chat"
)

// page is PROTOCOL.md.
func page(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// examples returns the lines of the page's blocks of a kind.
func examples(t testing.TB, kind string) (lines []string) {
	t.Helper()
	for _, block := range regexp.MustCompile("(?s)```json "+kind+"\n(.*?)```").FindAllStringSubmatch(page(t), -1) {
		lines = append(lines, strings.Split(strings.TrimSpace(block[1]), "\n")...)
	}
	if len(lines) == 0 {
		t.Fatalf("PROTOCOL.md has no examples of %s", kind)
	}
	return lines
}

// rows returns the first cells of the table under a heading, without their backquotes.
func rows(t *testing.T, heading string) (cells []string) {
	t.Helper()
	_, rest, ok := strings.Cut(page(t), "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("PROTOCOL.md has no part %s", heading)
	}
	rest, _, _ = strings.Cut(rest, "\n## ")
	for _, row := range regexp.MustCompile(`(?m)^\| ([^|]+) \|`).FindAllStringSubmatch(rest, -1)[1:] {
		for cell := range strings.SplitSeq(row[1], ", ") {
			cells = append(cells, strings.Trim(cell, "`"))
		}
	}
	return cells
}

// constants returns the string constants of a package's source whose names begin with prefix.
func constants(t *testing.T, dir, prefix string) (values []string) {
	t.Helper()
	fset := token.NewFileSet()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, dir+"/"+file.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || !strings.HasPrefix(spec.Names[0].Name, prefix) || len(spec.Values) != 1 {
				return true
			}
			if lit, ok := spec.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
				s, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatal(err)
				}
				values = append(values, s)
			}
			return true
		})
	}
	if len(values) == 0 {
		t.Fatalf("%s has no constants %s…", dir, prefix)
	}
	return values
}

// same fails the test unless the two have the same elements, in whatever order and however often.
func same(t *testing.T, what string, want, got []string) {
	t.Helper()
	set := func(s []string) []string {
		return slices.Compact(slices.Sorted(slices.Values(s)))
	}
	if d := cmp.Diff(set(want), set(got)); d != "" {
		t.Errorf("%s: code - PROTOCOL.md +\n%s", what, d)
	}
}

func TestProtocolCommands(t *testing.T) {
	var known, shown []string
	for _, k := range Kinds() {
		known = append(known, k.String())
	}
	for _, line := range examples(t, "command") {
		var c Command
		if err := c.Decode([]byte(line)); err != nil {
			t.Errorf("%s\n%v", line, err)
		}
		shown = append(shown, c.Kind.String())

		// The Go client's form of the command has every field of the example, too.
		var r Request
		d := json.NewDecoder(strings.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&r); err != nil {
			t.Errorf("%s\nis no Request: %v", line, err)
		}
		covers(t, line, r)
	}
	same(t, "commands with an example", known, shown)
	same(t, "commands in the table", known, rows(t, "Commands"))
	if got := KindUnknown.String() + NumKinds.String(); got != "unknownunknown" {
		t.Errorf("kinds that are none are called %s", got)
	}
}

func TestProtocolEvents(t *testing.T) {
	known := slices.Concat(constants(t, "../chat", "Type"), constants(t, ".", "Event"))
	var shown []string
	for _, line := range examples(t, "event") {
		e, err := DecodeEvent([]byte(line))
		if err != nil {
			t.Errorf("%s\n%v", line, err)
		}
		if want := strings.HasPrefix(line, `{"seq":`); e.Logged() != want {
			t.Errorf("%s\nLogged is %v", line, !want)
		}
		covers(t, line, e)
		shown = append(shown, e.Type)
	}
	same(t, "events with an example", known, shown)
	same(t, "events in the table", known, rows(t, "Events"))
}

func TestProtocolErrors(t *testing.T) {
	known := constants(t, "../chat", "Code")
	var shown []string
	for _, line := range examples(t, "error") {
		e, err := DecodeEvent([]byte(line))
		if err != nil {
			t.Errorf("%s\n%v", line, err)
		}
		covers(t, line, e)
		shown = append(shown, chat.CodeOf(e.Err()))

		// The edge's encoder makes the very line.
		ce, ok := errors.AsType[*chat.Error](e.Err())
		if got := AppendError(nil, e.ID, ce, e.MsgID, e.Room); !ok || string(got) != line {
			t.Errorf("AppendError makes\n%s\nof\n%s", got, line)
		}
	}
	same(t, "errors with an example", known, shown)
	same(t, "errors in the table", known, rows(t, "Errors"))
}

// TestProtocolErrorColumns shows that each error says whether to try again, and what may have been
// done.
func TestProtocolErrorColumns(t *testing.T) {
	_, part, _ := strings.Cut(page(t), "\n## Errors\n")
	known := constants(t, "../chat", "Code")
	found := regexp.MustCompile("(?m)^\\| `(\\w+)` \\| .* \\| ([^|]+) \\| (\\w+) \\|$").FindAllStringSubmatch(part, -1)
	if len(found) != len(known) {
		t.Fatalf("%d rows for %d codes", len(found), len(known))
	}
	for _, row := range found {
		code, again, done := row[1], row[2], row[3]
		if again, _, _ := strings.Cut(again, ","); again != "yes" && again != "no" {
			t.Errorf("%s: again is %q", code, again)
		}
		// services/edge's TestRefusedSends holds the column to what happens.
		want := "no"
		if code == chat.CodeUnavailable || code == chat.CodeInternal {
			want = "unknown"
		}
		if done != want {
			t.Errorf("%s: done is %q, want %q", code, done, want)
		}
	}
}

// TestProtocolWidth keeps the prose of the page at 100 columns.
func TestProtocolWidth(t *testing.T) {
	fenced := false
	for i, line := range strings.Split(page(t), "\n") {
		switch {
		case strings.HasPrefix(line, "```"):
			fenced = !fenced
		case !fenced && !strings.HasPrefix(line, "|") && utf8.RuneCountInString(line) > 100:
			t.Errorf("line %d has %d columns", i+1, utf8.RuneCountInString(line))
		}
	}
}

// TestProtocolIDs shows how the two meanings of id are told apart: what has a prev is an entry, and
// its id is the entry's. Among the others are replies alone, whose id is the request's, and what
// has none.
func TestProtocolIDs(t *testing.T) {
	replies := []string{EventWelcome, EventJoined, EventAck, EventError, EventWho, EventHistory, EventNotice, EventInbox}
	for _, line := range slices.Concat(examples(t, "event"), examples(t, "error")) {
		e, err := DecodeEvent([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		fields := object(t, []byte(line))
		_, prev := fields["prev"]
		_, id := fields["id"]
		if prev != e.Logged() || prev && !id || !prev && id && !slices.Contains(replies, e.Type) {
			t.Errorf("%s\nhas a prev: %v, an id: %v", line, prev, id)
		}
		for _, m := range e.Messages {
			if m.ID == "" || m.Prev != 0 || m.Deleted != (m.Text == "") {
				t.Errorf("the page has %+v", m)
			}
		}
	}
}

// TestProtocolDecodeErrors shows that the sentences of the page are those of the decoder.
func TestProtocolDecodeErrors(t *testing.T) {
	for _, tt := range []struct{ frame, code string }{
		{`hello`, chat.CodeBadJSON},
		{`{"type":"send","id":"7","room":"lobby","text":"x"}`, chat.CodeBadRequest},
		{`{"type":"shout","id":"21"}`, chat.CodeUnknownCommand},
	} {
		var c Command
		err, _ := errors.AsType[*chat.Error](c.Decode([]byte(tt.frame)))
		line := string(AppendError(nil, c.ID, err, c.MsgID, c.Room))
		if chat.CodeOf(err) != tt.code || !slices.Contains(examples(t, "error"), line) {
			t.Errorf("%s is answered\n%s\nwhich is not on the page", tt.frame, line)
		}
	}
}

func TestProtocolCloseCodes(t *testing.T) {
	var known, shown, named []string
	for _, c := range CloseCodes() {
		known = append(known, strconv.Itoa(int(c)))
		named = append(named, "| "+strconv.Itoa(int(c))+" | `"+c.String()+"` |")
	}
	for _, line := range examples(t, "close") {
		var x struct {
			Code     CloseCode
			Name     string
			ComeBack bool `json:"come_back"`
		}
		if err := json.Unmarshal([]byte(line), &x); err != nil {
			t.Errorf("%s\n%v", line, err)
		}
		if x.Code.String() != x.Name || ComesBack(x.Code) != x.ComeBack {
			t.Errorf("%s\nis called %s, and comes back: %v", line, x.Code, ComesBack(x.Code))
		}
		shown = append(shown, strconv.Itoa(int(x.Code)))
	}
	same(t, "close codes with an example", known, shown)
	same(t, "close codes in the table", known, rows(t, "Close codes"))
	for _, row := range named {
		if !strings.Contains(page(t), row) {
			t.Errorf("PROTOCOL.md lacks the row %s", row)
		}
	}
}

// TestProtocolCloseConstants shows that no constant is missing from CloseCodes or from the page.
func TestProtocolCloseConstants(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "close.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, part, _ := strings.Cut(page(t), "\n## Close codes\n")
	found := 0
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		number := spec.Values[0].(*ast.BasicLit).Value
		code, err := strconv.ParseUint(number, 10, 16)
		if err != nil {
			t.Fatal(err)
		}
		found++
		if !strings.Contains(part, number) {
			t.Errorf("%s (%s) is not in PROTOCOL.md", spec.Names[0].Name, number)
		}
		if code >= 4000 && !slices.Contains(CloseCodes(), CloseCode(code)) {
			t.Errorf("%s is not in CloseCodes", spec.Names[0].Name)
		}
		return true
	})
	if found < len(CloseCodes()) {
		t.Errorf("%d constants for %d codes", found, len(CloseCodes()))
	}
}

func TestComesBack(t *testing.T) {
	yes := []CloseCode{4000, 4001, 4499, 1001, 1006, 1011, 1012, 1013, 1014}
	no := []CloseCode{4500, 4501, 4999, 1000, 1002, 1003, 1005, 1007, 1008, 1009, 1010, 1015, 3000, 3999, 5000, 0}
	for _, c := range yes {
		if !ComesBack(c) {
			t.Errorf("%d does not come back", c)
		}
	}
	for _, c := range no {
		if ComesBack(c) {
			t.Errorf("%d comes back", c)
		}
	}
	if got := CloseCode(1011).String(); got != "1011" {
		t.Errorf("1011 is called %s", got)
	}
}

// covers fails the test unless v, encoded, has every field of the example with the same value. It
// may leave out zeros.
func covers(t *testing.T, example string, v any) {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	want, got := object(t, []byte(example)), object(t, b)
	maps.DeleteFunc(got, func(name string, _ any) bool { _, ok := want[name]; return !ok })
	maps.DeleteFunc(want, func(name string, v any) bool {
		list, isList := v.([]any)
		zero := v == json.Number("0") || v == false || isList && len(list) == 0
		return zero && got[name] == nil
	})
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s\nlost fields: example - Go +\n%s", example, d)
	}
}

// object decodes a JSON object with its numbers exact.
func object(t testing.TB, b []byte) (m map[string]any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&m); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return m
}
