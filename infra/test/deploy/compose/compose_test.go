// Package compose tests the compose files and the Swarm stack: Compose's own loader reads each,
// alone and with the files that it is used with.
package compose

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"

	"hubbub.internal/infra/test/deploy/repo"
)

var services = repo.Services

// load reads compose files as `docker compose -f … --profile …` does; without profiles: all of
// them.
func load(t *testing.T, env types.Mapping, files ...string) *types.Project {
	t.Helper()
	dir, err := filepath.Abs(repo.Root)
	if err != nil {
		t.Fatal(err)
	}
	details := types.ConfigDetails{WorkingDir: dir, Environment: env}
	for _, f := range files {
		details.ConfigFiles = append(details.ConfigFiles, types.ConfigFile{Filename: filepath.Join(dir, f)})
	}
	p, err := loader.LoadWithContext(context.Background(), details, func(o *loader.Options) {
		o.SetProjectName("hubbub", true)
		o.Profiles = []string{"*"}
	})
	if err != nil {
		t.Fatalf("%v: %v", files, err)
	}
	return p
}

// stacks are the files that belong together.
var stacks = map[string][]string{
	"production":           {"docker-compose.yml"},
	"production on NATS":   {"docker-compose.yml", "docker-compose.nats.yml"},
	"built":                {"docker-compose.yml", "docker-compose.build.yml"},
	"built, on NATS":       {"docker-compose.yml", "docker-compose.nats.yml", "docker-compose.build.yml"},
	"development":          {"docker-compose.yml", "docker-compose.override.yml"},
	"development, on NATS": {"docker-compose.yml", "docker-compose.nats.yml", "docker-compose.override.yml"},
	"tests":                {"docker-compose.yml", "docker-compose.nats.yml", "infra/test/docker-compose.ferretdb.yml"},
}

// TestStacks checks what must hold for every combination of the files.
func TestStacks(t *testing.T) {
	t.Parallel()
	secrets := repo.Secrets(t)
	for name, files := range stacks {
		t.Run(name, func(t *testing.T) {
			p := load(t, nil, files...)
			for _, s := range services {
				if _, ok := p.Services[s]; !ok {
					t.Errorf("there is no %s", s)
				}
				for name := range p.Services[s].Environment {
					own := name == "HUBBUB_DELVE" // of infra/dev/watch.sh
					if strings.HasPrefix(name, "HUBBUB_") && !own && !slices.Contains(repo.Options(t, s), name) {
						t.Errorf("%s gets the variable %s, which it does not know", s, name)
					}
				}
			}
			for _, s := range p.Secrets {
				if !slices.Contains(secrets, filepath.Base(s.File)) {
					t.Errorf("make secrets makes no %s", s.File)
				}
			}
			for name, s := range p.Services {
				checkService(t, name, s)
				if slices.Contains(files, "docker-compose.nats.yml") && strings.Contains(s.Image, "redis") {
					t.Errorf("%s runs Redis beside NATS", name)
				}
			}
		})
	}
}

func checkService(t *testing.T, name string, s types.ServiceConfig) {
	t.Helper()
	if !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") || s.Privileged {
		t.Errorf("%s is not without capabilities and new privileges", name)
	}
	if s.MemLimit == 0 {
		t.Errorf("%s has no limit of memory", name)
	}
	for _, port := range s.Ports {
		// People reach nginx, and nothing else.
		if name != "nginx" && port.HostIP != "127.0.0.1" {
			t.Errorf("%s opens port %s to others", name, port.Published)
		}
	}
	for _, v := range s.Volumes {
		if v.Type != types.VolumeTypeBind {
			continue
		}
		if _, err := os.Stat(v.Source); err != nil {
			t.Errorf("%s mounts a file that does not exist: %v", name, err)
		}
		if !v.ReadOnly && name != "web" {
			t.Errorf("%s may write to %s", name, v.Source)
		}
	}
}

// TestProduction checks that production is hardened, has limits, and runs images that somebody
// named or made.
func TestProduction(t *testing.T) {
	t.Parallel()
	for _, files := range [][]string{stacks["production"], stacks["production on NATS"]} {
		p := load(t, nil, files...)
		for name, s := range p.Services {
			if s.Build != nil || s.Image == "" {
				t.Errorf("%s: image %q, build %v: nothing is built unless asked", name, s.Image, s.Build)
			}
			if own := strings.HasPrefix(s.Image, "hubbub/"); own && s.PullPolicy != types.PullPolicyNever {
				t.Errorf("%s pulls %s, which may be anybody's", name, s.Image)
			}
			once := slices.Contains(s.Profiles, "tools") // it does one thing and ends
			if s.PidsLimit == 0 || s.Logging == nil || s.Logging.Options["max-size"] == "" || (s.Restart == types.RestartPolicyUnlessStopped) == once {
				t.Errorf("%s has no limits of processes and logs, or does not come back", name)
			}
			if !s.ReadOnly && name != "mongo" {
				t.Errorf("%s writes to its root file system", name)
			}
			own := slices.Contains(append(services, "nginx"), name) // the image has both
			if !own && !once && (s.HealthCheck == nil || s.User == "") {
				t.Errorf("%s has no health check or no user", name)
			}
		}
		for _, s := range append(services, "nginx") {
			for on, dep := range p.Services[s].DependsOn {
				if dep.Condition != types.ServiceConditionHealthy {
					t.Errorf("%s does not wait until %s is healthy", s, on)
				}
				// Docker runs the first health check after one interval, and keeps dependent
				// services waiting for as long.
				if check := p.Services[on].HealthCheck; check == nil || check.Interval == nil || time.Duration(*check.Interval) > 2*time.Second {
					t.Errorf("%s waits for %s, whose health is not checked every 2 s", s, on)
				}
			}
		}
		// nginx needs memory for every socket that an edge may hold; make test-containers measured
		// how much.
		if sockets, most := p.Services["edge"].Ulimits["nofile"].Hard, int64(p.Services["nginx"].MemLimit); int64(sockets)*30<<10 > most {
			t.Errorf("nginx has %d bytes for %d sockets of 30 KiB each", most, sockets)
		}
		if grace := p.Services["edge"].StopGracePeriod; grace == nil || grace.String() != "45s" {
			t.Errorf("an edge has %v to drain", grace)
		}
	}
	p := load(t, types.Mapping{"HUBBUB_REGISTRY": "ghcr.io/somebody/", "HUBBUB_VERSION": "1.2.3", "HUBBUB_PULL": "always"}, "docker-compose.yml")
	for _, name := range append(services, "nginx") {
		if s := p.Services[name]; s.Image != "ghcr.io/somebody/hubbub/"+name+":1.2.3" || s.PullPolicy != types.PullPolicyAlways {
			t.Errorf("%s runs the image %s, with the pull policy %s", name, s.Image, s.PullPolicy)
		}
	}
	only := load(t, nil, "docker-compose.yml")
	with, err := only.WithProfiles([]string{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"prometheus", "grafana", "backup", "doctor"} {
		if _, ok := with.Services[name]; ok {
			t.Errorf("%s runs without its profile", name)
		}
	}
}

// TestBuilt checks that a build passes the arguments that the Dockerfile has, and gives the image
// the name that production uses.
func TestBuilt(t *testing.T) {
	t.Parallel()
	p := load(t, nil, stacks["built"]...)
	dockerfile := repo.Read(t, "Dockerfile")
	for _, name := range append(services, "nginx") {
		s := p.Services[name]
		if s.Build == nil || s.Image != "hubbub/"+name+":latest" || s.PullPolicy != types.PullPolicyBuild {
			t.Errorf("%s: image %s, build %v, pull %s", name, s.Image, s.Build, s.PullPolicy)
			continue
		}
		if name != "nginx" && (s.Build.Args["SERVICE"] == nil || *s.Build.Args["SERVICE"] != name) || name == "nginx" && s.Build.Target != "nginx" {
			t.Errorf("%s builds something else", name)
		}
		for arg := range s.Build.Args {
			if !regexp.MustCompile(`(?m)^ARG ` + arg + `\b`).MatchString(dockerfile) {
				t.Errorf("%s is built with %s, which the Dockerfile does not know", name, arg)
			}
		}
	}
}

// TestDevelopment checks that services and page run from the sources, on the base images of their
// builds, and that nginx has all files of its image.
func TestDevelopment(t *testing.T) {
	t.Parallel()
	p := load(t, nil, stacks["development"]...)
	dockerfile := repo.Read(t, "Dockerfile")
	from := func(image string) bool { return strings.Contains(dockerfile, "${REGISTRY}"+image+" ") }
	seen := map[string]bool{}
	for _, name := range services {
		s := p.Services[name]
		if !from(s.Image) || !slices.Equal(s.Entrypoint, []string{"/src/infra/dev/watch.sh", name}) || s.Build != nil {
			t.Errorf("%s runs %v on %s", name, s.Entrypoint, s.Image)
		}
		if level := s.Environment["HUBBUB_LOG_LEVEL"]; level == nil || *level != "debug" {
			t.Errorf("%s does not log what a developer looks for", name)
		}
		for _, port := range s.Ports {
			// A range, so that there may be more than one replica.
			if port.Target == 2345 && (!strings.Contains(port.Published, "-") || seen[port.Published]) {
				t.Errorf("the debugger of %s is at %s, which another replica or service may need", name, port.Published)
			}
			seen[port.Published] = true
		}
		if len(s.Ports) != 2 || s.HealthCheck == nil {
			t.Errorf("%s has ports %v, health check %v", name, s.Ports, s.HealthCheck)
		}
	}
	if !from(p.Services["web"].Image) || !from(p.Services["nginx"].Image) {
		t.Errorf("the page is served by %s and %s", p.Services["web"].Image, p.Services["nginx"].Image)
	}
	// The Dockerfile copies the whole folder.
	own, err := os.ReadDir(filepath.Join(repo.Root, "infra/nginx"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range own {
		if !slices.ContainsFunc(p.Services["nginx"].Volumes, func(v types.ServiceVolumeConfig) bool {
			return filepath.Base(v.Source) == file.Name()
		}) {
			t.Errorf("nginx lacks %s", file.Name())
		}
	}
	for service, port := range map[string]string{"nginx": "9080", "mongo-express": "9081"} {
		if ports := p.Services[service].Ports; len(ports) != 1 || ports[0].Published != port {
			t.Errorf("%s is at %v", service, ports)
		}
	}
}
