// Package chart tests the chart for Kubernetes: it renders the templates with several values, as
// Helm does, and decodes the results into the types of Kubernetes itself.
package chart

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/template"

	"github.com/Masterminds/sprig/v3"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"

	"hubbub.internal/infra/test/deploy/repo"
)

const dir = repo.Root + "/infra/kubernetes/hubbub"

// values returns the chart's values with others on top, in order.
func values(t *testing.T, over ...string) map[string]any {
	t.Helper()
	all := map[string]any{}
	b, err := os.ReadFile(filepath.Join(dir, "values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	for _, text := range over {
		more := map[string]any{}
		if err := yaml.UnmarshalStrict([]byte(text), &more); err != nil {
			t.Fatal(err)
		}
		merge(all, more)
	}
	return all
}

func merge(to, from map[string]any) {
	for k, v := range from {
		inner, ok := v.(map[string]any)
		if old, both := to[k].(map[string]any); ok && both {
			merge(old, inner)
			continue
		}
		to[k] = v
	}
}

// validate checks values against values.schema.json, as Helm does before it renders.
func validate(t *testing.T, v map[string]any) error {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile(filepath.Join(dir, "values.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	read, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(read)
}

// files is what templates know as .Files.
type files struct{ t *testing.T }

func (f files) Get(name string) string {
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		f.t.Error(err)
	}
	return string(b)
}

func (f files) Glob(pattern string) map[string]string {
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		f.t.Error(err)
	}
	all := map[string]string{}
	for _, path := range found {
		name, _ := filepath.Rel(dir, path)
		all[name] = f.Get(name)
	}
	return all
}

// render renders the chart as a release named chat in the namespace talk, with the functions of
// Helm that it uses. A workflow renders it with Helm itself, too.
func render(t *testing.T, v map[string]any) (map[string]string, error) {
	t.Helper()
	var about map[string]any
	b, err := os.ReadFile(filepath.Join(dir, "Chart.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(b, &about); err != nil {
		t.Fatal(err)
	}
	chart := map[string]any{"Name": about["name"], "Version": about["version"], "AppVersion": about["appVersion"]}
	root := template.New("").Option("missingkey=zero")
	funcs := sprig.TxtFuncMap()
	maps.Copy(funcs, template.FuncMap{
		"include": func(name string, data any) (string, error) {
			var b strings.Builder
			err := root.ExecuteTemplate(&b, name, data)
			return b.String(), err
		},
		"required": func(why string, v any) (any, error) {
			if v == nil || v == "" {
				return nil, errors.New(why)
			}
			return v, nil
		},
		"toYaml": func(v any) (string, error) {
			b, err := yaml.Marshal(v)
			return strings.TrimSuffix(string(b), "\n"), err
		},
	})
	root.Funcs(funcs)
	found, err := filepath.Glob(filepath.Join(dir, "templates/*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := root.New(filepath.Base(path)).Parse(string(b)); err != nil {
			t.Fatal(err)
		}
	}
	out := map[string]string{}
	for _, path := range found {
		name := filepath.Base(path)
		if strings.HasPrefix(name, "_") {
			continue
		}
		var b strings.Builder
		data := map[string]any{
			"Values": v, "Chart": chart, "Files": files{t},
			"Release": map[string]any{"Name": "chat", "Namespace": "talk", "Service": "Helm"},
		}
		if err := root.ExecuteTemplate(&b, name, data); err != nil {
			return nil, err
		}
		out[name] = strings.ReplaceAll(b.String(), "<no value>", "")
	}
	return out, nil
}
