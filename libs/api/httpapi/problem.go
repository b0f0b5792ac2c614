package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"hubbub.internal/libs/chat"
)

// Problem is an error as a client gets it (RFC 9457), with Hubbub's code and, where waiting helps,
// how long to.
type Problem struct {
	huma.ErrorModel
	Code       string `json:"code" doc:"Stable code of the error; see the protocol." example:"forbidden"`
	RetryAfter int64  `json:"retry_after_ms,omitempty" doc:"Milliseconds after which it is worth trying again."`
}

// GetHeaders implements huma.HeadersError.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt((p.RetryAfter+999)/1000, 10))
	}
	return h
}

// status is the one table from codes to HTTP; a code that is not in it is a fault of the server's.
var status = map[string]int{
	chat.CodeBadJSON:      http.StatusBadRequest,
	chat.CodeBadRequest:   http.StatusBadRequest,
	chat.CodeUnauthorized: http.StatusUnauthorized,
	chat.CodeTokenExpired: http.StatusUnauthorized,
	chat.CodeForbidden:    http.StatusForbidden,
	chat.CodeMuted:        http.StatusForbidden,
	chat.CodeNotFound:     http.StatusNotFound,
	chat.CodeNotJoined:    http.StatusForbidden,
	chat.CodeConflict:     http.StatusConflict,
	chat.CodeTooLarge:     http.StatusRequestEntityTooLarge,
	chat.CodeTooMany:      http.StatusUnprocessableEntity,
	chat.CodeRateLimited:  http.StatusTooManyRequests,
	chat.CodeUnavailable:  http.StatusServiceUnavailable,
}

// code is the code of an error that the framework found before any handler of ours.
func code(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return chat.CodeUnauthorized
	case http.StatusForbidden:
		return chat.CodeForbidden
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return chat.CodeNotFound
	case http.StatusConflict:
		return chat.CodeConflict
	case http.StatusRequestEntityTooLarge:
		return chat.CodeTooLarge
	case http.StatusTooManyRequests:
		return chat.CodeRateLimited
	case http.StatusServiceUnavailable:
		return chat.CodeUnavailable
	}
	if status < http.StatusInternalServerError {
		return chat.CodeBadRequest
	}
	return chat.CodeInternal
}

// The framework makes its own errors by this function too, which is why it is a variable there.
var _ = func() struct{} {
	plain := huma.NewError
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		if large, ok := errors.AsType[*http.MaxBytesError](errors.Join(errs...)); ok {
			status, message, errs = http.StatusRequestEntityTooLarge, large.Error(), nil
		}
		e := plain(status, message, errs...)
		model, ok := e.(*huma.ErrorModel)
		if !ok {
			return e
		}
		for _, detail := range model.Errors {
			// what the client sent may be a password, and answers end up in logs on the way
			detail.Value = nil
		}
		if len(model.Errors) > 0 {
			model.Detail = sentence(model.Errors)
		}
		return &Problem{ErrorModel: *model, Code: code(status)}
	}
	return struct{}{}
}()

// sentence says which fields of a request are wrong, and how, in the place of the framework's
// "validation failed".
func sentence(errs []*huma.ErrorDetail) string {
	var b strings.Builder
	for i, e := range errs {
		if i > 0 {
			b.WriteString("; ")
		}
		if _, name, ok := strings.Cut(e.Location, "."); ok { // after path, query, header or body
			b.WriteString(name + ": ")
		}
		b.WriteString(e.Message)
	}
	return b.String()
}

// Error returns what a handler returns for err: a *chat.Error in its chain decides the code, the
// message and the status. Anything else is a fault of the server's: the client is told no more than
// that, and fail, which may be nil, is given it for the log.
func Error(err error, fail func(error)) error { return problemOf(err, fail) }

func problemOf(err error, fail func(error)) *Problem {
	e, ok := errors.AsType[*chat.Error](err)
	if !ok {
		if fail != nil {
			fail(err)
		}
		e = chat.E(chat.CodeInternal, "the service failed; its log says why")
	}
	return problem(e)
}

func problem(e *chat.Error) *Problem {
	s, ok := status[e.Code]
	if !ok {
		s = http.StatusInternalServerError
	}
	return &Problem{
		ErrorModel: huma.ErrorModel{Status: s, Title: http.StatusText(s), Detail: e.Message},
		Code:       e.Code, RetryAfter: int64((e.RetryAfter + time.Millisecond - 1) / time.Millisecond),
	}
}

// WriteStatus answers outside of a typed handler with an error that a status tells of, and a
// sentence for a person.
func WriteStatus(w http.ResponseWriter, status int, message string) {
	WriteError(w, status, huma.NewError(status, message))
}

// WriteError answers with an error outside of a typed handler.
func WriteError(w http.ResponseWriter, status int, err error) {
	if with, ok := errors.AsType[huma.HeadersError](err); ok {
		for k, v := range with.GetHeaders() {
			w.Header()[k] = v
		}
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(err) // fails only if the client has gone
}
