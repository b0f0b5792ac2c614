package directory

import (
	"testing"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
)

func TestLastSeen(t *testing.T) {
	w := openWorld(t, config())
	ann := w.register("Ann").User.ID
	client := directoryapi.NewClient(w.bus)
	seen := func(user string) int64 {
		t.Helper()
		at, err := client.Seen(t.Context(), "", user)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	if at := seen(ann); at != 0 {
		t.Errorf("who was never connected was seen at %d", at)
	}
	for _, tt := range []struct{ at, want int64 }{{1000, 1000}, {3000, 3000}, {2000, 3000}} {
		if err := client.Saw(t.Context(), []directoryapi.Seen{{User: ann, At: tt.at}, {User: "nobody", At: tt.at}}); err != nil {
			t.Fatal(err)
		}
		if at := seen(ann); at != tt.want {
			t.Errorf("seen at %d, the last is %d, want %d", tt.at, at, tt.want)
		}
	}
	if at := seen("nobody"); at != 0 {
		t.Errorf("nobody was seen at %d", at)
	}
	// A clock that is ahead.
	if err := client.Saw(t.Context(), []directoryapi.Seen{{User: ann, At: time.Now().Add(time.Hour).UnixMilli()}}); err != nil {
		t.Fatal(err)
	}
	if at := seen(ann); at < 3000 || at > time.Now().UnixMilli() {
		t.Errorf("seen in the future: %d", at)
	}
	for _, bad := range [][]directoryapi.Seen{{{User: "a b", At: 1}}, {{User: ann}}, make([]directoryapi.Seen, directoryapi.MaxSaw+1)} {
		if err := client.Saw(t.Context(), bad); chat.CodeOf(err) != chat.CodeBadRequest {
			t.Errorf("%d users: %v", len(bad), err)
		}
	}
	if _, err := client.Seen(t.Context(), "", "a b"); chat.CodeOf(err) != chat.CodeBadRequest {
		t.Errorf("a bad id: %v", err)
	}
}
