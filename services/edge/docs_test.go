package edge_test

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/prometheus/client_golang/prometheus"

	"hubbub.internal/services/edge"
)

// TestDocumented holds docs/edge.md to the metrics that there are, and to the flags of limits.
func TestDocumented(t *testing.T) {
	b, err := os.ReadFile("../../docs/edge.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(b)
	e := newWorld(t).edge()
	descs := make(chan *prometheus.Desc, 1000)
	e.reg.Describe(descs)
	close(descs)
	there := map[string]bool{}
	for d := range descs {
		name := regexp.MustCompile(`fqName: "(hubbub_edge_\w+)"`).FindStringSubmatch(d.String())
		if name == nil {
			continue // of the presence reporter
		}
		if there[name[1]] = true; !strings.Contains(doc, "`"+name[1]+"`") {
			t.Errorf("%s is not in docs/edge.md", name[1])
		}
	}
	for _, name := range regexp.MustCompile(`hubbub_edge_\w+`).FindAllString(doc, -1) {
		if !there[name] {
			t.Errorf("docs/edge.md has %s, which is not there", name)
		}
	}
	flags := map[string]bool{"ops-listen": true, "pprof": true, "help": true}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[edge.Config]()) {
		name := f.Tag.Get("name")
		if name == "" {
			name = kebab(f.Name)
		}
		flags[name] = true
		if strings.HasPrefix(name, "max-") && !strings.Contains(doc, "`--"+name+"`") {
			t.Errorf("--%s is not in docs/edge.md", name)
		}
	}
	for _, m := range regexp.MustCompile("`--([a-z-]+)").FindAllStringSubmatch(doc, -1) {
		if !flags[m[1]] {
			t.Errorf("docs/edge.md has --%s, which is none", m[1])
		}
	}
}

// kebab is how kong names the flag of a field.
func kebab(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
