package memory

import (
	"testing"

	"hubbub.internal/services/directory/store"
	"hubbub.internal/services/directory/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t,
		func(*testing.T) store.Store { return New() },
		func(_ *testing.T, s store.Store) store.Store { return s }) // it keeps nothing for another process
	storetest.AtOnce(t, New())
}
