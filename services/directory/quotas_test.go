package directory

import (
	"fmt"
	"testing"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

func TestRoomsMade(t *testing.T) {
	cfg := config()
	cfg.RoomsDay, cfg.GuestPublic = 3, 1
	w := openWorld(t, cfg)
	ann, gus := w.register("Ann"), w.comeIn("Gus")
	hidden := w.create(gus, `{"name":"Hidden","private":true}`)
	for _, tt := range []struct {
		who                      credentials
		method, path, body, code string
	}{
		{gus, "POST", "/v1/rooms", `{"name":"One"}`, ""},
		{gus, "POST", "/v1/rooms", `{"name":"Two"}`, "too_many"},
		{gus, "PATCH", "/v1/rooms/" + hidden.ID, `{"private":false}`, "too_many"},
		{gus, "POST", "/v1/rooms", `{"name":"Three","private":true}`, ""},
		{gus, "POST", "/v1/rooms", `{"name":"Four","private":true}`, "rate_limited"},
		{ann, "POST", "/v1/rooms", `{"name":"A"}`, ""},
		{ann, "POST", "/v1/rooms", `{"name":"B"}`, ""},
		{ann, "POST", "/v1/rooms", `{"name":"C"}`, ""},
		{ann, "POST", "/v1/rooms", `{"name":"D"}`, "rate_limited"},
	} {
		if c := w.code(tt.who, tt.method, tt.path, tt.body); c != tt.code {
			t.Errorf("%s %s: %q, want %q", tt.method, tt.body, c, tt.code)
		}
	}
}

func TestRoomsOfDaysBefore(t *testing.T) {
	cfg := config()
	cfg.RoomsDay = 3
	w := openWorld(t, cfg)
	gus := w.comeIn("Gus")
	for i := range cfg.RoomsDay {
		r := store.Room{ID: chat.NewID(), Name: fmt.Sprint("Old ", i), Private: true, Creator: gus.User.ID, Created: time.Now().Add(-25 * time.Hour).UnixMilli()}
		if err := w.store.CreateRoom(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if c := w.code(gus, "POST", "/v1/rooms", `{"name":"New","private":true}`); c != "" {
		t.Errorf("a guest who made rooms the day before: %q, want a new room", c)
	}
}
