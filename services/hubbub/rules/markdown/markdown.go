// Package markdown finds the documents of the repository and tells their code from their prose, for
// tests that check what they say.
package markdown

import (
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

var (
	// Inline matches code within a sentence; its group is the code.
	Inline = regexp.MustCompile("`([^`]+)`")

	fence    = regexp.MustCompile("(?ms)^```([a-z]*)[^\n]*\n(.*?)^```$")
	indented = regexp.MustCompile(`(?m)(?:^\n)((?:^    \S.*\n?)+)`)
)

// Files returns the paths, below root, of the files that git tracks and that match one of the
// patterns (gitignore's), except for the change log.
func Files(root string, patterns ...string) ([]string, error) {
	out, err := exec.Command("git", append([]string{"-C", root, "ls-files", "--"}, patterns...)...).Output()
	if err != nil {
		return nil, fmt.Errorf("list the files of %s: %w", root, err)
	}
	return slices.DeleteFunc(strings.Fields(string(out)), func(path string) bool { return path == "CHANGELOG.md" }), nil
}

// Prose returns a text without its fenced code blocks.
func Prose(text string) string { return fence.ReplaceAllString(text, "") }

// Commands returns the code blocks of a text that a shell can run: those without a language, those
// of a shell, and indented ones.
func Commands(text string) (all []string) {
	for _, m := range fence.FindAllStringSubmatch(text, -1) {
		if slices.Contains([]string{"", "sh", "bash", "console"}, m[1]) {
			all = append(all, m[2])
		}
	}
	for _, m := range indented.FindAllStringSubmatch(Prose(text), -1) {
		all = append(all, m[1])
	}
	return all
}
