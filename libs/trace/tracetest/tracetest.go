// Package tracetest is a collector for tests: it takes spans as an OpenTelemetry collector does,
// OTLP in protobuf over HTTP.
package tracetest

import (
	"compress/gzip"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Span is a span as the collector got it; ids are hexadecimal digits.
type Span struct {
	Service, Name, Trace, ID, Parent string
	Failed                           bool
	Start, End                       uint64 // nanoseconds
	Attributes                       map[string]string
}

// Collector is a collector that runs until the test ends.
type Collector struct {
	URL   string
	Spans <-chan Span // has room for 1,000; more are refused
}

// New starts a collector.
func New(t *testing.T) *Collector {
	t.Helper()
	spans := make(chan Span, 1000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
			t.Errorf("the collector was asked for %s %s as %s", r.Method, r.URL.Path, r.Header.Get("Content-Type"))
			return
		}
		all, err := read(r)
		if err != nil {
			t.Errorf("the collector cannot read what it got: %v", err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		for _, s := range all {
			select {
			case spans <- s:
			default:
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(server.Close)
	return &Collector{URL: server.URL, Spans: spans}
}

func read(r *http.Request) ([]Span, error) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(body)
		if err != nil {
			return nil, err
		}
		body = z
	}
	b, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	var request collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(b, &request); err != nil {
		return nil, err
	}
	var all []Span
	for _, of := range request.GetResourceSpans() {
		service := ""
		for _, a := range of.GetResource().GetAttributes() {
			if a.GetKey() == "service.name" {
				service = a.GetValue().GetStringValue()
			}
		}
		for _, scope := range of.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				attributes := map[string]string{}
				for _, a := range s.GetAttributes() {
					attributes[a.GetKey()] = a.GetValue().GetStringValue()
				}
				all = append(all, Span{
					Service: service, Name: s.GetName(), Trace: hex.EncodeToString(s.GetTraceId()), ID: hex.EncodeToString(s.GetSpanId()),
					Parent: hex.EncodeToString(s.GetParentSpanId()), Failed: s.GetStatus().GetCode() == 2,
					Start: s.GetStartTimeUnixNano(), End: s.GetEndTimeUnixNano(), Attributes: attributes,
				})
			}
		}
	}
	return all, nil
}
