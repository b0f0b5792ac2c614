// Package trace tells an OpenTelemetry collector how long messages and requests take, and where:
// one trace follows a message from the frame that brings it to each edge that delivers it and to
// the store.
//
// The trace of a message has its id from the message's name. So every process that meets the
// message knows the trace and whether it is sampled, without a word about it in the log: nothing is
// stored or sent for it, and without a collector nothing is done.
package trace

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	otrace "go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"hubbub.internal/libs/buildinfo"
)

// exportTimeout bounds one request to the collector, and how long Close waits for the last ones.
const exportTimeout = 5 * time.Second

// Config says where traces go.
type Config struct {
	TraceTo    string  `help:"URL of an OpenTelemetry collector that takes OTLP over HTTP, such as http://otel:4318; empty: nothing is traced." placeholder:"URL"`
	TraceRatio float64 `help:"Share of messages and requests that is traced (0 to 1), the same in all services. A message is traced in all of them or in none." default:"0.001"`
}

// Validate returns what is wrong with the configuration.
func (c *Config) Validate() error {
	if !(c.TraceRatio >= 0 && c.TraceRatio <= 1) { // which a NaN is not
		return fmt.Errorf("--trace-ratio is %g; it has to be 0 to 1", c.TraceRatio)
	}
	if c.TraceTo == "" {
		return nil
	}
	if u, err := url.Parse(c.TraceTo); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" {
		return errors.New("--trace-to is no URL of a collector; it has to be like http://otel:4318")
	}
	return nil
}

// Tracer records spans and sends them to the collector. A nil Tracer records nothing. Its methods
// are safe for concurrent use, and none waits for the collector: spans that it is too slow for are
// dropped.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   otrace.Tracer
	// below is what the last 8 bytes of a sampled trace's id are below, halved, as in the sampler
	// TraceIDRatioBased of OpenTelemetry.
	below uint64
}

// New returns the tracer of a service, nil if nothing is to be traced. The caller closes it.
func New(ctx context.Context, service string, cfg Config, log *zap.Logger) (*Tracer, error) {
	if cfg.TraceTo == "" || cfg.TraceRatio == 0 {
		return nil, nil //nolint:nilnil // a nil Tracer records nothing
	}
	u, err := url.Parse(cfg.TraceTo)
	if err != nil {
		return nil, fmt.Errorf("--trace-to: %w", err)
	}
	// The exporter retries what the collector refuses for a while, and then says it to the handler.
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(u.JoinPath("v1/traces").String()), otlptracehttp.WithTimeout(exportTimeout))
	if err != nil {
		return nil, fmt.Errorf("--trace-to: %w", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		log.Warn("lost traces: the collector does not accept them", zap.Error(err))
	}))
	name := "hubbub"
	if service != name {
		name += "-" + service
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("name of this machine: %w", err)
	}
	build := buildinfo.Get()
	provider := sdk.NewTracerProvider(
		sdk.WithBatcher(exporter, sdk.WithExportTimeout(exportTimeout)),
		sdk.WithSampler(sdk.AlwaysSample()), // what is not sampled does not get here
		sdk.WithIDGenerator(generator{}),
		sdk.WithResource(resource.NewSchemaless(
			attribute.String("service.name", name), attribute.String("service.version", build.Version),
			attribute.String("service.instance.id", rand.Text()), attribute.String("host.name", host),
		)),
	)
	return &Tracer{provider: provider, tracer: provider.Tracer("hubbub"), below: uint64(cfg.TraceRatio * (1 << 63))}, nil
}

// Close sends the spans that have ended.
func (t *Tracer) Close() error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), exportTimeout)
	defer cancel()
	return t.provider.Shutdown(ctx)
}

func (t *Tracer) samples(id otrace.TraceID) bool {
	return binary.BigEndian.Uint64(id[8:])>>1 < t.below
}

// Message is the trace of one message. The zero Message is not sampled.
type Message struct {
	t     *Tracer
	trace otrace.TraceID
	root  otrace.SpanID
}

// Message returns the trace of the message, or of another entry of a room's log, that has this
// name. It allocates nothing.
func (t *Tracer) Message(room, sender, id string) Message {
	if t == nil {
		return Message{}
	}
	traceID, root := idsOf(room, sender, id)
	if !t.samples(traceID) {
		return Message{}
	}
	return Message{t, traceID, root}
}

// IDOf returns the id of the trace of the message that has this name, in hexadecimal digits.
func IDOf(room, sender, id string) string {
	traceID, _ := idsOf(room, sender, id)
	return traceID.String()
}

func idsOf(room, sender, id string) (traceID otrace.TraceID, root otrace.SpanID) {
	var space [256]byte // names have at most 64 bytes each
	b := append(space[:0], room...)
	b = append(append(b, ' '), sender...)
	b = append(append(b, ' '), id...)
	sum := sha256.Sum256(b)
	copy(traceID[:], sum[:])
	copy(root[:], sum[len(traceID):])
	return traceID, root
}

// Sampled reports whether the spans of the message are recorded; ask before you make attributes.
func (m Message) Sampled() bool { return m.t != nil }

// Root records the span that all others of the message belong to: its way into the log. It is
// recorded once, by the process that put the message there.
func (m Message) Root(name string, start, end time.Time, err error, attributes ...attribute.KeyValue) {
	if m.t == nil {
		return
	}
	ctx := context.WithValue(context.Background(), idsKey{}, ids{m.trace, m.root})
	_, span := m.t.tracer.Start(ctx, name, otrace.WithTimestamp(start), otrace.WithAttributes(attributes...), otrace.WithSpanKind(otrace.SpanKindProducer))
	finish(span, end, err)
}

// Span records a part of what came of the message: it belongs to the root.
func (m Message) Span(name string, start, end time.Time, err error, attributes ...attribute.KeyValue) {
	if m.t == nil {
		return
	}
	parent := otrace.NewSpanContext(otrace.SpanContextConfig{TraceID: m.trace, SpanID: m.root, TraceFlags: otrace.FlagsSampled, Remote: true})
	ctx := otrace.ContextWithRemoteSpanContext(context.Background(), parent)
	_, span := m.t.tracer.Start(ctx, name, otrace.WithTimestamp(start), otrace.WithAttributes(attributes...), otrace.WithSpanKind(otrace.SpanKindConsumer))
	finish(span, end, err)
}

type idsKey struct{}

// ids are those that a root span is to have.
type ids struct {
	trace otrace.TraceID
	span  otrace.SpanID
}

// generator makes the ids of spans: random ones, unless the context says which.
type generator struct{}

// NewIDs implements sdk.IDGenerator.
func (g generator) NewIDs(ctx context.Context) (otrace.TraceID, otrace.SpanID) {
	if i, ok := ctx.Value(idsKey{}).(ids); ok {
		return i.trace, i.span
	}
	return newTraceID(), g.NewSpanID(ctx, otrace.TraceID{})
}

// NewSpanID implements sdk.IDGenerator.
func (generator) NewSpanID(context.Context, otrace.TraceID) (id otrace.SpanID) {
	_, _ = rand.Read(id[:]) // never fails
	return id
}

func newTraceID() (id otrace.TraceID) {
	_, _ = rand.Read(id[:]) // never fails
	return id
}
