package history

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

func TestReads(t *testing.T) {
	w := open(t)
	for _, tt := range []struct{ seq, want uint64 }{{5, 5}, {3, 5}, {8, 8}} {
		if got, err := w.api.Read(t.Context(), historyapi.ReadRequest{Room: "r1", User: "ann", Seq: tt.seq}); err != nil || got.Seq != tt.want {
			t.Errorf("read through %d: %+v, %v", tt.seq, got, err)
		}
	}
	for _, req := range []historyapi.ReadRequest{{Room: "a b", User: "ann"}, {Room: chat.ControlRoom, User: "ann", Seq: 1}, {Room: "r1"}, {Room: "r1", User: "a b"}, {Room: "r1", User: "ann", Seq: 1 << 53}} {
		if _, err := w.api.Read(t.Context(), req); chat.CodeOf(err) != chat.CodeBadRequest {
			t.Errorf("%+v: %v", req, err)
		}
	}
}

func TestHTTP(t *testing.T) {
	w := open(t)
	w.say("r1", "ann", "m1", "hello")
	w.access.Store("ann r1", true)
	if _, err := w.api.Read(t.Context(), historyapi.ReadRequest{Room: "r1", User: "ann", Seq: 7}); err != nil {
		t.Fatal(err)
	}
	get := func(user, path string, out any) (int, string) {
		t.Helper()
		r := httptest.NewRequest(http.MethodGet, path, nil)
		if user != "" {
			token, err := auth.Sign(w.key, "k", auth.Claims{User: user, Name: user, Session: "s-" + user, Issued: time.Now(), Expires: time.Now().Add(time.Minute)})
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+token)
		}
		rec := httptest.NewRecorder()
		w.Handler().ServeHTTP(rec, r)
		var p struct{ Code string }
		if rec.Code != http.StatusOK {
			out = &p
		}
		if media := rec.Header().Get("Content-Type"); rec.Code == http.StatusOK && media != "application/json" && media != "application/openapi+json" {
			t.Errorf("%s is of the type %q", path, media)
		}
		if err := json.Unmarshal(rec.Body.Bytes(), out); err != nil {
			t.Fatalf("%s: %s", path, rec.Body)
		}
		return rec.Code, p.Code
	}
	var page historyapi.Page
	if status, _ := get("ann", "/v1/rooms/r1/messages?limit=5", &page); status != 200 || texts(page) != "hello" {
		t.Errorf("page: %d %+v", status, page)
	}
	w.say("r1", "ann", "m2", "there")
	for query, want := range map[string]string{"limit=1": "there", "after=0&limit=1": "hello", "at=0&limit=2": "hello there"} {
		if status, _ := get("ann", "/v1/rooms/r1/messages?"+query, &page); status != 200 || texts(page) != want {
			t.Errorf("page of %s: %d %q, want %q", query, status, texts(page), want)
		}
	}
	type parameter struct {
		Name   string
		Schema map[string]any
	}
	var described struct {
		Paths map[string]map[string]struct {
			Parameters []parameter
			Responses  map[string]struct {
				Content map[string]struct{ Schema map[string]any }
			}
		}
	}
	if status, _ := get("", "/v1/history/openapi.json", &described); status != 200 {
		t.Errorf("the description: %d", status)
	}
	if at := described.Paths["/v1/rooms/{room}/messages"]["get"].Parameters; !slices.ContainsFunc(at, func(p parameter) bool { return p.Name == "after" && p.Schema["type"] == "integer" }) {
		t.Errorf("the parameters of a page are described as %v", at)
	}
	content := described.Paths["/v1/rooms/{room}/messages"]["get"].Responses["200"].Content
	if len(content) != 1 || content["application/json"].Schema["$ref"] != "#/components/schemas/Page" {
		t.Errorf("a page is described as %v", content)
	}
	var reads struct{ Reads map[string]uint64 }
	if status, _ := get("ann", "/v1/reads", &reads); status != 200 || reads.Reads["r1"] != 7 {
		t.Errorf("reads: %d %+v", status, reads)
	}
	var none struct{ Reads map[string]uint64 }
	if status, _ := get("bob", "/v1/reads", &none); status != 200 || len(none.Reads) != 0 {
		t.Errorf("another's reads: %d %+v", status, none)
	}
	for _, tt := range []struct {
		user, path string
		status     int
		code       string
	}{
		{"", "/v1/rooms/r1/messages", 401, "unauthorized"},
		{"bob", "/v1/rooms/r1/messages", 403, "forbidden"},
		{"ann", "/v1/rooms/r1/messages?limit=201", 400, "bad_request"},
		{"ann", "/v1/rooms/r1/messages?before=x", 422, "bad_request"},
		{"ann", "/v1/rooms/r1/messages?before=0", 400, "bad_request"},
		{"ann", "/v1/rooms/r1/messages?around=0", 400, "bad_request"},
		{"ann", "/v1/rooms/r1/messages?before=1&after=2", 400, "bad_request"},
		{"ann", "/v1/rooms/_control/messages", 403, "forbidden"},
		{"ann", "/v1/none", 404, "not_found"},
	} {
		if status, code := get(tt.user, tt.path, nil); status != tt.status || code != tt.code {
			t.Errorf("%s as %q: %d %q, want %d %q", tt.path, tt.user, status, code, tt.status, tt.code)
		}
	}
	// Who logs out is refused with the token that was good until then.
	ended, err := directoryapi.EncodeChange(directoryapi.Change{Kind: directoryapi.ChangeUser, User: "eve", Session: "s-eve", At: time.Now().UnixMilli()})
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := get("eve", "/v1/reads", &reads); status != 200 {
		t.Errorf("before the log-out: %d", status)
	}
	if _, err := bus.Append(t.Context(), w.bus, bus.NewEntry{Room: chat.ControlRoom, Sender: "directory", ID: "e1", Data: ended}); err != nil {
		t.Fatal(err)
	}
	w.eventually("the token of a log-in that has ended is refused", func() bool {
		status, code := get("eve", "/v1/reads", &reads)
		return status == 401 && code == "unauthorized"
	})
	if status, _ := get("ann", "/v1/reads", &reads); status != 200 {
		t.Errorf("another's token: %d", status)
	}
	w.store.down.Store(true)
	if status, code := get("ann", "/v1/rooms/r1/messages", nil); status != 503 || code != "unavailable" {
		t.Errorf("with the store down: %d %q", status, code)
	}
}

func TestConfig(t *testing.T) {
	for c, good := range map[Config]bool{
		{MaxTail: 1000, MaxEdits: 1, Pages: 1}: true, {MaxTail: 1_000_000, MaxEdits: 4000, Pages: 1000}: true,
		{MaxTail: 999, MaxEdits: 1, Pages: 1}: false, {MaxTail: 1_000_001, MaxEdits: 1, Pages: 1}: false,
		{MaxTail: 1000, Pages: 1}: false, {MaxTail: 1000, MaxEdits: 4001, Pages: 1}: false,
		{MaxTail: 1000, MaxEdits: 1, Pages: 1, Bytes: 64 << 10}: true, {MaxTail: 1000, MaxEdits: 1, Pages: 1, Bytes: 1 << 30}: true,
		{MaxTail: 1000, MaxEdits: 1, Pages: 1, Bytes: 64<<10 - 1}: false, {MaxTail: 1000, MaxEdits: 1, Pages: 1, Bytes: 1<<30 + 1}: false,
		{MaxTail: 1000, MaxEdits: 1}: false, {MaxTail: 1000, MaxEdits: 1, Pages: 1001}: false,
	} {
		if err := c.Validate(); (err == nil) != good {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
