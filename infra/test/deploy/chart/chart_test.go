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
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
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

// sets are values as operators set them, on top of the required ones.
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

// TestChart checks that with every set of values the objects fit together: what one names exists.
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
			for _, s := range repo.Public {
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

// checkPod checks that a pod has the least rights, that its program knows its variables, and that
// what it mounts exists.
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
			t.Errorf("%s gets the variable %s twice", part, e.Name)
		}
		env[e.Name] = e.Value
		if strings.HasPrefix(e.Value, "/run/secrets/") && !slices.ContainsFunc(c.VolumeMounts, func(m core.VolumeMount) bool { return strings.HasPrefix(e.Value, m.MountPath+"/") }) {
			t.Errorf("a variable of %s names %s, which is not mounted", part, e.Value)
		}
	}
	grace := time.Duration(*p.TerminationGracePeriodSeconds) * time.Second
	if part == "nginx" {
		for name := range env {
			if !strings.Contains(repo.Read(t, "infra/nginx/settings.sh"), "${"+name) {
				t.Errorf("nginx gets the variable %s, which it does not know", name)
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
			t.Errorf("%s gets the variable %s, which it does not know", part, name)
		}
	}
	_, stores := env["HUBBUB_STORE_FILE"]
	if stored := part == "history" || part == "directory"; stored != stores || env["HUBBUB_BUS_FILE"] == "" {
		t.Errorf("%s gets the wrong variables for bus and store: %v", part, env)
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
			t.Errorf("%s is probed at %+v", part, probe.HTTPGet)
		}
	}
}

// checkPolicies checks that only nginx reaches services, and that services reach only the bus, the
// store and name servers.
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

// TestChartFull checks what the chart makes only on request.
func TestChartFull(t *testing.T) {
	t.Parallel()
	o := rendered(t, sets["full"])
	edge := o.deployments["chat-hubbub-edge"].Spec.Template.Spec.Containers[0]
	for _, e := range edge.Env {
		if e.Name == "HUBBUB_DRAIN" && e.Value != "60s" || e.Name == "HUBBUB_STOP_DELAY" && e.Value != "20s" || e.Name == "HUBBUB_PPROF" && e.Value != "true" {
			t.Errorf("an edge gets the variable %+v", e)
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
		t.Errorf("the directory gets the variables %v", directory)
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
	// The edge pings a silent socket, and closes it before the proxy in front does.
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
		t.Errorf("Prometheus scrapes %v", got)
	}
	for _, s := range repo.Services {
		labels := o.services["chat-hubbub-"+s].Labels
		if !has(labels, m.Spec.Selector.MatchLabels) || !slices.ContainsFunc(o.services["chat-hubbub-"+s].Spec.Ports, func(p core.ServicePort) bool { return p.Name == m.Spec.Endpoints[0].Port }) {
			t.Errorf("Prometheus does not scrape %s", s)
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
		t.Error("minimal values make optional objects")
	}
}

// TestValues checks that the schema knows every value, and refuses wrong ones.
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
			t.Errorf("%s: the schema accepts it", name)
		}
	}
	if err := validate(t, values(t)); err == nil {
		t.Error("the schema accepts values without any secret")
	}
	for _, over := range []string{"bus: { existingSecret: '' }", "history: { store: { existingSecret: '' } }", "image: { registry: '' }", "mail: { existingSecret: mail }"} {
		if _, err := render(t, values(t, minimal, over)); err == nil {
			t.Errorf("%s: the chart renders nevertheless", over)
		}
	}
	if got := slices.Sorted(maps.Keys(values(t))); len(got) < 15 {
		t.Errorf("values.yaml has %v", got)
	}
}
