package rooms

import "testing"

func TestUserOf(t *testing.T) {
	if UserOf("u-ann") != "ann" || string(UserOf([]byte("u-ann"))) != "ann" {
		t.Error("a personal room is not its user's")
	}
}
