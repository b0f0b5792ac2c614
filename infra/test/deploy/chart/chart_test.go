package chart

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"

	"hubbub.internal/infra/test/deploy/repo"
)

const minimal = `
image: { registry: ghcr.io/somebody/ }
bus: { existingSecret: hubbub-bus }
history: { store: { existingSecret: hubbub-history } }
directory: { store: { existingSecret: hubbub-directory } }
`

// sets are values as people give them, over the least that has to be given.
var sets = map[string]string{
	"minimal": "",
	"nats": `
bus: { existingSecret: nats, key: nats_url, caSecret: nats-ca }
config: { HUBBUB_BUS_REPLICAS: 3, HUBBUB_LOG_LEVEL: debug }
networkPolicy: { busPorts: [4222], backends: [{ namespaceSelector: { matchLabels: { name: data } } }] }
nginx: { proxyProtocol: true, service: { type: LoadBalancer, port: 443 } }
podDisruptionBudget: { maxUnavailable: 20% }
`,
	"full": `
image: { registry: "registry.example:5000/chat/", tag: 1.2.3, pullPolicy: Always, pullSecrets: [registry] }
basePath: /chat/
stopDelaySeconds: 20
mail: { existingSecret: mail, from: "Chat <chat@chat.example>", pageURL: "https://chat.example/chat" }
keySecrets: { existingSecret: keys }
edge:
  drainSeconds: 60
  config: { HUBBUB_LOG_LEVEL: debug, HUBBUB_ORIGINS: "https://chat.example", HUBBUB_PPROF: true }
  autoscaling: { enabled: true, maxReplicas: 50, sockets: 20000 }
  podAnnotations: { example.com/team: chat }
  nodeSelector: { kubernetes.io/arch: arm64 }
  tolerations: [{ key: edge, operator: Exists, effect: NoSchedule }]
  affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: { topologyKey: zone } }] } }
  priorityClassName: high
history: { autoscaling: { enabled: true } }
presence: { autoscaling: { enabled: true } }
directory: { autoscaling: { enabled: true } }
nginx: { autoscaling: { enabled: true }, resolver: 10.96.0.10 }
ingress: { enabled: true, className: nginx, host: chat.example, tlsSecret: chat-tls }
networkPolicy:
  clients: [{ namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: ingress-nginx } } }]
  monitors: [{ namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: monitoring } } }]
monitoring:
  serviceMonitor: { enabled: true, labels: { release: prometheus } }
  rules: { enabled: true, labels: { release: prometheus } }
  dashboards: { enabled: true }
`,
}

// objects are what a rendered chart has, by name.
type objects struct {
	deployments map[string]*apps.Deployment
	services    map[string]*core.Service
	configs     map[string]*core.ConfigMap
	policies    map[string]*networking.NetworkPolicy
	budgets     map[string]*policy.PodDisruptionBudget
	scalers     map[string]*autoscaling.HorizontalPodAutoscaler
	ingresses   map[string]*networking.Ingress
	accounts    map[string]*core.ServiceAccount
	monitors    map[string]*serviceMonitor
	rules       map[string]*prometheusRule
	crons       map[string]*batch.CronJob
}

// Of the Prometheus operator, what the chart has.
type meta struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name   string            `json:"name"`
		Labels map[string]string `json:"labels"`
	} `json:"metadata"`
}

type serviceMonitor struct {
	meta `json:",inline"`
	Spec struct {
		Selector struct {
			MatchLabels      map[string]string `json:"matchLabels"`
			MatchExpressions []struct {
				Key      string   `json:"key"`
				Operator string   `json:"operator"`
				Values   []string `json:"values"`
			} `json:"matchExpressions"`
		} `json:"selector"`
		Endpoints []struct {
			Port        string `json:"port"`
			Path        string `json:"path"`
			Interval    string `json:"interval"`
			Relabelings []struct {
				SourceLabels []string `json:"sourceLabels"`
				TargetLabel  string   `json:"targetLabel"`
				Replacement  string   `json:"replacement"`
			} `json:"relabelings"`
		} `json:"endpoints"`
	} `json:"spec"`
}

type prometheusRule struct {
	meta `json:",inline"`
	Spec struct {
		Groups []any `json:"groups"`
	} `json:"spec"`
}

// parse reads what was rendered by the types of Kubernetes, which know every field there is.
func parse(t *testing.T, out map[string]string) objects {
	t.Helper()
	o := objects{
		map[string]*apps.Deployment{}, map[string]*core.Service{}, map[string]*core.ConfigMap{}, map[string]*networking.NetworkPolicy{},
		map[string]*policy.PodDisruptionBudget{}, map[string]*autoscaling.HorizontalPodAutoscaler{}, map[string]*networking.Ingress{},
		map[string]*core.ServiceAccount{}, map[string]*serviceMonitor{}, map[string]*prometheusRule{},
		map[string]*batch.CronJob{},
	}
	for file, text := range out {
		if file == "NOTES.txt" {
			continue
		}
		for _, doc := range regexp.MustCompile(`(?m)^---$`).Split(text, -1) {
			if strings.TrimSpace(doc) == "" {
				continue
			}
			var m meta
			if err := yaml.Unmarshal([]byte(doc), &m); err != nil {
				t.Errorf("%s: %v\n%s", file, err, doc)
				continue
			}
			switch m.APIVersion + " " + m.Kind {
			case "batch/v1 CronJob":
				put(t, o.crons, m, doc)
			case "apps/v1 Deployment":
				put(t, o.deployments, m, doc)
			case "v1 Service":
				put(t, o.services, m, doc)
			case "v1 ConfigMap":
				put(t, o.configs, m, doc)
			case "v1 ServiceAccount":
				put(t, o.accounts, m, doc)
			case "networking.k8s.io/v1 NetworkPolicy":
				put(t, o.policies, m, doc)
			case "networking.k8s.io/v1 Ingress":
				put(t, o.ingresses, m, doc)
			case "policy/v1 PodDisruptionBudget":
				put(t, o.budgets, m, doc)
			case "autoscaling/v2 HorizontalPodAutoscaler":
				put(t, o.scalers, m, doc)
			case "monitoring.coreos.com/v1 ServiceMonitor":
				put(t, o.monitors, m, doc)
			case "monitoring.coreos.com/v1 PrometheusRule":
				put(t, o.rules, m, doc)
			default:
				t.Errorf("%s: an unknown %s %s:\n%s", file, m.APIVersion, m.Kind, doc)
			}
			if !regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`).MatchString(m.Metadata.Name) {
				t.Errorf("%s has the name %q", m.Kind, m.Metadata.Name)
			}
			for k, v := range m.Metadata.Labels {
				if !regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$`).MatchString(v) {
					t.Errorf("%s %s has the label %s: %q", m.Kind, m.Metadata.Name, k, v)
				}
			}
		}
	}
	return o
}

func put[T any](t *testing.T, into map[string]*T, m meta, doc string) {
	t.Helper()
	v := new(T)
	if err := yaml.UnmarshalStrict([]byte(doc), v); err != nil {
		t.Errorf("%s %s: %v\n%s", m.Kind, m.Metadata.Name, err, doc)
	}
	if into[m.Metadata.Name] != nil {
		t.Errorf("two of %s %s", m.Kind, m.Metadata.Name)
	}
	into[m.Metadata.Name] = v
}

func rendered(t *testing.T, over string) objects {
	t.Helper()
	v := values(t, minimal, over)
	if err := validate(t, v); err != nil {
		t.Fatal(err)
	}
	out, err := render(t, v)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, out)
}

var parts = append(slices.Clone(repo.Services), "nginx")

func has(labels, selector map[string]string) bool {
	for k, v := range selector {
		if labels[k] != v {
			return false
		}
	}
	return len(selector) > 0
}

// TestChart holds that every set of values makes a whole: what names another names one that is
// there.
func TestChart(t *testing.T) {
	t.Parallel()
	for name, over := range sets {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := rendered(t, over)
			if len(o.deployments) != len(parts) || len(o.services) != len(parts) || len(o.budgets) != len(parts) || len(o.policies) != len(parts) {
				t.Fatalf("%d deployments, %d services, %d budgets, %d policies", len(o.deployments), len(o.services), len(o.budgets), len(o.policies))
			}
			for _, part := range parts {
				d := o.deployments["chat-hubbub-"+part]
				if d == nil {
					t.Fatalf("no deployment of %s", part)
				}
				checkPod(t, part, d, o)
				front := "chat-hubbub-" + part
				if part == "nginx" {
					front = "chat-hubbub"
				}
				for what, selector := range map[string]map[string]string{
					"deployment": d.Spec.Selector.MatchLabels, "service": o.services[front].Spec.Selector,
					"budget": o.budgets["chat-hubbub-"+part].Spec.Selector.MatchLabels, "policy": o.policies["chat-hubbub-"+part].Spec.PodSelector.MatchLabels,
				} {
					if !has(d.Spec.Template.Labels, selector) || selector["app.kubernetes.io/component"] != part {
						t.Errorf("the %s of %s selects %v", what, part, selector)
					}
				}
				ports := map[string]bool{}
				for _, p := range d.Spec.Template.Spec.Containers[0].Ports {
					ports[p.Name] = true
				}
				for _, p := range o.services[front].Spec.Ports {
					if !ports[p.TargetPort.StrVal] {
						t.Errorf("the service of %s leads to port %q", part, p.TargetPort.StrVal)
					}
				}
				if part != "nginx" && o.services[front].Spec.ClusterIP != "None" {
					t.Errorf("nginx gets one address of %s, and cannot try another", part)
				}
				if s := o.scalers["chat-hubbub-"+part]; s != nil {
					if s.Spec.ScaleTargetRef.Name != d.Name || d.Spec.Replicas != nil || *s.Spec.MinReplicas > s.Spec.MaxReplicas {
						t.Errorf("the scaler of %s: %+v, replicas %v", part, s.Spec, d.Spec.Replicas)
					}
				} else if d.Spec.Replicas == nil || *d.Spec.Replicas < 2 {
					t.Errorf("%s has %v replicas", part, d.Spec.Replicas)
				}
			}
			conf := o.configs["chat-hubbub-nginx"].Data["services.conf"]
			for _, s := range repo.Services {
				if want := fmt.Sprintf("map $host $hubbub_%s { default chat-hubbub-%s.talk.svc.cluster.local:8080; }", s, s); !strings.Contains(conf, want) {
					t.Errorf("nginx does not know where %s is:\n%s", s, conf)
				}
			}
			for _, i := range o.ingresses {
				b := i.Spec.Rules[0].HTTP.Paths[0].Backend.Service
				if o.services[b.Name] == nil || b.Port.Name != "http" {
					t.Errorf("the ingress leads to %+v", b)
				}
			}
			checkPolicies(t, o)
		})
	}
}

// checkPod holds that a pod has the least rights, what it is told is known, and what it mounts is
// there.
func checkPod(t *testing.T, part string, d *apps.Deployment, o objects) {
	t.Helper()
	p := d.Spec.Template.Spec
	c := p.Containers[0]
	s, ps := c.SecurityContext, p.SecurityContext
	if s == nil || *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem || !slices.Equal(s.Capabilities.Drop, []core.Capability{"ALL"}) ||
		!*ps.RunAsNonRoot || *ps.RunAsUser == 0 || ps.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault || *p.AutomountServiceAccountToken {
		t.Errorf("%s has rights that it does not need: %+v, %+v", part, s, ps)
	}
	if o.accounts[p.ServiceAccountName] == nil {
		t.Errorf("%s runs as %s", part, p.ServiceAccountName)
	}
	if c.Resources.Limits.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero() || c.Resources.Requests.Memory().IsZero() {
		t.Errorf("%s has no limits", part)
	}
	if !regexp.MustCompile(`^[a-z0-9.:/-]+/hubbub/` + part + `:[a-z0-9.]+$`).MatchString(c.Image) {
		t.Errorf("%s runs %s", part, c.Image)
	}
	if u := d.Spec.Strategy.RollingUpdate; u.MaxUnavailable.IntVal != 0 || u.MaxSurge.IntVal != 1 {
		t.Errorf("%s is replaced by %+v", part, u)
	}
	volumes := map[string]bool{}
	for _, v := range p.Volumes {
		volumes[v.Name] = true
		if v.ConfigMap != nil && o.configs[v.ConfigMap.Name] == nil {
			t.Errorf("%s mounts a ConfigMap %s", part, v.ConfigMap.Name)
		}
	}
	mounted := map[string]bool{}
	for _, m := range c.VolumeMounts {
		mounted[m.Name] = true
		if !volumes[m.Name] || !m.ReadOnly && m.Name != "tmp" {
			t.Errorf("%s mounts %+v", part, m)
		}
	}
	if len(mounted) != len(volumes) {
		t.Errorf("%s has volumes %v and mounts %v", part, volumes, mounted)
	}
	env := map[string]string{}
	for _, e := range c.Env {
		if _, twice := env[e.Name]; twice {
			t.Errorf("%s is told %s twice", part, e.Name)
		}
		env[e.Name] = e.Value
		if strings.HasPrefix(e.Value, "/run/secrets/") && !slices.ContainsFunc(c.VolumeMounts, func(m core.VolumeMount) bool { return strings.HasPrefix(e.Value, m.MountPath+"/") }) {
			t.Errorf("%s is told of %s, which is not mounted", part, e.Value)
		}
	}
	grace := time.Duration(*p.TerminationGracePeriodSeconds) * time.Second
	if part == "nginx" {
		for name := range env {
			if !strings.Contains(repo.Read(t, "infra/nginx/settings.sh"), "${"+name) {
				t.Errorf("nginx is told %s, which it does not take", name)
			}
		}
		sleep, err := time.ParseDuration(c.Lifecycle.PreStop.Exec.Command[1] + "s")
		if err != nil || sleep == 0 || grace < sleep+30*time.Second {
			t.Errorf("nginx waits %v before it stops, %v, and is killed after %s", sleep, err, grace)
		}
		return
	}
	for name := range env {
		if !slices.Contains(repo.Options(t, part), name) {
			t.Errorf("%s is told %s, which it does not take", part, name)
		}
	}
	_, stores := env["HUBBUB_STORE_FILE"]
	if stored := part == "history" || part == "directory"; stored != stores || env["HUBBUB_BUS_FILE"] == "" {
		t.Errorf("%s is told of bus and store: %v", part, env)
	}
	needs := time.Duration(0)
	for _, name := range []string{"HUBBUB_STOP_DELAY", "HUBBUB_DRAIN"} {
		if v, ok := env[name]; ok {
			d, err := time.ParseDuration(v)
			if err != nil {
				t.Error(err)
			}
			needs += d
		}
	}
	if needs < 10*time.Second || grace < needs+10*time.Second {
		t.Errorf("%s needs %s to stop, and is killed after %s", part, needs, grace)
	}
	for what, probe := range map[string]*core.Probe{"/readyz": c.ReadinessProbe, "/healthz": c.LivenessProbe} {
		if probe.HTTPGet.Path != what || probe.HTTPGet.Port.StrVal != "ops" {
			t.Errorf("%s is asked %+v", part, probe.HTTPGet)
		}
	}
}

// checkPolicies holds that services are reached by nginx alone, and that nobody leaves but for the
// bus, the store and names.
func checkPolicies(t *testing.T, o objects) {
	t.Helper()
	for _, part := range repo.Services {
		p := o.policies["chat-hubbub-"+part]
		if len(p.Spec.PolicyTypes) != 2 {
			t.Errorf("%s: %v", part, p.Spec.PolicyTypes)
		}
		for _, in := range p.Spec.Ingress {
			if len(in.From) == 0 || len(in.Ports) != 1 {
				t.Errorf("anybody reaches %s: %+v", part, in)
			}
			if in.Ports[0].Port.StrVal == "http" && !has(o.deployments["chat-hubbub-nginx"].Spec.Template.Labels, in.From[0].PodSelector.MatchLabels) {
				t.Errorf("nginx does not reach %s: %+v", part, in)
			}
		}
		store := slices.ContainsFunc(p.Spec.Egress, func(e networking.NetworkPolicyEgressRule) bool {
			return slices.ContainsFunc(e.Ports, func(p networking.NetworkPolicyPort) bool { return *p.Port == intstr.FromInt32(27017) })
		})
		if store != (part == "history" || part == "directory") {
			t.Errorf("%s reaches the store: %v", part, store)
		}
		for _, e := range p.Spec.Egress {
			if len(e.Ports) == 0 {
				t.Errorf("%s reaches any port", part)
			}
		}
	}
}

// TestChartFull holds what only people who ask for it get.
func TestChartFull(t *testing.T) {
	t.Parallel()
	o := rendered(t, sets["full"])
	edge := o.deployments["chat-hubbub-edge"].Spec.Template.Spec.Containers[0]
	for _, e := range edge.Env {
		if e.Name == "HUBBUB_DRAIN" && e.Value != "60s" || e.Name == "HUBBUB_STOP_DELAY" && e.Value != "20s" || e.Name == "HUBBUB_PPROF" && e.Value != "true" {
			t.Errorf("an edge is told %+v", e)
		}
	}
	pod := o.deployments["chat-hubbub-directory"].Spec.Template.Spec
	directory := map[string]string{}
	for _, e := range pod.Containers[0].Env {
		directory[e.Name] = e.Value
	}
	for option, in := range map[string][2]string{"HUBBUB_SMTP_URL_FILE": {"mail", "url"}, "HUBBUB_KEY_SECRETS_FILE": {"keys", "secrets"}} {
		path := ""
		for _, v := range pod.Volumes {
			if v.Secret == nil || v.Secret.SecretName != in[0] || v.Secret.Items[0].Key != in[1] {
				continue
			}
			for _, m := range pod.Containers[0].VolumeMounts {
				if m.Name == v.Name {
					path = m.MountPath + "/" + v.Secret.Items[0].Path
				}
			}
		}
		if path == "" || directory[option] != path {
			t.Errorf("the directory reads %s from %q, and the secret %s is at %q", option, directory[option], in[0], path)
		}
	}
	if directory["HUBBUB_MAIL_FROM"] != "Chat <chat@chat.example>" || directory["HUBBUB_PAGE_URL"] != "https://chat.example/chat" {
		t.Errorf("the directory is told %v", directory)
	}
	metrics := o.scalers["chat-hubbub-edge"].Spec.Metrics
	if len(metrics) != 2 || metrics[1].Pods.Metric.Name != "hubbub_edge_sockets" || metrics[1].Pods.Target.AverageValue.Value() != 20000 {
		t.Errorf("edges are scaled by %+v", metrics)
	}
	if !strings.Contains(repo.Read(t, "docs/metrics.md"), "`hubbub_edge_sockets`") {
		t.Error("there is no hubbub_edge_sockets")
	}
	i := o.ingresses["chat-hubbub"]
	if i == nil || i.Spec.TLS[0].SecretName != "chat-tls" || i.Spec.TLS[0].Hosts[0] != "chat.example" || i.Spec.Rules[0].HTTP.Paths[0].Path != "/chat/" {
		t.Errorf("the ingress is %+v", i)
	}
	// A silent socket is pinged, and closed, by the edge and not by what is in front of it.
	for _, name := range []string{"proxy-read-timeout", "proxy-send-timeout"} {
		seconds, err := time.ParseDuration(i.Annotations["nginx.ingress.kubernetes.io/"+name] + "s")
		if err != nil || seconds <= repo.Default(t, "HUBBUB_IDLE_TIMEOUT") {
			t.Errorf("%s is %v, %v", name, seconds, err)
		}
	}
	m := o.monitors["chat-hubbub"]
	if m == nil || m.Metadata.Labels["release"] != "prometheus" || m.Spec.Endpoints[0].Relabelings[0].Replacement != "hubbub-$1" {
		t.Fatalf("the monitor is %+v", m)
	}
	if got := m.Spec.Selector.MatchExpressions[0].Values; !slices.Equal(got, repo.Services) {
		t.Errorf("%v are watched", got)
	}
	for _, s := range repo.Services {
		labels := o.services["chat-hubbub-"+s].Labels
		if !has(labels, m.Spec.Selector.MatchLabels) || !slices.ContainsFunc(o.services["chat-hubbub-"+s].Spec.Ports, func(p core.ServicePort) bool { return p.Name == m.Spec.Endpoints[0].Port }) {
			t.Errorf("%s is not watched", s)
		}
	}
	var want struct{ Groups []any }
	if err := yaml.Unmarshal([]byte(repo.Read(t, "infra/monitoring/rules.yml")), &want); err != nil {
		t.Fatal(err)
	}
	if r := o.rules["chat-hubbub"]; r == nil || len(want.Groups) == 0 || fmt.Sprint(r.Spec.Groups) != fmt.Sprint(want.Groups) {
		t.Errorf("the rules are not those of infra/monitoring: %+v", r)
	}
	boards := o.configs["chat-hubbub-dashboards"]
	if boards == nil || len(boards.Data) != 4 || boards.Labels["grafana_dashboard"] != "1" {
		t.Fatal("there are not four dashboards")
	}
	for name, text := range boards.Data {
		if strings.TrimSpace(text) != strings.TrimSpace(repo.Read(t, "infra/monitoring/grafana/dashboards/"+name)) {
			t.Errorf("%s is not that of infra/monitoring", name)
		}
	}
	if quiet := rendered(t, sets["minimal"]); len(quiet.monitors)+len(quiet.rules)+len(quiet.ingresses)+len(quiet.scalers) != 0 {
		t.Error("minimal values make what nobody asked for")
	}
}

// TestValues holds that the schema knows every value, and refuses what cannot be meant.
func TestValues(t *testing.T) {
	t.Parallel()
	for name, over := range map[string]string{
		"no slash": "image: { registry: ghcr.io/somebody }", "a typing error": "egde: {}",
		"another": "edge: { replica: 3 }", "a word": "edge: { replicas: many }", "none": "edge: { replicas: 0 }",
		"no option": "config: { LOG_LEVEL: debug }", "no host": "ingress: { enabled: true }", "a path": "basePath: chat",
		"no claim": "backup: { enabled: true }", "no schedule": "backup: { schedule: often }",
		"networks": "trustedNetworks: everybody", "a page": "mail: { pageURL: chat }", "a port": "networkPolicy: { busPorts: [99999] }",
	} {
		if err := validate(t, values(t, minimal, over)); err == nil {
			t.Errorf("%s: the schema takes it", name)
		}
	}
	if err := validate(t, values(t)); err == nil {
		t.Error("the schema takes values without any secret")
	}
	for _, over := range []string{"bus: { existingSecret: '' }", "history: { store: { existingSecret: '' } }", "image: { registry: '' }", "mail: { existingSecret: mail }"} {
		if _, err := render(t, values(t, minimal, over)); err == nil {
			t.Errorf("%s: it renders all the same", over)
		}
	}
	if got := slices.Sorted(maps.Keys(values(t))); len(got) < 15 {
		t.Errorf("values.yaml has %v", got)
	}
}
