package directory

import "hubbub.internal/libs/chat"

// page returns a page of at most so many of what was asked for, which is one more to see whether there are any after it.
func page[T any](all []T, most int) (shown []T, more bool) {
	if len(all) <= most {
		return all, false
	}
	return all[:most], true
}

// checkAfter returns an error unless a page is asked for from the beginning, or after an id, which is of a what.
func checkAfter(after, what string) error {
	if after != "" && !chat.ValidID(after) {
		return chat.E(chat.CodeBadRequest, "after is the id of a "+what)
	}
	return nil
}
