package hubbub_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	directoryapi "hubbub.internal/libs/api/directory"
)

// roles is where people read who may do what. `make docs` writes its two tables.
const roles = "docs/roles.md"

// TestRolesAreDocumented holds that the tables of roles are those that the code asks.
func TestRolesAreDocumented(t *testing.T) {
	t.Parallel()
	path := filepath.Join(root, roles)
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := replaced(t, replaced(t, string(have), "| action |", rightsTable(t)), "| the other is |", overTable())
	if os.Getenv(updateDocs) != "" {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(have) != want {
		t.Errorf("%s is not current: run `make docs`", roles)
	}
}

// replaced returns a document with another table in the place of the one that begins so.
func replaced(t *testing.T, text, head, rows string) string {
	t.Helper()
	before, rest, ok := strings.Cut(text, "\n"+head)
	_, after, ends := strings.Cut(rest, "\n\n")
	if !ok || !ends {
		t.Fatalf("%s has no table that begins with %q, or none with a line after it", roles, head)
	}
	return before + "\n" + rows + "\n" + after
}

var (
	inRooms   = []directoryapi.Role{"", directoryapi.RoleReader, directoryapi.RoleMember, directoryapi.RoleModerator, directoryapi.RoleOwner}
	onServer  = []directoryapi.Role{directoryapi.RoleAuditor, directoryapi.RoleOperator}
	ofAccount = []directoryapi.Role{directoryapi.RoleGuest, directoryapi.RoleUser}
)

// who names the roles that may, of some.
func who(all []directoryapi.Role, may func(directoryapi.Role) bool) string {
	var names []string
	for _, r := range all {
		if !may(r) {
			continue
		}
		if r == "" {
			return "anybody"
		}
		names = append(names, string(r))
	}
	if len(names) == 0 {
		return "nobody"
	}
	return strings.Join(names, ", ")
}

func rightsTable(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("| action | what it is | public room | private room | direct room | default room | whole server | account |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|\n")
	for _, a := range directoryapi.Actions() {
		if a.What() == "" {
			t.Errorf("nobody says what %s is", a)
		}
		fmt.Fprintf(&b, "| `%s` | %s |", a, a.What())
		for _, place := range []directoryapi.Place{
			directoryapi.PublicRoom, directoryapi.PrivateRoom, directoryapi.DirectRoom, directoryapi.DefaultRoom, directoryapi.WholeServer, directoryapi.Account,
		} {
			all := inRooms
			switch place {
			case directoryapi.WholeServer:
				all = onServer
			case directoryapi.Account:
				all = ofAccount
			}
			fmt.Fprintf(&b, " %s |", who(all, func(r directoryapi.Role) bool { return directoryapi.May(r, a, place) }))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// overTable says who may ban whom, and the like.
func overTable() string {
	var b strings.Builder
	b.WriteString("| the other is | may remove, ban, mute or purge |\n|---|---|\n")
	for _, other := range append(append([]directoryapi.Role{}, inRooms...), onServer...) {
		name := string(other)
		if name == "" {
			name = "no member"
		}
		fmt.Fprintf(&b, "| %s | %s |\n", name, who([]directoryapi.Role{directoryapi.RoleMember, directoryapi.RoleModerator, directoryapi.RoleOwner, directoryapi.RoleOperator},
			func(r directoryapi.Role) bool {
				return directoryapi.MayTo(r, directoryapi.ActionBan, directoryapi.PublicRoom, other) || directoryapi.MayTo(r, directoryapi.ActionBan, directoryapi.WholeServer, other)
			}))
	}
	return b.String()
}
