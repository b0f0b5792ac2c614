package session

import (
	"errors"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/chat"
)

// Errors that clients are told as they are.
var (
	ErrForbidden = chat.E(chat.CodeForbidden, "there is no such room, or you may not enter it")
	ErrRooms     = chat.E(chat.CodeTooMany, "this connection is in as many rooms as it may")
	ErrPending   = &chat.Error{Code: chat.CodeTooMany, Message: "too many messages wait to be acknowledged", RetryAfter: 500 * time.Millisecond}
	ErrBusy      = chat.Unavailable("the edge is busy", time.Second)
	errInternal  = chat.E(chat.CodeInternal, "the service failed; its log says why")
)

// CodedError returns the chat.Error in err's chain, or nil.
func CodedError(err error) *chat.Error {
	e, _ := errors.AsType[*chat.Error](err)
	return e
}

// Coded returns what a client is told of an error; what is not for clients goes to the log.
func (h *Hub) Coded(err error) *chat.Error {
	if e := CodedError(err); e != nil {
		return e
	}
	if e := h.Explain(err); e != nil {
		return e
	}
	h.Log.Error("a command failed", zap.Error(err))
	return errInternal
}

// CountError counts an error that a client is told of, and the limit that it is about.
func (h *Hub) CountError(e *chat.Error) {
	h.Metrics.Failed(e)
	switch e {
	case ErrRooms:
		h.Metrics.Limited.WithLabelValues("rooms").Inc()
	case ErrPending:
		h.Metrics.Limited.WithLabelValues("pending").Inc()
	}
}
