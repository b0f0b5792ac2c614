// Package check says what is wrong with the flags of a command: each time which flag, its value,
// and what it has to be.
package check

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Number is what a flag with a range may be.
type Number interface {
	int | float64 | time.Duration
}

// Flags collects what is wrong. The zero value has found nothing.
type Flags struct{ errs []error }

// Err returns all that is wrong, a line for each, or nil.
func (f *Flags) Err() error { return errors.Join(f.errs...) }

// Bad notes that a flag has a wrong value, and what it has to be.
func (f *Flags) Bad(flag string, value any, want string, args ...any) {
	f.errs = append(f.errs, fmt.Errorf("--%s is %s; it has to be %s", flag, text(value), fmt.Sprintf(want, args...)))
}

// Add notes errors that say so themselves; nil is none.
func (f *Flags) Add(err error) {
	if err != nil {
		f.errs = append(f.errs, err)
	}
}

// Within notes a value that is not low to high.
func Within[N Number](f *Flags, flag string, value, low, high N) {
	if !(value >= low && value <= high) { // which a NaN is not
		f.Bad(flag, value, "%s to %s", text(low), text(high))
	}
}

// Above notes a value that is not above low, and at most high.
func Above[N Number](f *Flags, flag string, value, low, high N) {
	if !(value > low && value <= high) {
		f.Bad(flag, value, "above %s, and at most %s", text(low), text(high))
	}
}

func text(value any) string {
	switch v := value.(type) {
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case string:
		return strconv.Quote(v)
	}
	return fmt.Sprint(value)
}
