package directory

import (
	"maps"
	"os"
	"strings"
	"testing"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
)

// rightsRow is a row of testdata/rights.txt: what comes of an action, by who does it.
type rightsRow struct {
	place, action, target, role string
	outcome                     map[string]string // by column
}

func (r rightsRow) String() string {
	return strings.TrimSpace(r.place + ": " + r.action + " " + r.target + " " + r.role)
}

func readRights(t *testing.T) (rows []rightsRow) {
	t.Helper()
	text, err := os.ReadFile("testdata/rights.txt")
	if err != nil {
		t.Fatal(err)
	}
	place, columns := "", []string(nil)
	for line := range strings.Lines(string(text)) {
		cells := strings.Fields(line)
		switch {
		case len(cells) == 0 || cells[0] == "#":
			columns = nil
		case columns == nil:
			place, columns = cells[0], cells[1:]
		default:
			row := rightsRow{place: place, action: cells[0], outcome: map[string]string{}}
			outcomes := cells[len(cells)-len(columns):]
			for i, c := range columns {
				row.outcome[c] = outcomes[i]
			}
			if len(cells) > len(columns)+1 {
				row.target, row.role, _ = strings.Cut(cells[1], ":")
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// TestRights tries everything that anybody can do to anybody, and compares what comes of it, and of
// the room, with a table that was written by hand.
func TestRights(t *testing.T) {
	cfg := config()
	cfg.ChangeRate = 1_000_000
	w := openWorld(t, cfg)
	w.historian()
	codes := map[string]string{"y": "", "=": "", "n": chat.CodeForbidden, "b": chat.CodeBadRequest, "f": chat.CodeNotFound, "c": chat.CodeConflict}
	one, other := map[string]credentials{}, map[string]credentials{}
	for _, column := range []string{"banned", "stranger", "reader", "member", "moderator", "owner", "auditor", "operator"} {
		enter := w.register
		if column == "operator" {
			enter = w.operator
		}
		one[column], other[column] = enter(column+"1"), enter(column+"2")
	}
	stages := map[string]*stage{}
	tried := map[string]map[directoryapi.Action]bool{}
	for _, row := range readRights(t) {
		s := stages[row.place]
		if s == nil {
			s = &stage{world: w, place: row.place, one: one, other: other}
			s.set()
			stages[row.place], tried[row.place] = s, map[directoryapi.Action]bool{}
		}
		action := directoryapi.Action(row.action)
		switch row.action {
		case "disable", "sign-out", "delete-user", "reset":
			action = directoryapi.ActionManage
		case "restore":
			action = directoryapi.ActionArchive
		case "see-user":
			action = directoryapi.ActionListUsers
		}
		if row.action == "appoint" && row.role == string(directoryapi.RoleReader) {
			tried[row.place][directoryapi.ActionRestrict] = true
		}
		tried[row.place][action] = true
		for column, outcome := range row.outcome {
			code, ok := codes[outcome]
			if !ok {
				continue // there is no such user
			}
			who := one[column]
			target := other[row.target].User.ID
			switch row.target {
			case "self":
				target = who.User.ID
			case "nobody":
				target = "nobody"
			}
			expected := roomState{s.state.room, maps.Clone(s.state.roles), maps.Clone(s.state.bans), maps.Clone(s.state.mutes), maps.Clone(s.state.off)}
			got := s.do(row, who, target, &expected)
			if outcome != "y" {
				expected = s.state
			}
			now := s.now()
			if got != code || !now.equal(expected) {
				t.Errorf("%s, by %s: answered %q, want %q; the room is\n%s; want\n%s", row, column, got, code, s.says(now), s.says(expected))
			}
			if !now.equal(s.state) {
				s.set()
			}
		}
	}
	// Nothing in the table of the code is left out here.
	places := map[string]directoryapi.Place{
		"public": directoryapi.PublicRoom, "private": directoryapi.PrivateRoom, "direct": directoryapi.DirectRoom,
		"default": directoryapi.DefaultRoom, "server": directoryapi.WholeServer,
	}
	for name, place := range places {
		for _, action := range directoryapi.Actions() {
			if directoryapi.AnybodyMay(action, place) && !tried[name][action] {
				t.Errorf("testdata/rights.txt does not say who may %s: %s", action, name)
			}
		}
	}
	if left, err := w.store.IntentsBefore(t.Context(), 1<<60, 10); err != nil || len(left) != 0 {
		t.Errorf("left to tell: %+v, %v", left, err)
	}
}
