package directory

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// documented returns the rows of the tables in docs/roles.md that have so many columns, without
// their heads.
func documented(t *testing.T, columns int) [][]string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/roles.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.Trim(strings.TrimSpace(cells[i]), "`")
		}
		if strings.HasPrefix(line, "|") && len(cells) == columns && !strings.HasPrefix(cells[0], "---") {
			rows = append(rows, cells)
		}
	}
	if len(rows) < 2 {
		t.Fatalf("docs/roles.md has no table of %d columns", columns)
	}
	return rows[1:]
}

// everyRole is every role that there is, and one that there is not.
var everyRole = []Role{"", RoleReader, RoleMember, RoleModerator, RoleOwner, RoleAuditor, RoleOperator, RoleGuest, RoleUser, "king"}

// hasRole reports whether a cell of the documented tables names a role.
func hasRole(cell string, role Role) bool {
	switch {
	case cell == "nobody":
		return false
	case cell == "anybody":
		return role == "" || role.Rank()
	}
	return slices.Contains(strings.Split(cell, ", "), string(role))
}

// TestRightsAreThoseDocumented compares every cell of the table of rights with the one that people
// read.
func TestRightsAreThoseDocumented(t *testing.T) {
	places := []Place{PublicRoom, PrivateRoom, DirectRoom, DefaultRoom, WholeServer, Account}
	var named []Action
	for _, row := range documented(t, 2+len(places)) {
		action := Action(row[0])
		named = append(named, action)
		for i, place := range places {
			cell := row[2+i]
			if AnybodyMay(action, place) != (cell != "nobody") {
				t.Errorf("%s in place %d: AnybodyMay is %v", action, place, AnybodyMay(action, place))
			}
			for _, role := range everyRole {
				if got, want := May(role, action, place), hasRole(cell, role); got != want {
					t.Errorf("may a %q %s in place %d: %v, and the documentation says %q", role, action, place, got, cell)
				}
				if place != DirectRoom && place != PublicRoom {
					continue
				}
				if got, want := (Access{Role: role, Direct: place == DirectRoom}).May(action), May(role, action, place); got != want {
					t.Errorf("may a %q %s in place %d, by the Access: %v", role, action, place, got)
				}
			}
		}
	}
	if !slices.Equal(named, Actions()) {
		t.Errorf("documented are %q, and there are %q", named, Actions())
	}
	for _, place := range []Place{0, Account + 1} {
		if May(RoleOwner, ActionRead, place) {
			t.Errorf("something is allowed in place %d, which there is not", place)
		}
	}
}

// TestWhomOneMayRemove compares whom each role may remove and ban with what people read.
func TestWhomOneMayRemove(t *testing.T) {
	rows := documented(t, 2)
	if len(rows) != len(everyRole)-3 { // nobody is removed for being a guest or a user, or a king
		t.Errorf("%d roles are documented", len(rows))
	}
	for _, row := range rows {
		other := Role(row[0])
		if other == "no member" {
			other = ""
		}
		for _, action := range []Action{ActionRemove, ActionBan, ActionMute, ActionPurge} {
			for _, place := range []Place{PublicRoom, PrivateRoom, DirectRoom, DefaultRoom, WholeServer} {
				for _, role := range everyRole {
					want := May(role, action, place) && hasRole(row[1], role)
					if got := MayTo(role, action, place, other); got != want {
						t.Errorf("may a %q %s a %q in place %d: %v, want %v", role, action, other, place, got, want)
					}
				}
			}
		}
	}
	if MayTo(RoleOwner, ActionRemove, PublicRoom, "king") {
		t.Error("somebody of an unknown role can be removed")
	}
}

// TestAccessSaysEnough: edges decide by an Access, which does not tell public, private and default
// rooms apart.
func TestAccessSaysEnough(t *testing.T) {
	for _, action := range []Action{ActionErase, ActionPin, ActionSend} {
		for _, role := range everyRole {
			for _, place := range []Place{PrivateRoom, DefaultRoom} {
				if May(role, action, place) != May(role, action, PublicRoom) {
					t.Errorf("whether a %q may %s depends on more than an Access says", role, action)
				}
			}
		}
	}
}
