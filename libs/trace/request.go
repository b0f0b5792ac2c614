package trace

import (
	"context"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	otrace "go.opentelemetry.io/otel/trace"
)

// Request is the span of an HTTP request. A nil one is not sampled.
type Request struct{ span otrace.Span }

// Request begins the span of a request. It belongs to the trace that the request's traceparent
// names (W3C Trace Context), else to a new one. Whether it is sampled follows from the id of the
// trace alone: no client decides that its requests are recorded.
func (t *Tracer) Request(r *http.Request) *Request {
	if t == nil {
		return nil
	}
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.HeaderCarrier(r.Header))
	id := otrace.SpanContextFromContext(ctx).TraceID()
	if !id.IsValid() {
		id = newTraceID()
		ctx = context.WithValue(ctx, idsKey{}, ids{id, generator{}.NewSpanID(ctx, id)})
	}
	if !t.samples(id) {
		return nil
	}
	_, span := t.tracer.Start(ctx, r.Method, otrace.WithSpanKind(otrace.SpanKindServer), otrace.WithAttributes(attribute.String("http.request.method", r.Method)))
	return &Request{span}
}

// ID returns the id of the request's trace in hexadecimal digits; "" if it is not sampled.
func (q *Request) ID() string {
	if q == nil {
		return ""
	}
	return q.span.SpanContext().TraceID().String()
}

// End records what the request was answered with. route is the pattern that it matched; "": it was
// answered before that.
func (q *Request) End(route string, status int) {
	if q == nil {
		return
	}
	if route != "" {
		q.span.SetName(route)
		q.span.SetAttributes(attribute.String("http.route", route))
	}
	q.span.SetAttributes(attribute.Int("http.response.status_code", status))
	if status >= http.StatusInternalServerError {
		q.span.SetStatus(codes.Error, http.StatusText(status))
	}
	q.span.End()
}

// finish ends a span at a time.
func finish(span otrace.Span, end time.Time, err error) {
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
	}
	span.End(otrace.WithTimestamp(end))
}
