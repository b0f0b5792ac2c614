package monitoring

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/template"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// ruleTest is a case of rules_test.yml, in the form of `promtool test rules`, which reads the file
// too. These tests run it with Prometheus's own parser and engine: promtool as a whole takes
// minutes to compile.
type ruleTest struct {
	Name     string        `json:"name"`
	Interval string        `json:"interval"`
	Input    []inputSeries `json:"input_series"`
	Alerts   []alertTest   `json:"alert_rule_test"`
}

type inputSeries struct {
	Series string `json:"series"`
	Values string `json:"values"`
}

type alertTest struct {
	At       string `json:"eval_time"`
	Name     string `json:"alertname"`
	Expected []struct {
		Labels      map[string]string `json:"exp_labels"`
		Annotations map[string]string `json:"exp_annotations"`
	} `json:"exp_alerts"`
}

// run evaluates all rules step by step, as Prometheus does. At the times that the case names,
// exactly the expected alerts must fire.
func (c ruleTest) run(t *testing.T, groups []rulefmt.RuleGroup, fired map[string]bool) {
	t.Helper()
	step := duration(t, c.Interval)
	db := &memory{}
	for _, in := range c.Input {
		lset, values, err := promQL.ParseSeriesDesc(in.Series + " " + in.Values)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range values {
			if !v.Omitted {
				db.add(lset, int64(i)*step.Milliseconds(), v.Value)
			}
		}
	}
	expected := map[time.Duration]map[string][]string{}
	var last time.Duration
	for _, a := range c.Alerts {
		at := duration(t, a.At)
		last = max(last, at)
		if expected[at] == nil {
			expected[at] = map[string][]string{}
		}
		for _, e := range a.Expected {
			expected[at][a.Name] = append(expected[at][a.Name], alertText(e.Labels, e.Annotations))
			fired[a.Name] = true
		}
	}
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute, EnableAtModifier: true, EnableNegativeOffset: true, Parser: promQL})
	// by rule and labels: since when an alert's expression holds
	since := map[string]time.Duration{}
	for at := time.Duration(0); at <= last; at += step {
		got := map[string][]string{}
		for _, g := range groups {
			for i, r := range g.Rules {
				for _, s := range instant(t, engine, db, r.Expr, at) {
					if r.Record != "" {
						db.add(labels.NewBuilder(s.Metric).Set(labels.MetricName, r.Record).Labels(), at.Milliseconds(), s.F)
						continue
					}
					lset := labels.NewBuilder(s.Metric).Del(labels.MetricName).Labels()
					key := fmt.Sprint(g.Name, i, lset)
					began, ok := since[key]
					if !ok || !slices.Contains(db.held[key], at-step) {
						began = at
					}
					since[key] = began
					db.hold(key, at)
					if at-began >= time.Duration(r.For) {
						notes := maps.Clone(r.Annotations)
						for k, v := range notes {
							notes[k] = expand(t, v, lset, s.F)
						}
						got[r.Alert] = append(got[r.Alert], alertText(withLabels(lset, r.Labels), notes))
					}
				}
			}
		}
		want, asked := expected[at]
		if !asked {
			continue
		}
		for name := range maps.Keys(merged(got, want)) {
			slices.Sort(got[name])
			slices.Sort(want[name])
			if !slices.Equal(got[name], want[name]) {
				t.Errorf("after %s %s fires with\n\t%s\nwant\n\t%s", at, name, strings.Join(got[name], "\n\t"), strings.Join(want[name], "\n\t"))
			}
		}
	}
}

func merged(a, b map[string][]string) map[string][]string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

func withLabels(lset labels.Labels, more map[string]string) map[string]string {
	all := lset.Map()
	maps.Copy(all, more)
	return all
}

// alertText returns an alert as one line, the same for the same labels and annotations.
func alertText(lset, notes map[string]string) string {
	return labels.FromMap(lset).String() + " " + labels.FromMap(notes).String()
}

func duration(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := model.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(d)
}

func instant(t *testing.T, engine *promql.Engine, db *memory, expr string, at time.Duration) promql.Vector {
	t.Helper()
	q, err := engine.NewInstantQuery(t.Context(), db, nil, expr, time.UnixMilli(at.Milliseconds()))
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	v, err := q.Exec(t.Context()).Vector()
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	return slices.Clone(v)
}

func expand(t *testing.T, text string, lset labels.Labels, value float64) string {
	t.Helper()
	defs := "{{$labels := .Labels}}{{$value := .Value}}"
	data := template.AlertTemplateData(lset.Map(), nil, "", promql.Sample{F: value})
	out, err := template.NewTemplateExpander(t.Context(), defs+text, "annotation", data, 0, nil, &url.URL{}, nil).Expand()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// memory holds series for the engine, and when an alert's expression held.
type memory struct {
	series []*held
	held   map[string][]time.Duration
}

type held struct {
	labels  labels.Labels
	samples []chunks.Sample
}

func (m *memory) hold(key string, at time.Duration) {
	if m.held == nil {
		m.held = map[string][]time.Duration{}
	}
	m.held[key] = append(m.held[key], at)
}

func (m *memory) add(lset labels.Labels, at int64, v float64) {
	for _, s := range m.series {
		if labels.Equal(s.labels, lset) {
			s.samples = append(s.samples, sample{at, v})
			return
		}
	}
	m.series = append(m.series, &held{lset, []chunks.Sample{sample{at, v}}})
}

func (m *memory) Querier(from, to int64) (storage.Querier, error) { return &querier{m, from, to}, nil }

type querier struct {
	*memory
	from, to int64
}

func (q *querier) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	set := &seriesSet{at: -1}
	for _, s := range q.series {
		if slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(s.labels.Get(m.Name)) }) {
			continue
		}
		var in []chunks.Sample
		for _, v := range s.samples {
			if v.T() >= q.from && v.T() <= q.to {
				in = append(in, v)
			}
		}
		set.all = append(set.all, storage.NewListSeries(s.labels, in))
	}
	slices.SortFunc(set.all, func(a, b storage.Series) int { return labels.Compare(a.Labels(), b.Labels()) })
	return set
}

func (*querier) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

func (*querier) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

func (*querier) Close() error { return nil }

type seriesSet struct {
	all []storage.Series
	at  int
}

func (s *seriesSet) Next() bool                      { s.at++; return s.at < len(s.all) }
func (s *seriesSet) At() storage.Series              { return s.all[s.at] }
func (*seriesSet) Err() error                        { return nil }
func (*seriesSet) Warnings() annotations.Annotations { return nil }

type sample struct {
	t int64
	f float64
}

func (s sample) ST() int64                     { return 0 }
func (s sample) T() int64                      { return s.t }
func (s sample) F() float64                    { return s.f }
func (s sample) H() *histogram.Histogram       { return nil }
func (s sample) FH() *histogram.FloatHistogram { return nil }
func (s sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample           { return s }
