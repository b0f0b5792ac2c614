package rules_test

import (
	"bytes"
	"fmt"
	"go/scanner"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"hubbub.internal/services/hubbub/rules/markdown"
)

// root is that of the checkout.
const root = "../../.."

// documents calls do with the path below root, and the text, of each Markdown file that is ours.
func documents(t *testing.T, do func(path, text string)) {
	t.Helper()
	files, err := markdown.Files(root, "*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		text, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		do(path, string(text))
	}
	if len(files) < 30 {
		t.Errorf("only %d documents were found", len(files))
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	linked  = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
)

// anchors returns the names of a document's headings in links, as GitHub makes them.
func anchors(text string) map[string]bool {
	all := make(map[string]bool)
	for _, m := range heading.FindAllStringSubmatch(markdown.Prose(text), -1) {
		title := linked.ReplaceAllString(m[1], "$1")
		name := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r > 127 && !strings.ContainsRune("…·–—×“”", r):
				return r
			}
			return -1
		}, strings.ToLower(title))
		base := name
		for n := 1; all[name]; n++ {
			name = fmt.Sprint(base, "-", n)
		}
		all[name] = true
	}
	return all
}

// TestLinks holds that a link between documents leads somewhere, and one to a heading to that
// heading.
func TestLinks(t *testing.T) {
	documents(t, func(path, text string) {
		for _, m := range link.FindAllStringSubmatch(markdown.Inline.ReplaceAllString(markdown.Prose(text), ""), -1) {
			file, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(file, "://") || strings.HasPrefix(file, "mailto:") {
				continue
			}
			target := filepath.Join(root, filepath.FromSlash(path))
			if file != "" {
				target = filepath.Join(filepath.Dir(target), filepath.FromSlash(file))
			}
			info, err := os.Stat(target)
			if err != nil {
				t.Errorf("%s links to %s, which is not there", path, m[1])
				continue
			}
			if anchor == "" || info.IsDir() || filepath.Ext(target) != ".md" {
				continue
			}
			there, err := os.ReadFile(target)
			if err != nil {
				t.Fatal(err)
			}
			if !anchors(string(there))[anchor] {
				t.Errorf("%s links to %s, which has no such heading", path, m[1])
			}
		}
	})
}

// TestIndexes holds that every document, and every decision with its title and state, stands in the
// index of its folder.
func TestIndexes(t *testing.T) {
	read := func(path string) string {
		text, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	index, decisions := read("docs/README.md"), read("docs/decisions/README.md")
	title := regexp.MustCompile(`\A# (\d+)\. (.*)\n\nStatus: (.*)\n`)
	documents(t, func(path, text string) {
		name, inDocs := strings.CutPrefix(path, "docs/")
		decision, isDecision := strings.CutPrefix(path, "docs/decisions/")
		switch {
		case !inDocs || filepath.Base(path) == "README.md":
		case isDecision:
			m := title.FindStringSubmatch(text)
			if m == nil {
				t.Errorf("%s does not begin with its number and title, an empty line, and its status", path)
				return
			}
			if want := fmt.Sprintf("| %s | [%s](%s) | %s |\n", m[1], m[2], decision, m[3]); !strings.Contains(decisions, want) {
				t.Errorf("docs/decisions/README.md lacks the row\n%s", want)
			}
		case !strings.Contains(index, "("+name+")"):
			t.Errorf("docs/README.md does not name %s", name)
		}
	})
}

// widest is the column by which text and comments end; a tab counts four.
const widest = 100

func width(line string) int { return utf8.RuneCountInString(strings.ReplaceAll(line, "\t", "    ")) }

// TestLineLength holds that the lines of documents and of comments in Go are not too long to read.
// Tables, code, and what has no place to break are as long as they are.
func TestLineLength(t *testing.T) {
	check := func(path string, n int, line, text string) {
		if width(line) > widest && strings.Contains(strings.TrimSpace(text), " ") {
			t.Errorf("%s:%d: %d columns: %s", path, n, width(line), line)
		}
	}
	documents(t, func(path, text string) {
		code := false
		for n, line := range strings.Split(text, "\n") {
			trimmed := strings.TrimSpace(line)
			if strings.HasPrefix(trimmed, "```") {
				code = !code
			}
			if code || strings.HasPrefix(trimmed, "|") || strings.HasPrefix(trimmed, "#") || strings.HasPrefix(line, "    ") ||
				strings.HasPrefix(trimmed, "![") {
				continue
			}
			check(path, n+1, line, markdown.Inline.ReplaceAllString(trimmed, "code"))
		}
	})
	out, err := exec.Command("git", "-C", root, "ls-files", "*.go").Output()
	if err != nil {
		t.Fatal(err)
	}
	files := strings.Fields(string(out))
	if len(files) < 500 {
		t.Fatalf("%d files in Go: the rule was hardly tried", len(files))
	}
	for _, path := range files {
		src, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(src[:min(len(src), 400)], []byte("Code generated")) {
			continue
		}
		set := token.NewFileSet()
		file := set.AddFile(path, -1, len(src))
		lines := strings.Split(string(src), "\n")
		var s scanner.Scanner
		s.Init(file, src, nil, scanner.ScanComments)
		for {
			pos, tok, text := s.Scan()
			if tok == token.EOF {
				break
			}
			// What follows // at once is for a program.
			if prose, ok := strings.CutPrefix(text, "// "); tok == token.COMMENT && ok && !strings.HasPrefix(prose, " ") {
				n := file.Line(pos)
				check(path, n, lines[n-1], prose)
			}
		}
	}
}
