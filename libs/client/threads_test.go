package client_test

import "hubbub.internal/libs/client"

// listed returns a list of threads as one value.
func listed(threads []client.Thread, more bool, err error) (any, error) {
	return []any{threads, more}, err
}
