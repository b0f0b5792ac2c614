package driver

import (
	"fmt"
	"strings"

	"hubbub.internal/libs/chat"
)

// maxNames is how many names a channel or a service may be made of.
const maxNames = 4

// CheckName returns an error that wraps ErrBadName unless each of names is a valid room, group,
// sender or id.
func CheckName(names ...string) error {
	for _, n := range names {
		if !chat.ValidID(n) {
			return fmt.Errorf("%w: %.80q", ErrBadName, n)
		}
	}
	return nil
}

// CheckChannel returns an error that wraps ErrBadName unless name is a valid channel or service.
func CheckChannel(name string) error {
	rest, n := name, 0
	for more := true; more; n++ {
		var one string
		one, rest, more = strings.Cut(rest, ".")
		if n == maxNames || !chat.ValidID(one) {
			return fmt.Errorf("%w: %.80q", ErrBadName, name)
		}
	}
	return nil
}
