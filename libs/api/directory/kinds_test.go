package directory

import (
	"testing"
)

// TestWhatChangesForget: each kind of change makes the answers unknown that it may be about, and no
// others.
func TestWhatChangesForget(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change Change
		forget map[key]bool
	}{
		{"somebody's access", Change{Kind: ChangeAccess, User: "ann", Room: "r1"}, map[key]bool{{"ann", "r1"}: true}},
		{"a room", Change{Kind: ChangeRoom, Room: "r1"}, map[key]bool{{"ann", "r1"}: true, {"bob", "r1"}: true}},
		{"a room's rules", Change{Kind: ChangeRules, Room: "r1"}, map[key]bool{{"ann", "r1"}: true, {"bob", "r1"}: true}},
		{"a person", Change{Kind: ChangePerson, User: "ann"}, map[key]bool{{"ann", "r1"}: true, {"ann", "r2"}: true}},
		{"a log-in", Change{Kind: ChangeUser, User: "ann", Session: "s"}, nil},
		{"what a later release tells", Change{Kind: "later", User: "ann", Room: "r1"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := openBus(t)
			hooked := make(chan Change, 1)
			c, _ := start(t, b, func(ch Change) { hooked <- ch })
			all := []key{{"ann", "r1"}, {"ann", "r2"}, {"bob", "r1"}, {"bob", "r2"}}
			for _, k := range all {
				if _, err := c.Access(t.Context(), k.user, k.room); err != nil {
					t.Fatal(err)
				}
			}
			tt.change.At = 1
			publish(t, b, tt.change)
			<-hooked
			for _, k := range all {
				if _, known := c.Cached(k.user, k.room); known == tt.forget[k] {
					t.Errorf("the access of %s to %s is known: %v", k.user, k.room, known)
				}
			}
		})
	}
}
