package directory

import "hubbub.internal/libs/chat"

// page returns a page of at most so many of what was asked for, which is one more to see whether
// there are any after it.
func page[T any](all []T, most int) (shown []T, more bool) {
	if len(all) <= most {
		return all, false
	}
	return all[:most], true
}

// checkAfter returns an error unless a page is asked for from the beginning, or after an id, which
// is of a what.
func checkAfter(after, what string) error {
	if after != "" && !chat.ValidID(after) {
		return chat.E(chat.CodeBadRequest, "after is the id of a "+what)
	}
	return nil
}

// drain removes all that find returns, some at a time, until it returns none.
func drain[T any](find func() ([]T, error), remove func(T) error) error {
	for {
		some, err := find()
		if err != nil || len(some) == 0 {
			return err
		}
		for _, one := range some {
			if err := remove(one); err != nil {
				return err
			}
		}
	}
}
