package directory

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestLookAlikeIsTaken(t *testing.T) {
	cfg := config()
	cfg.Owners = []string{"Boss", "operator"}
	w := openWorld(t, cfg)
	paul := w.register("paul")
	w.register("okta")
	w.register("scope")
	for name, want := range map[string]string{
		"PAUL":   "conflict",
		"PauI":   "conflict", // a capital i
		"pau1":   "conflict",
		"ᴘᴀᴜʟ":   "conflict", // small capitals
		"ѕсоре":  "conflict", // Cyrillic
		"okτα":   "bad_request",
		"раul":   "bad_request", // mixed
		"ᏢᎪᏌᏞ":   "bad_request", // Cherokee
		"ꓑꓮꓴꓡ":   "bad_request", // Lisu
		"ⲟⲕⲧⲁ":   "bad_request", // Coptic
		"admin":  "conflict",
		"Adrnin": "conflict",
		"B0ss":   "conflict", // looks like a name that is kept
		"Boss":   "conflict", // nobody has it, and nobody gets it
		"paula":  "",
	} {
		if _, code := w.call("POST", "/v1/register", "", fmt.Sprintf(`{"name":%q,"password":"correct horse"}`, name), nil); code != want {
			t.Errorf("%q: %q, want %q", name, code, want)
		}
	}
	for _, name := range []string{"admin", "Hubbub", "раul"} {
		if _, code := w.call("POST", "/v1/guest", "", fmt.Sprintf(`{"name":%q}`, name), nil); code == "" {
			t.Errorf("%q comes in as a guest", name)
		}
	}
	ivan := w.register("Иван")
	var in credentials
	w.ok("POST", "/v1/login", "", `{"name":"иВАН","password":"correct horse"}`, &in)
	if in.User != ivan.User {
		t.Errorf("logged in as %+v", in.User)
	}
	var found struct{ Users []account }
	w.ok("GET", "/v1/users?q="+"%D0%98%D0%B2", paul.Token, "", &found)
	if len(found.Users) != 1 || found.Users[0] != ivan.User {
		t.Errorf("found %+v", found)
	}
}

// TestNamesOfGuests: guests come who name themselves alike: they are told from each other.
func TestNamesOfGuests(t *testing.T) {
	w := openWorld(t, config())
	seen := map[string]bool{}
	for i := range 3 * maxNumbered {
		name := w.comeIn("Ann").User.Name
		if seen[name] || !strings.HasPrefix(name, "Ann") || !strings.HasSuffix(name, guestMark) {
			t.Errorf("guest %d is called %q", i, name)
		}
		seen[name] = true
	}
	if !seen["Ann (guest)"] || !seen["Ann-2 (guest)"] {
		t.Errorf("guests are called %v", seen)
	}
	if name := w.comeIn("ANN").User.Name; name == "ANN (guest)" {
		t.Errorf("another is called %q", name)
	}
	// Both are kept, or neither.
	w.store.failAt("CreateGuest", errors.New("down"))
	if _, code := w.call("POST", "/v1/guest", "", `{"name":"Bob"}`, nil); code != "unavailable" {
		t.Errorf("without a store: %q", code)
	}
}

// TestRegisterAlikeAtOnce registers names that look alike at the same moment: at most one of them
// is taken.
func TestRegisterAlikeAtOnce(t *testing.T) {
	w := openWorld(t, config())
	for round := range 5 {
		var taken atomic.Int64
		var wait sync.WaitGroup
		for _, name := range []string{fmt.Sprintf("paul%dx", round+2), fmt.Sprintf("pau1%dx", round+2), fmt.Sprintf("pauI%dx", round+2)} {
			wait.Go(func() {
				switch _, code := w.call("POST", "/v1/register", "", fmt.Sprintf(`{"name":%q,"password":"correct horse"}`, name), nil); code {
				case "":
					taken.Add(1)
				case "conflict":
				default:
					t.Errorf("%s: %q", name, code)
				}
			})
		}
		wait.Wait()
		if n := taken.Load(); n > 1 {
			t.Errorf("%d names that look alike were registered", n)
		}
	}
}

// TestNamesOfRooms makes rooms whose names look like those of public rooms.
func TestNamesOfRooms(t *testing.T) {
	w := openWorld(t, config())
	ann := w.register("Ann")
	garden := w.create(ann, `{"name":"Garden"}`)
	private := w.create(ann, `{"name":"GARDEN","private":true}`) // only its members see it
	for name, want := range map[string]string{
		"garden": "conflict", "GARDEN": "conflict", "Ｇarden": "conflict", "Gаrden": "bad_request", "Lobby": "conflict", "L0bby": "conflict", "LoBBy": "conflict",
		"Чат dev": "", "Garden 2": "", "東京 Café ☕": "", "a\u202eb": "bad_request",
	} {
		if code := w.code(ann, "POST", "/v1/rooms", fmt.Sprintf(`{"name":"%s"}`, name)); code != want {
			t.Errorf("%q: %q, want %q", name, code, want)
		}
	}
	other := w.create(ann, `{"name":"Orchard"}`)
	for _, tt := range []struct{ what, room, body, want string }{
		{"renamed to another's", other.ID, `{"name":"Gard\u0435n"}`, "bad_request"},
		{"renamed to another's in other letters", other.ID, `{"name":"GARDEN"}`, "conflict"},
		{"renamed to its own", garden.ID, `{"name":"GARDEN"}`, ""},
		{"shown", private.ID, `{"private":false}`, "conflict"},
		{"shown by another name", private.ID, `{"private":false,"name":"Hidden garden"}`, ""},
		{"a topic alone", other.ID, `{"topic":"Apples"}`, ""},
	} {
		if code := w.code(ann, "PATCH", "/v1/rooms/"+tt.room, tt.body); code != tt.want {
			t.Errorf("%s: %q, want %q", tt.what, code, tt.want)
		}
	}
	if _, _, err := w.nameRules.checkRoomName(t.Context(), "GARDEN", false, ""); err == nil || !strings.Contains(err.Error(), `"GARDEN 2"`) {
		t.Errorf("%v suggests nothing", err)
	}
}
