package directory

import (
	"testing"

	directoryapi "hubbub.internal/libs/api/directory"
)

// TestRightsAreAllTried holds that each action of the table of rights is in the matrix that
// TestRights tries, under its own name or that of what is done by it, or is one of those that
// depend on the account alone, which TestGuestMay tries.
func TestRightsAreAllTried(t *testing.T) {
	tried := map[directoryapi.Action]bool{
		directoryapi.ActionMakeRoom: true, directoryapi.ActionPublish: true, directoryapi.ActionOpenDirect: true,
	}
	by := map[string]directoryapi.Action{"disable": directoryapi.ActionManage, "appoint stranger:reader": directoryapi.ActionRestrict}
	for _, row := range readRights(t) {
		tried[directoryapi.Action(row.action)] = true
		tried[by[row.action]] = true
		tried[by[row.action+" "+row.target+":"+row.role]] = true
	}
	for _, a := range directoryapi.Actions() {
		if !tried[a] && a != directoryapi.ActionServe { // TestAdmin tries that
			t.Errorf("the matrix does not try %s", a)
		}
	}
}
