package hubbub_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/zap"

	"hubbub.internal/libs/api"
	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/bus/busurl"
	"hubbub.internal/libs/bus/membus"
	"hubbub.internal/libs/bus/natsembed"
	"hubbub.internal/libs/clocks"
	"hubbub.internal/libs/daemon"
	"hubbub.internal/services/directory"
	directorystore "hubbub.internal/services/directory/store/memory"
	"hubbub.internal/services/edge"
	"hubbub.internal/services/history"
	historystore "hubbub.internal/services/history/store/storeurl"
	"hubbub.internal/services/hubbub/certificate"
	"hubbub.internal/services/notify"
	"hubbub.internal/services/presence"
)

// metricsDoc is the reference of all metrics, which `make docs` writes. The rules and dashboards of
// infra/monitoring are held to it by the tests of infra/test/deploy.
const metricsDoc = "docs/metrics.md"

// metric is a row of the reference.
type metric struct{ name, kind, labels, help string }

// TestMetricsAreDocumented starts every service and both buses, and holds that the reference has
// exactly the metrics that they register.
func TestMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	services := map[string][]metric{}
	for name, start := range map[string]func(context.Context, *daemon.Process, bus.Interface) error{
		"edge": startEdge, "history": startHistory, "presence": startPresence, "notify": startNotify, "directory": startDirectory,
	} {
		ctx, cancel := context.WithCancel(t.Context())
		err := daemon.Run(ctx, name, daemon.Config{LogLevel: "error"}, func(ctx context.Context, p *daemon.Process) error {
			defer cancel()
			b := membus.NewServer(membus.Options{}).Open(api.RequiredGroups...)
			p.Defer(func() { _ = b.Close() })
			clocks.New(b, name, p.Log, p.Metrics)
			if err := start(ctx, p, b); err != nil {
				return err
			}
			services[name] = described(t, p.Metrics)
			return nil
		})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	nats, err := natsembed.Start(natsembed.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer nats.Shutdown()
	buses := map[string][]metric{}
	for name, address := range map[string]string{"Redis": bustest.Redis(t).URL(), "NATS": nats.URL()} {
		var cfg busurl.Config
		defaults(t, &cfg, "--bus="+address)
		reg := prometheus.NewRegistry()
		b, err := busurl.Open(t.Context(), cfg, nil, reg, nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = b.Close()
		buses[name] = described(t, reg)
	}

	var out bytes.Buffer
	out.WriteString("# Metrics\n\nEvery metric that a process has at `/metrics` of its ops port. This file is written by `make docs`\n" +
		"from the programs themselves; a test holds that it is current, and another that the rules and\n" +
		"dashboards of `infra/monitoring` use no other names and labels. What to look at first is in\n" +
		"[Running Hubbub](operate.md#monitor), what to do in the [runbook](runbook.md).\n")
	common := slices.DeleteFunc(slices.Clone(services["edge"]), func(m metric) bool {
		return !slices.Contains(services["history"], m) || !slices.Contains(services["presence"], m) || !slices.Contains(services["notify"], m) || !slices.Contains(services["directory"], m)
	})
	metrics(&out, "Every process", common)
	for _, name := range []string{"edge", "history", "presence", "notify", "directory"} {
		metrics(&out, name, slices.DeleteFunc(services[name], func(m metric) bool { return slices.Contains(common, m) }))
	}
	follow := slices.DeleteFunc(slices.Clone(buses["Redis"]), func(m metric) bool { return !slices.Contains(buses["NATS"], m) })
	metrics(&out, "Every process, of either bus", follow)
	for _, name := range []string{"Redis", "NATS"} {
		metrics(&out, "Every process, with "+name, slices.DeleteFunc(buses[name], func(m metric) bool { return slices.Contains(follow, m) }))
	}

	reg := prometheus.NewRegistry()
	certificate.NewExpiry(zap.NewNop(), reg).Watch("", &x509.Certificate{})
	metrics(&out, "Who speaks TLS", described(t, reg))

	path := filepath.Join(root, metricsDoc)
	if os.Getenv(updateDocs) != "" {
		if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, out.Bytes()) {
		t.Errorf("%s is not current: run `make docs`", metricsDoc)
	}
}

func metrics(out *bytes.Buffer, title string, all []metric) {
	fmt.Fprintf(out, "\n## %s\n\n| metric | type | labels | what |\n|---|---|---|---|\n", title)
	for _, m := range all {
		fmt.Fprintf(out, "| `%s` | %s | %s | %s |\n", m.name, m.kind, m.labels, m.help)
	}
}

var (
	descName   = regexp.MustCompile(`fqName: "([^"]*)", help: "((?:[^"\\]|\\.)*)"`)
	descLabels = regexp.MustCompile(`(constLabels|variableLabels): \{([^}]*)\}`)
	constLabel = regexp.MustCompile(`(\w+)="[^"]*"`)
)

// described returns what is registered, by name. A metric with labels of which nothing was counted
// yet has no type: those that are named as counters are.
func described(t *testing.T, reg *prometheus.Registry) []metric {
	t.Helper()
	kinds := map[string]string{}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		kinds[f.GetName()] = map[dto.MetricType]string{
			dto.MetricType_COUNTER: "counter", dto.MetricType_GAUGE: "gauge", dto.MetricType_HISTOGRAM: "histogram", dto.MetricType_SUMMARY: "summary",
		}[f.GetType()]
	}
	descs := make(chan *prometheus.Desc, 1000)
	reg.Describe(descs)
	close(descs)
	all := map[string]metric{}
	for d := range descs {
		m := descName.FindStringSubmatch(d.String())
		if m == nil {
			t.Fatalf("cannot read %s", d)
		}
		var labels []string
		for _, l := range descLabels.FindAllStringSubmatch(d.String(), -1) {
			if l[1] == "constLabels" {
				for _, c := range constLabel.FindAllStringSubmatch(l[2], -1) {
					labels = append(labels, "`"+c[1]+"`")
				}
				continue
			}
			for name := range strings.SplitSeq(l[2], ",") {
				if name != "" {
					labels = append(labels, "`"+name+"`")
				}
			}
		}
		kind := kinds[m[1]]
		if kind == "" && strings.HasSuffix(m[1], "_total") {
			kind = "counter"
		}
		if kind == "" {
			t.Errorf("of which type is %s?", m[1])
		}
		all[m[1]] = metric{name: m[1], kind: kind, labels: strings.Join(labels, " "), help: strings.ReplaceAll(m[2], `\"`, `"`)}
	}
	return slices.SortedFunc(maps.Values(all), func(a, b metric) int { return cmp.Compare(a.name, b.name) })
}

// defaults fills a configuration with its defaults, and what args say.
func defaults(t *testing.T, cfg any, args ...string) {
	t.Helper()
	if err := parse(cfg, args...); err != nil {
		t.Fatal(err)
	}
}

func parse(cfg any, args ...string) error {
	k, err := kong.New(cfg)
	if err == nil {
		_, err = k.Parse(args)
	}
	return err
}

func startEdge(_ context.Context, p *daemon.Process, b bus.Interface) error {
	var cfg edge.Config
	if err := parse(&cfg, "--listen=127.0.0.1:0"); err != nil {
		return err
	}
	cache := directoryapi.NewCache(b, p.Log)
	e, err := edge.New(cfg, edge.Deps{
		Bus: b, Verifier: auth.NewVerifier(directoryapi.NewClient(b).Keys), Directory: cache, Log: p.Log, Metrics: p.Metrics,
	})
	if err != nil {
		return err
	}
	p.Go("permissions", cache.Run)
	p.Go("edge", e.Run)
	return nil
}

func startHistory(ctx context.Context, p *daemon.Process, b bus.Interface) error {
	dir, err := os.MkdirTemp("", "history")
	if err != nil {
		return err
	}
	p.Defer(func() { _ = os.RemoveAll(dir) })
	var cfg history.Config
	if err := parse(&cfg); err != nil {
		return err
	}
	store, err := historystore.Open(ctx, historystore.Config{Store: "sqlite:" + filepath.Join(dir, "history.db")}, p.Log)
	if err != nil {
		return err
	}
	p.Defer(func() { _ = store.Close() })
	_, err = history.New(cfg, history.Deps{
		Bus: b, Store: store, Verifier: auth.NewVerifier(directoryapi.NewClient(b).Keys), Cache: directoryapi.NewCache(b, p.Log), Log: p.Log, Metrics: p.Metrics,
	})
	return err
}

func startPresence(_ context.Context, p *daemon.Process, b bus.Interface) error {
	var cfg presence.Config
	if err := parse(&cfg); err != nil {
		return err
	}
	_, err := presence.New(cfg, presence.Deps{
		Bus: b, Log: p.Log, Metrics: p.Metrics, Access: directoryapi.NewCache(b, p.Log), Verifier: auth.NewVerifier(directoryapi.NewClient(b).Keys),
	})
	return err
}

func startNotify(_ context.Context, p *daemon.Process, b bus.Interface) error {
	var cfg notify.Config
	if err := parse(&cfg); err != nil {
		return err
	}
	notify.New(cfg, notify.Deps{Bus: b, Log: p.Log, Metrics: p.Metrics, Access: directoryapi.NewCache(b, p.Log)})
	return nil
}

func startDirectory(_ context.Context, p *daemon.Process, b bus.Interface) error {
	var cfg directory.Config
	if err := parse(&cfg); err != nil {
		return err
	}
	_, err := directory.New(cfg, directory.Deps{Bus: b, Store: directorystore.New(), Log: p.Log, Metrics: p.Metrics})
	return err
}
