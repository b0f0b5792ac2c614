package trace

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"hubbub.internal/libs/trace/tracetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func tracer(t *testing.T, service, to string, ratio float64) *Tracer {
	t.Helper()
	x, err := New(t.Context(), service, Config{TraceTo: to, TraceRatio: ratio}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// TestMessage traces one message in two processes that know nothing of each other.
func TestMessage(t *testing.T) {
	c := tracetest.New(t)
	a, b := tracer(t, "edge", c.URL, 1), tracer(t, "history", c.URL, 1)
	began := time.Unix(1_700_000_000, 5)
	b.Message("lobby", "u1", "m1").Span("store", began.Add(time.Second), began.Add(2*time.Second), errors.New("full"))
	a.Message("lobby", "u1", "m1").Root("send", began, began.Add(time.Second), nil)
	a.Message("lobby", "u1", "m2").Root("send", began, began, nil)
	for _, x := range []*Tracer{a, b} {
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}
	spans := map[string]tracetest.Span{}
	for range 3 {
		s := <-c.Spans
		spans[s.Service+" "+s.Name+" "+strconv.FormatBool(s.Trace == IDOf("lobby", "u1", "m1"))] = s
	}
	send, stored, other := spans["hubbub-edge send true"], spans["hubbub-history store true"], spans["hubbub-edge send false"]
	if send.ID == "" || send.Parent != "" || stored.Parent != send.ID || other.ID == "" || other.Trace == send.Trace || other.ID == send.ID {
		t.Errorf("%+v", spans)
	}
	if send.Failed || !stored.Failed || send.Start != uint64(began.UnixNano()) || send.End != send.Start+1e9 || stored.Start != send.End {
		t.Errorf("%+v %+v", send, stored)
	}
}

// TestNames: two messages whose names read alike one after the other are two traces.
func TestNames(t *testing.T) {
	if IDOf("ab", "c", "d") == IDOf("a", "bc", "d") || IDOf("a", "b", "cd") == IDOf("a", "bc", "d") {
		t.Error("names and traces do not agree")
	}
	if id := IDOf(strings.Repeat("r", 64), strings.Repeat("s", 64), strings.Repeat("i", 64)); len(id) != 32 {
		t.Errorf("%q", id)
	}
}

// TestRatio counts the messages that are sampled, and holds that asking allocates nothing.
func TestRatio(t *testing.T) {
	for _, ratio := range []float64{0, 0.1, 0.5, 1} {
		x := &Tracer{below: uint64(ratio * (1 << 63))}
		n := 0
		for i := range 10_000 {
			if x.Message("lobby", "u1", strconv.Itoa(i)).Sampled() {
				n++
			}
		}
		if low, high := int(10_000*ratio*0.9), int(10_000*ratio*1.1); n < low || n > high {
			t.Errorf("%g: %d of 10000", ratio, n)
		}
		if n := testing.AllocsPerRun(100, func() { _ = x.Message("lobby", "u1", "m1") }); n != 0 {
			t.Errorf("%g: %g allocations", ratio, n)
		}
	}
	var none *Tracer
	if none.Message("lobby", "u1", "m1").Sampled() || none.Close() != nil || none.Request(httptest.NewRequest(http.MethodGet, "/", nil)).ID() != "" {
		t.Error("no tracer traces something")
	}
}

// TestRequest: a request goes on with its client's trace, and cannot make itself sampled.
func TestRequest(t *testing.T) {
	c := tracetest.New(t)
	all, few := tracer(t, "directory", c.URL, 1), tracer(t, "directory", c.URL, 1e-9)
	const theirs, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	for _, tt := range []struct{ traceparent, trace, parent string }{
		{"00-" + theirs + "-" + parent + "-01", theirs, parent},
		{"00-" + theirs + "-" + parent + "-00", theirs, parent},
		{"", "", ""},
		{"00-" + strings.Repeat("0", 32) + "-" + parent + "-01", "", ""},
		{"rubbish", "", ""},
	} {
		r := httptest.NewRequest(http.MethodGet, "/v1/rooms/lobby", nil)
		r.Header.Set("Traceparent", tt.traceparent)
		if q := few.Request(r); q != nil {
			t.Errorf("%q: sampled by its client", tt.traceparent)
		}
		q := all.Request(r)
		q.End("GET /v1/rooms/{room}", http.StatusBadGateway)
		if err := all.provider.ForceFlush(t.Context()); err != nil {
			t.Fatal(err)
		}
		s := <-c.Spans
		if s.Trace != q.ID() || tt.trace != "" && s.Trace != tt.trace || s.Trace == "" || s.Parent != tt.parent || !s.Failed ||
			s.Name != "GET /v1/rooms/{room}" || s.Attributes["http.route"] != s.Name {
			t.Errorf("%q: %+v", tt.traceparent, s)
		}
	}
	all.Request(httptest.NewRequest(http.MethodPost, "/", nil)).End("", http.StatusUnsupportedMediaType)
	if err := all.provider.ForceFlush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := <-c.Spans; s.Name != http.MethodPost || s.Failed {
		t.Errorf("before it has a route: %+v", s)
	}
	for _, x := range []*Tracer{all, few} {
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCollectorAway: nobody waits for a collector that is not there, and the log tells.
func TestCollectorAway(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	defer server.Close()
	core, logs := observer.New(zap.WarnLevel)
	x, err := New(t.Context(), "edge", Config{TraceTo: server.URL, TraceRatio: 1}, zap.New(core))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5000 { // more than wait at most
		x.Message("lobby", "u1", strconv.Itoa(i)).Root("send", time.Now(), time.Now(), nil)
	}
	if err := x.Close(); err == nil && logs.FilterMessageSnippet("lost traces").Len() == 0 {
		t.Error("nobody says that traces are lost")
	}
}

func TestConfig(t *testing.T) {
	for _, tt := range []struct {
		cfg  Config
		fail string
	}{
		{Config{TraceTo: "http://otel:4318", TraceRatio: 0.5}, ""},
		{Config{TraceTo: "https://otel.example/base"}, ""},
		{Config{TraceRatio: 1}, ""},
		{Config{TraceTo: "otel:4318"}, "--trace-to is no URL"},
		{Config{TraceTo: "grpc://otel:4317"}, "--trace-to is no URL"},
		{Config{TraceTo: "http://"}, "--trace-to is no URL"},
		{Config{TraceRatio: 1.5}, "--trace-ratio is 1.5"},
		{Config{TraceRatio: -1}, "--trace-ratio is -1"},
	} {
		if err := tt.cfg.Validate(); !strings.HasPrefix(fmt.Sprint(err), tt.fail) && err != nil || (err == nil) != (tt.fail == "") {
			t.Errorf("%+v: %v", tt.cfg, err)
		}
	}
	if x := tracer(t, "edge", "", 1); x != nil {
		t.Error("traces without a collector")
	}
}
