package presence

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// description is the OpenAPI description that the service serves, as far as the tests hold the
// service to it.
type description struct {
	Paths map[string]map[string]struct {
		OperationID string
		Security    []map[string][]string
		Parameters  []struct {
			Name, In string
			Required bool
			Schema   schema
		}
		Responses map[string]struct {
			Content map[string]struct{ Schema schema }
		}
	}
	Components struct{ Schemas map[string]schema }

	told map[string]bool // the properties that were in an answer, by schema
}

type schema struct {
	Ref        string `json:"$ref"`
	Type       any    // a name, or a list of names
	Properties map[string]schema
	Required   []string
	Items      *schema
	Enum       []any
	Minimum    *float64
	Maximum    *float64
	MaxLength  *int
	Pattern    string
}

func describe(t *testing.T, h http.Handler) *description {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/presence/openapi.json", nil))
	d := &description{told: map[string]bool{}}
	if err := json.Unmarshal(w.Body.Bytes(), d); err != nil || w.Code != http.StatusOK {
		t.Fatalf("the description: %d, %v", w.Code, err)
	}
	return d
}

// check holds an answer to what is described: it is one of those that the operation has, and has
// nothing else in it.
func (d *description) check(t *testing.T, r *http.Request, w *httptest.ResponseRecorder) {
	t.Helper()
	method, path, ok := strings.Cut(r.Pattern, " ")
	if !ok {
		return // no route of ours
	}
	op, ok := d.Paths[path][strings.ToLower(method)]
	if !ok {
		t.Errorf("%s is served and not described", r.Pattern)
		return
	}
	response, ok := op.Responses[strconv.Itoa(w.Code)]
	if !ok {
		response = op.Responses["default"]
	}
	kind := w.Header().Get("Content-Type")
	content, ok := response.Content[kind]
	if !ok {
		t.Errorf("%s is answered with %d of %q, which is not described", r.URL, w.Code, kind)
		return
	}
	var body any
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Errorf("%s: %v", r.URL, err)
	}
	if err := d.matches(content.Schema, body, op.OperationID); err != nil {
		t.Errorf("%s is not answered as described: %v: %s", r.URL, err, w.Body)
	}
}

func (d *description) matches(s schema, v any, at string) error {
	if s.Ref != "" {
		name := s.Ref[strings.LastIndex(s.Ref, "/")+1:]
		s, at = d.Components.Schemas[name], name
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, v) {
		return fmt.Errorf("%s is %v, which is none of %v", at, v, s.Enum)
	}
	kinds, ok := s.Type.([]any)
	if !ok {
		kinds = []any{s.Type}
	}
	if s.Type != nil && !slices.Contains(kinds, any(kindOf(v))) {
		return fmt.Errorf("%s is %v, and not %v", at, v, kinds)
	}
	switch v := v.(type) {
	case map[string]any:
		for _, name := range s.Required {
			if _, ok := v[name]; !ok {
				return fmt.Errorf("%s has no %s", at, name)
			}
		}
		for name, value := range v {
			property, ok := s.Properties[name]
			if !ok {
				return fmt.Errorf("%s has %s, which is not described", at, name)
			}
			d.told[at+"."+name] = true
			if err := d.matches(property, value, at+"."+name); err != nil {
				return err
			}
		}
	case []any:
		for i, value := range v {
			if err := d.matches(*s.Items, value, fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
	}
	return nil
}

func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	case float64:
		if v == float64(int64(v)) {
			return "integer"
		}
	}
	return fmt.Sprintf("%T", v)
}

// complete holds that every property that is described was in an answer, and that every operation
// wants a token.
func (d *description) complete(t *testing.T) {
	t.Helper()
	for path, methods := range d.Paths {
		for method, op := range methods {
			if len(op.Security) == 0 {
				t.Errorf("%s %s wants no token", method, path)
			}
		}
	}
	// What a client has to do with the others is RFC 9457's.
	for _, name := range []string{"Who", "Person", "User", "Device"} {
		if len(d.Components.Schemas[name].Properties) == 0 {
			t.Errorf("%s is not described", name)
		}
		for property := range d.Components.Schemas[name].Properties {
			if !d.told[name+"."+property] {
				t.Errorf("%s.%s is described, and in no answer", name, property)
			}
		}
	}
	for _, property := range []string{"code", "detail", "status", "retry_after_ms"} {
		if !d.told["Problem."+property] {
			t.Errorf("no problem has a %s", property)
		}
	}
}

// refused returns requests that do not keep to what is described of their parameters, one way each.
func (d *description) refused() []string {
	var bad []string
	for path, methods := range d.Paths {
		for _, op := range methods {
			for _, p := range op.Parameters {
				var values []string
				if p.Schema.Minimum != nil {
					values = append(values, fmt.Sprint(*p.Schema.Minimum-1))
				}
				if p.Schema.Maximum != nil {
					values = append(values, fmt.Sprint(*p.Schema.Maximum+1))
				}
				if p.Schema.MaxLength != nil {
					values = append(values, strings.Repeat("x", *p.Schema.MaxLength+1))
				}
				if p.Schema.Pattern != "" {
					values = append(values, strings.Repeat("x", 65), "a%20b")
				}
				if p.Schema.Type == "integer" {
					values = append(values, "x")
				}
				for _, value := range values {
					to := path
					if p.In == "path" {
						to = strings.ReplaceAll(to, "{"+p.Name+"}", value)
					} else {
						to += "?" + p.Name + "=" + value
					}
					bad = append(bad, strings.NewReplacer("{room}", "lobby", "{user}", "bob").Replace(to))
				}
			}
		}
	}
	return bad
}
