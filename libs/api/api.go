// Package api carries typed requests between services over the bus. Its subpackages hold each
// service's request types and client; this package owns only their encoding (JSON), the passage of
// coded errors, and what all processes must agree on.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

// RequiredGroups are the consumer groups of the log that no entry is dropped before they have it.
// Every process that opens the bus names them: any of them may trim the log.
var RequiredGroups = []string{"history"}

// retryAfter is how long a caller is asked to wait when a service does not answer.
const retryAfter = 2 * time.Second

// Call asks a service and decodes its reply; a json.RawMessage is the reply as it came, which
// nobody has looked at. A failure is always a *chat.Error in the chain: the handler's own, or
// chat.CodeUnavailable where nobody answered in time.
func Call[Req, Rep any](ctx context.Context, r bus.RPC, service string, req Req) (Rep, error) {
	var rep Rep
	data, err := json.Marshal(req)
	if err != nil {
		return rep, fmt.Errorf("encode request to %s: %w", service, err)
	}
	data, err = r.Request(ctx, service, data)
	if err != nil {
		return rep, fmt.Errorf("request to %s: %w", service, chatError(err))
	}
	if raw, ok := any(&rep).(*json.RawMessage); ok {
		*raw = data
		return rep, nil
	}
	if err := json.Unmarshal(data, &rep); err != nil {
		return rep, fmt.Errorf("decode reply of %s: %w", service, err)
	}
	return rep, nil
}

// Handle serves a service with a typed handler until the subscription is stopped. A reply that is a
// json.RawMessage goes out as it is. A *chat.Error in the chain of the handler's error reaches the
// caller; any other arrives as chat.CodeInternal without detail, and is given to fail for the log.
// fail may be nil.
func Handle[Req, Rep any](ctx context.Context, r bus.RPC, service string, fail func(service string, err error),
	handle func(context.Context, Req) (Rep, error),
) (bus.Subscription, error) {
	return r.Serve(ctx, service, func(ctx context.Context, data []byte) ([]byte, error) {
		var req Req
		if err := json.Unmarshal(data, &req); err != nil {
			return nil, &bus.Error{Code: chat.CodeBadRequest, Message: "the request is not of this service's form"}
		}
		rep, err := handle(ctx, req)
		if err != nil {
			if e, ok := errors.AsType[*chat.Error](err); ok {
				return nil, &bus.Error{Code: e.Code, Message: e.Message, RetryAfter: e.RetryAfter}
			}
			if fail != nil {
				fail(service, err)
			}
			return nil, &bus.Error{Code: chat.CodeInternal, Message: "the service failed; its log says why"}
		}
		if raw, ok := any(rep).(json.RawMessage); ok {
			return raw, nil
		}
		return json.Marshal(rep)
	})
}

func chatError(err error) error {
	if e, ok := errors.AsType[*bus.Error](err); ok {
		return &chat.Error{Code: e.Code, Message: e.Message, RetryAfter: e.RetryAfter}
	}
	if errors.Is(err, bus.ErrUnavailable) || errors.Is(err, bus.ErrNoResponder) || errors.Is(err, context.DeadlineExceeded) {
		return errors.Join(err, chat.Unavailable("a service that this needs does not answer", retryAfter))
	}
	return err
}
