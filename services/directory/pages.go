package directory

import "hubbub.internal/libs/chat"

// page returns the first most of all. Callers fetch most+1, so that more says whether any follow.
func page[T any](all []T, most int) (shown []T, more bool) {
	if len(all) <= most {
		return all, false
	}
	return all[:most], true
}

// checkAfter returns an error unless after is empty or an id. what names what the id is of, for the
// error.
func checkAfter(after, what string) error {
	if after != "" && !chat.ValidID(after) {
		return chat.E(chat.CodeBadRequest, "after is the id of a "+what)
	}
	return nil
}

// drain calls find and removes what it returned, until it returns nothing.
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
