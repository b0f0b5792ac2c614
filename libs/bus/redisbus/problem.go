package redisbus

import "errors"

// ErrURL and the errors below classify the errors of Open. The text of each error says what to do
// about it; it wraps bus.ErrUnavailable where waiting may help.
var (
	ErrURL = errors.New("bad URL of a bus") // the URL cannot be parsed
	// user or password are wrong or missing
	ErrLogin = errors.New("login refused")
	// the user lacks a permission that the bus needs
	ErrPermission = errors.New("permission missing")
	// one side speaks TLS, or trusts the other, and the other does not
	ErrTLS = errors.New("no TLS connection")
	// it is too old, loses messages by its settings, or is another kind of server
	ErrUnsuitable = errors.New("server is unsuitable")
	// its version or partitions differ, or another program's keys are there
	ErrMismatch = errors.New("log is of another kind there")
)

// problem is an error of one of these kinds.
type problem struct {
	kind  error
	text  string
	cause error // may be nil
}

func (p *problem) Error() string {
	if p.cause == nil {
		return p.text
	}
	return p.text + ": " + p.cause.Error()
}

func (p *problem) Unwrap() []error {
	if p.cause == nil {
		return []error{p.kind}
	}
	return []error{p.kind, p.cause}
}
