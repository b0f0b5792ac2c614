package memory

import (
	"testing"

	"hubbub.internal/services/directory/store"
	"hubbub.internal/services/directory/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t,
		func(*testing.T) store.Store { return New() },
		// it keeps nothing for another process
		func(_ *testing.T, s store.Store) store.Store { return s })
	storetest.AtOnce(t, New())
}
