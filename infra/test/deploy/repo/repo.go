// Package repo reads, for tests of deployment files, what the repository says of its services.
package repo

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Root is the root of the checkout, relative to a package of this module.
const Root = "../../../.."

// Services names the services that run as replicas beside nginx.
var Services = []string{"edge", "history", "presence", "notify", "directory"}

// Public names those of them that nginx proxies to.
var Public = []string{"edge", "history", "presence", "directory"}

// Read returns a file of the checkout.
func Read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(Root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Options returns the variables that a service accepts, according to docs/configuration.md, which
// is made from its flags.
func Options(t *testing.T, service string) []string {
	t.Helper()
	var all []string
	for _, part := range strings.Split(Read(t, "docs/configuration.md"), "\n## ")[1:] {
		title, table, _ := strings.Cut(part, "\n")
		if title != "Every service" && title != service {
			continue
		}
		for _, m := range regexp.MustCompile("(?m)^\\| `--[a-z-]+` \\| `(HUBBUB_\\w+)`").FindAllStringSubmatch(table, -1) {
			all = append(all, m[1], m[1]+"_FILE")
		}
	}
	if len(all) < 20 {
		t.Fatalf("docs/configuration.md has %d options of %s", len(all), service)
	}
	return all
}

// Default returns the default of an option that is a duration, according to docs/configuration.md.
func Default(t *testing.T, variable string) time.Duration {
	t.Helper()
	m := regexp.MustCompile("`" + variable + "` \\| `([^`]+)`").FindStringSubmatch(Read(t, "docs/configuration.md"))
	if m == nil {
		t.Fatalf("docs/configuration.md has no %s", variable)
	}
	d, err := time.ParseDuration(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Secrets returns the names of the secrets that `make secrets` makes.
func Secrets(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), filepath.Join(Root, "infra/secrets.sh"), dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, f := range files {
		all = append(all, f.Name())
	}
	return all
}
