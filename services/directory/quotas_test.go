package directory

import "testing"

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
