package chat

import (
	"errors"
	"time"
)

// The stable codes of errors, as clients see them in error events and HTTP problems, and services
// in replies.
const (
	CodeBadJSON        = "bad_json"        // the frame is not one JSON object
	CodeBadRequest     = "bad_request"     // a field is missing or has a value that it cannot have
	CodeUnknownCommand = "unknown_command" // the type is none that this release knows
	CodeHelloRequired  = "hello_required"  // the first command of a socket is hello
	CodeHelloTwice     = "hello_twice"     // a socket says hello once
	// no token, one that does not verify, or a wrong name or password
	CodeUnauthorized = "unauthorized"
	CodeTokenExpired = "token_expired" // the token was good: fetch a new one
	// known, and not allowed; also a room that does not exist for this user
	CodeForbidden = "forbidden"
	// muted in the room or on the server: retry_after_ms says until when, absent: until it is
	// lifted
	CodeMuted     = "muted"
	CodeNotFound  = "not_found"  // the message, user or room is not there
	CodeNotJoined = "not_joined" // join the room first
	// the name is taken, or the thing was changed by somebody else
	CodeConflict = "conflict"
	// the text or the frame is longer than the limit in welcome
	CodeTooLarge = "too_large"
	// a limit on a number of things is reached, such as rooms on a socket
	CodeTooMany = "too_many"
	// too many in a short time: retry_after_ms says when to go on
	CodeRateLimited = "rate_limited"
	// a part of the system does not answer: retry_after_ms says when to try again
	CodeUnavailable = "unavailable"
	CodeInternal    = "internal" // a fault of the server's, which its log explains
)

// Error is an error with a code that a client may branch on. Message is a sentence for a person and
// holds nothing secret. It travels through RPC replies, HTTP problems and error events with its
// fields unchanged.
type Error struct {
	Code       string
	Message    string
	RetryAfter time.Duration // 0: waiting alone does not help
}

// Error returns the code and the message.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// E returns an Error without a retry delay.
func E(code, message string) *Error { return &Error{Code: code, Message: message} }

// Unavailable returns an error that asks the caller to come back after a while.
func Unavailable(message string, after time.Duration) *Error {
	return &Error{Code: CodeUnavailable, Message: message, RetryAfter: after}
}

// CodeOf returns the code of the Error in err's chain, CodeInternal if there is none, and "" for
// nil.
func CodeOf(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodeInternal
}
