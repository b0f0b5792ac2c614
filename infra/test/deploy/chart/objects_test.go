package chart

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"

	"hubbub.internal/infra/test/deploy/repo"
)

// objects are the objects of a rendered chart, by name.
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

// The fields of the Prometheus operator's objects that the chart sets.
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

// parse decodes the rendered objects into the types of Kubernetes, which know every field.
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
		t.Errorf("there are two objects %s %s", m.Kind, m.Metadata.Name)
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
