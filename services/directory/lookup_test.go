package directory

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
)

// TestLookup finds whom and which rooms a user means: by names in any form, by ids, and the direct
// room with somebody.
func TestLookup(t *testing.T) {
	w := openWorld(t, config())
	ann, bob := w.register("Ann"), w.register("Bob")
	books := w.create(ann, `{"name":"Mêmes"}`)
	secret := w.create(bob, `{"name":"Secret","private":true}`)
	other := w.create(bob, `{"name":"Other"}`)
	got, err := directoryapi.NewClient(w.bus).Lookup(t.Context(), directoryapi.LookupRequest{
		User: ann.User.ID, Users: []string{"ANN", "bob", bob.User.ID, "me", "nobody", "a b"},
		Rooms: []string{"memes", "other", "Secret", "Bob", "LOBBY", secret.ID, other.ID, "none"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := directoryapi.Lookup{
		Users: map[string]string{"ANN": ann.User.ID, "bob": bob.User.ID, "Bob": bob.User.ID, bob.User.ID: bob.User.ID, "me": ann.User.ID},
		Rooms: map[string][]string{
			"memes": {books.ID}, "other": {other.ID}, "Bob": {chat.DirectRoom(ann.User.ID, bob.User.ID)}, "LOBBY": {"lobby"},
			// whether she may read it is for the caller to check
			secret.ID: {secret.ID}, other.ID: {other.ID},
		},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	for _, r := range []directoryapi.LookupRequest{{User: "a b"}, {User: "ann", Users: make([]string, directoryapi.MaxLookup+1)}} {
		if _, err := directoryapi.NewClient(w.bus).Lookup(t.Context(), r); chat.CodeOf(err) != chat.CodeBadRequest {
			t.Errorf("%+v: %v", r, err)
		}
	}
}
