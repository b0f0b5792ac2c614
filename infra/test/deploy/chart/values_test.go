package chart

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
)

// property is what values.schema.json says of a value.
type property struct {
	Description string              `json:"description"`
	Default     any                 `json:"default"`
	Properties  map[string]property `json:"properties"`
}

// TestValuesAreDescribed holds that values.schema.json describes each value of values.yaml and no
// other, with its default.
func TestValuesAreDescribed(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(filepath.Join(dir, "values.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	var schema property
	if err := json.Unmarshal(b, &schema); err != nil {
		t.Fatal(err)
	}
	all := values(t)
	all["global"] = map[string]any{} // Helm gives it to every chart
	if n := describes(t, schema, all, ""); n < 100 {
		t.Fatalf("%d values: the rule was hardly tried", n)
	}
}

// describes compares an object of the schema with values, and returns how many it has described.
func describes(t *testing.T, schema property, values map[string]any, path string) (n int) {
	t.Helper()
	for _, key := range slices.Sorted(maps.Keys(values)) {
		at, v := path+key, values[key]
		p, ok := schema.Properties[key]
		if !ok {
			t.Errorf("%s is not in values.schema.json", at)
			continue
		}
		n++
		if len(p.Description) < 10 {
			t.Errorf("%s has no description", at)
		}
		if inner, ok := v.(map[string]any); ok && p.Properties != nil {
			n += describes(t, p, inner, at+".")
		} else if at != "global" && !reflect.DeepEqual(p.Default, v) {
			t.Errorf("%s: the schema says %v, values.yaml %v", at, p.Default, v)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(schema.Properties)) {
		if _, ok := values[key]; !ok {
			t.Errorf("%s%s is not in values.yaml", path, key)
		}
	}
	return n
}
