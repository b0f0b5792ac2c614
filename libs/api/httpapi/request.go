package httpapi

import (
	"context"
	"crypto/rand"
	"net/http"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/trace"
)

// RequestIDHeader names a request in the logs of whatever it passes: a proxy in front sets it, else
// the service does, and the answer repeats it.
const RequestIDHeader = "X-Request-ID"

// maxRequestID is the greatest length of a request's id, in bytes.
const maxRequestID = 64

// request is what the logs say of one.
type request struct {
	id, user string
	span     *trace.Request
}

// fields are those by which logs of several processes belong together.
func (q *request) fields() []zap.Field {
	if id := q.span.ID(); id != "" {
		return []zap.Field{zap.String("request", q.id), zap.String("trace", id)}
	}
	return []zap.Field{zap.String("request", q.id)}
}

type requestKey struct{}

// Log returns log with the ids of the request that ctx belongs to, and log itself if there is none.
func Log(ctx context.Context, log *zap.Logger) *zap.Logger {
	if q, ok := ctx.Value(requestKey{}).(*request); ok {
		return log.With(q.fields()...)
	}
	return log
}

// named returns the request with its id: the one that it brings, or a new one.
func named(w http.ResponseWriter, r *http.Request, tracer *trace.Tracer) (*http.Request, *request) {
	q := &request{id: r.Header.Get(RequestIDHeader), span: tracer.Request(r)}
	if !isRequestID(q.id) {
		q.id = rand.Text()
	}
	w.Header().Set(RequestIDHeader, q.id)
	return r.WithContext(context.WithValue(r.Context(), requestKey{}, q)), q
}

// isRequestID reports whether an id from outside is one that may stand in a log.
func isRequestID(id string) bool {
	for _, c := range []byte(id) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return id != "" && len(id) <= maxRequestID
}

// logRequest logs a request that has been answered: at the level warn if it took longer than slow,
// which 0 never is, else at debug.
func logRequest(log *zap.Logger, r *http.Request, q *request, status int, took, slow time.Duration) {
	message, level := "request", zap.DebugLevel
	if slow > 0 && took > slow {
		message, level = "slow request", zap.WarnLevel
	}
	if entry := log.Check(level, message); entry != nil {
		entry.Write(append(q.fields(), zap.String("user", q.user), zap.String("method", r.Method), zap.String("route", r.Pattern),
			zap.String("path", r.URL.Path), zap.Int("status", status), zap.Duration("took", took))...)
	}
}
