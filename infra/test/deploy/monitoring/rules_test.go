// Package monitoring tests infra/monitoring: the rules, the dashboards and the configuration of
// Prometheus.
package monitoring

import (
	"encoding/json"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"sigs.k8s.io/yaml"

	"hubbub.internal/infra/test/deploy/repo"
)

const monitoring = repo.Root + "/infra/monitoring"

var promQL = parser.NewParser(parser.Options{})

func readRules(t *testing.T) []rulefmt.RuleGroup {
	t.Helper()
	groups, errs := rulefmt.ParseFile(filepath.Join(monitoring, "rules.yml"), false, model.UTF8Validation, promQL, slog.New(slog.DiscardHandler))
	for _, err := range errs {
		t.Error(err)
	}
	if t.Failed() {
		t.FailNow()
	}
	return groups.Groups
}

// TestRules checks that Prometheus accepts the rules, and that every alert fires in a case of
// rules_test.yml and in none that does not expect it, has a severity, and has a section of the
// runbook.
func TestRules(t *testing.T) {
	t.Parallel()
	groups := readRules(t)
	var tests struct {
		Files    []string   `json:"rule_files"`
		Interval string     `json:"evaluation_interval"`
		Tests    []ruleTest `json:"tests"`
	}
	if err := yaml.UnmarshalStrict([]byte(repo.Read(t, "infra/monitoring/rules_test.yml")), &tests); err != nil {
		t.Fatal(err)
	}
	fired := map[string]bool{}
	for _, test := range tests.Tests {
		t.Run(test.Name, func(t *testing.T) { test.run(t, groups, fired) })
	}
	runbook := repo.Read(t, "docs/runbook.md")
	var sections []string
	for _, m := range regexp.MustCompile(`(?m)^## (Hubbub\w+)$`).FindAllStringSubmatch(runbook, -1) {
		sections = append(sections, m[1])
	}
	var alerts []string
	for _, g := range groups {
		for _, r := range g.Rules {
			if r.Alert == "" {
				continue
			}
			alerts = append(alerts, r.Alert)
			if !fired[r.Alert] {
				t.Errorf("%s fires in no case of rules_test.yml", r.Alert)
			}
			if want := "runbook.md#" + strings.ToLower(r.Alert); r.Annotations["runbook"] != want || r.Annotations["summary"] == "" {
				t.Errorf("%s says %v, and wants a summary and the runbook %s", r.Alert, r.Annotations, want)
			}
			if !slices.Contains([]string{"critical", "warning", "info"}, r.Labels["severity"]) {
				t.Errorf("%s has severity %q", r.Alert, r.Labels["severity"])
			}
		}
	}
	slices.Sort(alerts)
	slices.Sort(sections)
	if !slices.Equal(alerts, sections) {
		t.Errorf("docs/runbook.md has sections for\n%v\nthe alerts are\n%v", sections, alerts)
	}
}

// known returns the labels of every metric: of those of docs/metrics.md, which a test of
// services/hubbub compares with the services, those that Prometheus adds, and those that the rules
// record.
func known(t *testing.T, groups []rulefmt.RuleGroup) map[string][]string {
	t.Helper()
	all := map[string][]string{"up": {"job", "instance"}, "ALERTS": {"alertname", "alertstate", "severity"}}
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (\\w+) \\| ([^|]*) \\|").FindAllStringSubmatch(repo.Read(t, "docs/metrics.md"), -1) {
		has := append(strings.FieldsFunc(row[3], func(r rune) bool { return r == '`' || r == ' ' }), "job", "instance")
		names := []string{row[1]}
		if row[2] == "histogram" {
			names = []string{row[1] + "_bucket", row[1] + "_sum", row[1] + "_count"}
			has = append(has, "le")
		}
		for _, n := range names {
			all[n] = append(all[n], has...)
		}
	}
	if len(all) < 100 {
		t.Fatalf("docs/metrics.md has %d metrics", len(all))
	}
	// A recorded series has no more labels than those that it is made of.
	for _, g := range groups {
		for _, r := range g.Rules {
			if r.Record == "" {
				continue
			}
			expr, err := promQL.ParseExpr(r.Expr)
			if err != nil {
				t.Fatal(err)
			}
			all[r.Record] = slices.Sorted(maps.Keys(resultLabels(expr, all)))
		}
	}
	return all
}

// resultLabels returns the labels that a result of expr may have.
func resultLabels(expr parser.Node, all map[string][]string) map[string]bool {
	out := map[string]bool{}
	switch e := expr.(type) {
	case *parser.VectorSelector:
		for _, l := range all[e.Name] {
			out[l] = true
		}
		return out
	case *parser.AggregateExpr:
		inner := resultLabels(e.Expr, all)
		for l := range inner {
			if slices.Contains(e.Grouping, l) != e.Without {
				out[l] = true
			}
		}
		return out
	}
	for child := range parser.ChildrenIter(expr) {
		maps.Copy(out, resultLabels(child, all))
	}
	return out
}

// checkQuery checks that an expression parses, and that the metrics and labels in it exist.
func checkQuery(t *testing.T, where, query string, all map[string][]string) {
	t.Helper()
	expr, err := promQL.ParseExpr(query)
	if err != nil {
		t.Errorf("%s: %s: %v", where, query, err)
		return
	}
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.VectorSelector:
			if _, ok := all[n.Name]; !ok {
				t.Errorf("%s: there is no metric %s", where, n.Name)
			}
			for _, m := range n.LabelMatchers {
				if m.Name != labels.MetricName && !slices.Contains(all[n.Name], m.Name) {
					t.Errorf("%s: %s has no label %s", where, n.Name, m.Name)
				}
			}
		case *parser.AggregateExpr:
			has := resultLabels(n.Expr, all)
			for _, l := range n.Grouping {
				if !has[l] {
					t.Errorf("%s: nothing in %s has the label %s", where, n.Expr, l)
				}
			}
		}
		return nil
	})
}

// TestQueries checks every rule, and every query of the dashboards, against the metrics of the
// services.
func TestQueries(t *testing.T) {
	t.Parallel()
	groups := readRules(t)
	all := known(t, groups)
	inText := regexp.MustCompile(`\$labels\.(\w+)`)
	for _, g := range groups {
		for _, r := range g.Rules {
			name := r.Record + r.Alert
			checkQuery(t, name, r.Expr, all)
			expr, err := promQL.ParseExpr(r.Expr)
			if err != nil {
				continue
			}
			has := resultLabels(expr, all)
			for _, m := range inText.FindAllStringSubmatch(r.Annotations["summary"], -1) {
				if !has[m[1]] {
					t.Errorf("%s: the summary names the label %s, which the result does not have", name, m[1])
				}
			}
		}
	}
	files, err := filepath.Glob(monitoring + "/grafana/dashboards/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no dashboards: %v", err)
	}
	uids := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var d dashboard
		if err := json.Unmarshal(text, &d); err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if d.UID == "" || uids[d.UID] || d.Title == "" || d.SchemaVersion == 0 {
			t.Errorf("%s: uid %q, which has to be its own, title %q, schema %d", file, d.UID, d.Title, d.SchemaVersion)
		}
		uids[d.UID] = true
		ids := map[int]bool{}
		for _, p := range d.Panels {
			where := filepath.Base(file) + ", " + p.Title
			if ids[p.ID] || p.GridPos.W == 0 || p.GridPos.X+p.GridPos.W > 24 {
				t.Errorf("%s: a panel has an id of its own and a place within 24 columns", where)
			}
			ids[p.ID] = true
			if p.Type != "row" && len(p.Targets) == 0 {
				t.Errorf("%s: the panel has no query", where)
			}
			for _, q := range p.Targets {
				checkQuery(t, where, filled(q.Expr), all)
			}
		}
		for _, a := range d.Annotations.List {
			checkQuery(t, filepath.Base(file), filled(a.Expr), all)
		}
		for _, v := range d.Templating.List {
			if m := regexp.MustCompile(`^label_values\((.+), (\w+)\)$`).FindStringSubmatch(v.query()); m != nil {
				checkQuery(t, filepath.Base(file), "count by ("+m[2]+") ("+m[1]+")", all)
			} else if v.Type == "query" {
				t.Errorf("%s: cannot read the query of variable %s", file, v.Name)
			}
		}
	}
}

type dashboard struct {
	UID, Title    string
	SchemaVersion int
	Panels        []struct {
		ID          int
		Type, Title string
		GridPos     struct{ X, Y, W, H int }
		Targets     []struct{ Expr string }
	}
	Annotations struct{ List []struct{ Expr string } }
	Templating  struct{ List []variable }
}

type variable struct {
	Name, Type string
	Query      any
}

func (v variable) query() string {
	if q, ok := v.Query.(map[string]any); ok {
		s, _ := q["query"].(string)
		return s
	}
	return ""
}

// filled replaces Grafana's variables.
func filled(query string) string {
	return strings.NewReplacer("$__rate_interval", "5m", "$instance", ".*").Replace(query)
}

// TestVersion checks that the compose file runs the Prometheus whose engine these tests use.
func TestVersion(t *testing.T) {
	t.Parallel()
	m := regexp.MustCompile(`github.com/prometheus/prometheus v0\.(\d)(\d\d)\.(\d+)`).FindStringSubmatch(repo.Read(t, "infra/test/deploy/go.mod"))
	if m == nil {
		t.Fatal("go.mod has no Prometheus")
	}
	minor := strings.TrimPrefix(m[2], "0")
	if want := "prom/prometheus:v" + m[1] + "." + minor + "." + m[3]; !strings.Contains(repo.Read(t, "docker-compose.yml"), want+"\"\n") {
		t.Errorf("docker-compose.yml does not run %s", want)
	}
}
