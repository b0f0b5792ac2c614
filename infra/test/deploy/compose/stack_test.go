package compose

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/cli/cli/compose/schema"
	"go.yaml.in/yaml/v3"

	"hubbub.internal/infra/test/deploy/repo"
)

// TestStackSchema checks that `docker stack deploy` accepts the stack, by that program's schema,
// which knows less than Compose's.
func TestStackSchema(t *testing.T) {
	t.Parallel()
	text := regexp.MustCompile(`\$\{\w+(?::[-?]([^}]*))?\}`).ReplaceAllString(repo.Read(t, "docker-stack.yml"), "$1")
	// that program does the same
	text = regexp.MustCompile(`published: "(\d+)"`).ReplaceAllString(text, "published: $1")
	var stack map[string]any
	if err := yaml.Unmarshal([]byte(text), &stack); err != nil {
		t.Fatal(err)
	}
	version, _ := stack["version"].(string)
	if err := schema.Validate(stack, version); err != nil {
		t.Error(err)
	}
	// The program ignores these, most of them without a warning.
	for name, s := range stack["services"].(map[string]any) {
		for _, key := range []string{"build", "container_name", "depends_on", "restart", "mem_limit", "pids_limit", "profiles", "pull_policy", "links", "tmpfs", "security_opt"} {
			if _, ok := s.(map[string]any)[key]; ok {
				t.Errorf("%s has %s, which means nothing in a swarm", name, key)
			}
		}
	}
}

// shown returns the value of a variable, or that the environment sets it.
func shown(value *string) string {
	if value == nil {
		return "(the environment's)"
	}
	return *value
}

// TestStack checks that the stack configures its services as docker-compose.yml does, and replaces
// them without a gap.
func TestStack(t *testing.T) {
	t.Parallel()
	env := types.Mapping{"HUBBUB_REGISTRY": "ghcr.io/somebody/", "HUBBUB_VERSION": "1.2.3"}
	stack, compose := load(t, env, "docker-stack.yml"), load(t, env, "docker-compose.yml")
	replicated := append(slices.Clone(services), "nginx")
	want := append(slices.Clone(replicated), "bus", "mongo")
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(stack.Services)); !slices.Equal(got, want) {
		t.Fatalf("the stack has %v, want %v", got, want)
	}
	for name, s := range stack.Services {
		c := compose.Services[name]
		if s.Image != c.Image || s.User != c.User || !slices.Equal(s.Command, c.Command) || s.ReadOnly != c.ReadOnly {
			t.Errorf("%s is not what docker-compose.yml runs: %s %s %v", name, s.Image, s.User, s.Command)
		}
		if !slices.Equal(secretsOf(s), secretsOf(c)) || !slices.Equal(s.CapDrop, c.CapDrop) || !slices.Equal(networks(s), networks(c)) {
			t.Errorf("%s has secrets %v and networks %v, in docker-compose.yml %v and %v", name, secretsOf(s), networks(s), secretsOf(c), networks(c))
		}
		delay := s.Environment["HUBBUB_STOP_DELAY"]
		for key, value := range s.Environment {
			if other, ok := c.Environment[key]; key != "HUBBUB_STOP_DELAY" && (!ok || shown(other) != shown(value)) {
				t.Errorf("%s gets %s=%s, and another value in docker-compose.yml", name, key, shown(value))
			}
			if slices.Contains(services, name) && !slices.Contains(repo.Options(t, name), key) {
				t.Errorf("%s gets the variable %s, which it does not know", name, key)
			}
		}
		for key := range c.Environment {
			if _, ok := s.Environment[key]; !ok {
				t.Errorf("%s lacks the variable %s", name, key)
			}
		}
		// A service that may write to /tmp with Compose may do so here.
		if len(c.Tmpfs) > 0 && !slices.ContainsFunc(s.Volumes, func(v types.ServiceVolumeConfig) bool { return v.Type == "tmpfs" && v.Target == "/tmp" }) {
			t.Errorf("%s has no /tmp that it can write to", name)
		}
		if s.Deploy == nil || s.Deploy.Resources.Limits == nil || s.Deploy.Resources.Limits.MemoryBytes == 0 || s.Deploy.Resources.Limits.Pids == 0 || s.StopGracePeriod == nil {
			t.Errorf("%s has no limits", name)
			continue
		}
		if name != "nginx" && s.Deploy.EndpointMode != "dnsrr" {
			t.Errorf("%s has the endpoint mode %q", name, s.Deploy.EndpointMode)
		}
		if !slices.Contains(replicated, name) {
			if len(s.Deploy.Placement.Constraints) == 0 || s.Deploy.UpdateConfig.Order != "stop-first" {
				t.Errorf("%s may move away from its data, or run twice on it", name)
			}
			continue
		}
		if s.Deploy.Replicas == nil || *s.Deploy.Replicas < 2 || s.Deploy.UpdateConfig.Order != "start-first" || s.Deploy.UpdateConfig.FailureAction != "rollback" || len(s.Deploy.Placement.Preferences) == 0 {
			t.Errorf("%s is not replaced one by one: %+v", name, s.Deploy)
		}
		if name == "nginx" {
			continue
		}
		if delay == nil {
			t.Errorf("%s stops at once, while clients still find it", name)
			continue
		}
		needs, err := time.ParseDuration(*delay)
		if err != nil {
			t.Fatal(err)
		}
		if name == "edge" {
			needs += repo.Default(t, "HUBBUB_DRAIN")
		}
		if grace := time.Duration(*s.StopGracePeriod); grace < needs+10*time.Second {
			t.Errorf("%s needs %s to stop, and is killed after %s", name, needs, grace)
		}
	}
	made := repo.Secrets(t)
	for name, s := range stack.Secrets {
		if !slices.Contains(made, name) || !strings.HasSuffix(s.File, "/secrets/"+name) {
			t.Errorf("make secrets makes no %s", s.File)
		}
	}
}

func secretsOf(s types.ServiceConfig) (all []string) {
	for _, secret := range s.Secrets {
		all = append(all, secret.Source)
	}
	return all
}

func networks(s types.ServiceConfig) []string { return slices.Sorted(maps.Keys(s.Networks)) }
