package trace

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"go.uber.org/zap"

	"hubbub.internal/libs/trace/tracetest"
)

// TestEveryPartOfANameCounts: messages that differ in one part of their names are two traces.
func TestEveryPartOfANameCounts(t *testing.T) {
	seen := map[string]bool{}
	for _, n := range [][3]string{{"a", "b", "c"}, {"x", "b", "c"}, {"a", "x", "c"}, {"a", "b", "x"}} {
		seen[IDOf(n[0], n[1], n[2])] = true
	}
	if len(seen) != 4 {
		t.Errorf("%d traces of 4 messages", len(seen))
	}
}

// TestStatusOfARequest: from 500 on a request has failed, and its span says with what.
func TestStatusOfARequest(t *testing.T) {
	c := tracetest.New(t)
	x := tracer(t, "edge", c.URL, 1)
	for status, failed := range map[int]bool{499: false, http.StatusInternalServerError: true} {
		x.Request(httptest.NewRequest(http.MethodGet, "/", nil)).End("GET /", status)
		if err := x.provider.ForceFlush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s := <-c.Spans; s.Failed != failed || s.Parent != "" {
			t.Errorf("%d: %+v", status, s)
		}
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestNothingToTrace: no collector, or none of the messages.
func TestNothingToTrace(t *testing.T) {
	for _, cfg := range []Config{{TraceTo: "http://otel:4318"}, {TraceRatio: 1}} {
		if x, err := New(t.Context(), "edge", cfg, zap.NewNop()); x != nil || err != nil {
			t.Errorf("%+v: %v, %v", cfg, x, err)
		}
	}
	if err := (&Config{TraceTo: "http://otel:4318/?x=1"}).Validate(); err == nil {
		t.Error("a collector with a query")
	}
}
