package redisbus

import "errors"

// ErrURL and the errors below are what Open returns an error of, by what is wrong. The text of each
// error says what to do about it; bus.ErrUnavailable is wrapped where waiting may help.
var (
	ErrURL = errors.New("bad URL of a bus") // it cannot be read
	// user or password are wrong or missing
	ErrLogin = errors.New("login refused")
	// the user may not do what the bus has to
	ErrPermission = errors.New("permission missing")
	// one side speaks TLS, or trusts the other, and the other does not
	ErrTLS = errors.New("no TLS connection")
	// it is too old, loses messages by its settings, or is of another kind
	ErrUnsuitable = errors.New("server is unsuitable")
	// its version or partitions differ, or the keys are somebody else's
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
