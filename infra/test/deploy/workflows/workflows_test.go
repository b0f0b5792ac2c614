// Package workflows tests .github: actionlint, which infra/test/configs.sh runs, checks the syntax
// of workflows, and this package what they are for.
package workflows

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"hubbub.internal/infra/test/deploy/repo"
)

type workflow struct {
	Permissions map[string]string `json:"permissions"`
	Jobs        map[string]job    `json:"jobs"`
}

type job struct {
	Timeout     int               `json:"timeout-minutes"`
	Permissions map[string]string `json:"permissions"`
	Services    map[string]struct {
		Image string `json:"image"`
	} `json:"services"`
	Strategy struct {
		Matrix map[string]any `json:"matrix"`
	} `json:"strategy"`
	Env   map[string]string `json:"env"`
	Steps []struct {
		If   string         `json:"if"`
		Uses string         `json:"uses"`
		Run  string         `json:"run"`
		With map[string]any `json:"with"`
	} `json:"steps"`
}

func read(t *testing.T) map[string]workflow {
	t.Helper()
	files, err := filepath.Glob(repo.Root + "/.github/workflows/*.yml")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]workflow{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var w workflow
		if err := yaml.Unmarshal(b, &w); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[filepath.Base(file)] = w
	}
	return all
}

// TestWorkflows checks that no job runs for ever or with rights that nobody granted, and that an
// action has one version.
func TestWorkflows(t *testing.T) {
	t.Parallel()
	versions := map[string]string{}
	for file, w := range read(t) {
		if len(w.Permissions) != 1 || w.Permissions["contents"] != "read" {
			t.Errorf("%s has the permissions %v", file, w.Permissions)
		}
		for name, j := range w.Jobs {
			if j.Timeout == 0 {
				t.Errorf("%s: %s has no timeout", file, name)
			}
			for _, s := range j.Steps {
				if s.Uses == "" {
					continue
				}
				action, version, _ := strings.Cut(s.Uses, "@")
				if !regexp.MustCompile(`^v\d+(\.\d+\.\d+)?$`).MatchString(version) {
					t.Errorf("%s: %s is no release", file, s.Uses)
				}
				if old, ok := versions[action]; ok && old != version {
					t.Errorf("%s is used in the versions %s and %s", action, old, version)
				}
				versions[action] = version
			}
		}
	}
}

// TestImages checks that every image is published for both processors, scanned before and signed
// after that, and never by a pull request.
func TestImages(t *testing.T) {
	t.Parallel()
	j := read(t)["images.yml"].Jobs["image"]
	m := regexp.MustCompile(`(?m)^IMAGES \?= (.*)$`).FindStringSubmatch(repo.Read(t, "Makefile"))
	var images []string
	for _, i := range j.Strategy.Matrix["image"].([]any) {
		images = append(images, i.(string))
	}
	want := strings.Fields(m[1])
	slices.Sort(images)
	slices.Sort(want)
	if !slices.Equal(images, want) {
		t.Errorf("the workflow publishes %v, and make builds %v", images, want)
	}
	at := func(what func(i int) bool) int {
		for i := range j.Steps {
			if what(i) {
				return i
			}
		}
		t.Errorf("a step is missing")
		return -1
	}
	with := func(i int, key string) string { s, _ := j.Steps[i].With[key].(string); return s }
	scan := at(func(i int) bool { return strings.HasPrefix(j.Steps[i].Uses, "aquasecurity/trivy-action@") })
	push := at(func(i int) bool { return with(i, "push") != "" })
	sign := at(func(i int) bool { return strings.Contains(j.Steps[i].Run, "cosign sign") })
	if t.Failed() {
		return
	}
	if scan > push || push > sign || j.Steps[scan].With["exit-code"] != float64(1) {
		t.Error("images are not scanned before they are published, or not signed after that")
	}
	const publishes = "github.event_name != 'pull_request'"
	if with(push, "platforms") != "linux/amd64,linux/arm64" || with(push, "provenance") != "mode=max" || j.Steps[push].With["sbom"] != true ||
		!strings.Contains(with(push, "push"), publishes) || !strings.Contains(j.Steps[sign].If, publishes) {
		t.Errorf("images are published with %v", j.Steps[push].With)
	}
	dockerfile := repo.Read(t, "Dockerfile")
	for arg := range strings.Lines(with(push, "build-args")) {
		name, _, _ := strings.Cut(arg, "=")
		if !regexp.MustCompile(`(?m)^ARG ` + name + `\b`).MatchString(dockerfile) {
			t.Errorf("the Dockerfile has no argument %s", name)
		}
	}
	for _, kind := range []string{"type=semver,pattern={{version}}", "type=edge,branch=main", "type=sha"} {
		meta := at(func(i int) bool { return strings.HasPrefix(j.Steps[i].Uses, "docker/metadata-action@") })
		if !strings.Contains(with(meta, "tags"), kind) {
			t.Errorf("no tag of %s", kind)
		}
	}
}

// TestServers checks that the stores are tested on the MongoDB that production runs, and the bus on
// more than one Redis.
func TestServers(t *testing.T) {
	t.Parallel()
	ci := read(t)["ci.yml"]
	mongo := regexp.MustCompile(`mongo:(\d+\.\d+)"`).FindStringSubmatch(repo.Read(t, "docker-compose.yml"))
	j := ci.Jobs["mongodb"]
	versions, _ := j.Strategy.Matrix["mongodb"].([]any)
	if j.Env["HUBBUB_TEST_MONGODB_URL"] == "" || j.Services["mongodb"].Image != "mongo:${{ matrix.mongodb }}" || mongo == nil || !slices.Contains(versions, any(mongo[1])) {
		t.Errorf("the stores are tested on %v, and production runs %v", versions, mongo)
	}
	redis, golang := map[any]bool{}, map[any]bool{}
	include, _ := ci.Jobs["versions"].Strategy.Matrix["include"].([]any)
	for _, i := range include {
		redis[i.(map[string]any)["redis"]], golang[i.(map[string]any)["go"]] = true, true
	}
	if len(redis) < 3 || len(golang) < 2 {
		t.Errorf("versions of Redis %v, of Go %v", redis, golang)
	}
}

// TestDependabot checks that Dependabot watches every place that names versions of others.
func TestDependabot(t *testing.T) {
	t.Parallel()
	var d struct {
		Updates []struct {
			Kind        string   `json:"package-ecosystem"`
			Directory   string   `json:"directory"`
			Directories []string `json:"directories"`
		} `json:"updates"`
	}
	if err := yaml.Unmarshal([]byte(repo.Read(t, ".github/dependabot.yml")), &d); err != nil {
		t.Fatal(err)
	}
	watched := map[string][]string{}
	for _, u := range d.Updates {
		watched[u.Kind] = append(append(watched[u.Kind], u.Directories...), u.Directory)
	}
	for _, kind := range []string{"github-actions", "docker", "docker-compose", "npm"} {
		if watched[kind] == nil {
			t.Errorf("Dependabot does not watch %s", kind)
		}
	}
	for _, pattern := range []string{"libs/go.mod", "services/*/go.mod", "services/hubbub/rigs/*/*/go.mod", "infra/test/*/go.mod"} {
		files, err := filepath.Glob(filepath.Join(repo.Root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			rel, _ := filepath.Rel(repo.Root, filepath.Dir(file))
			if !slices.ContainsFunc(watched["gomod"], func(p string) bool { ok, _ := filepath.Match(p, "/"+rel); return ok }) {
				t.Errorf("Dependabot does not watch the modules of %s", rel)
			}
		}
	}
}
