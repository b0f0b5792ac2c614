package directory

import (
	"fmt"
	"testing"
	"time"
)

// TestDirectsEnd: a guest's direct rooms go with the guest, and requests with their time.
func TestDirectsEnd(t *testing.T) {
	w := openWorld(t, strangers())
	ann, gus, gil := w.register("Ann"), w.comeIn("Gus"), w.comeIn("Gil")
	var talk, asked roomView
	w.ok("POST", "/v1/direct", ann.Token, with(gus), nil)
	w.ok("POST", "/v1/direct", gus.Token, with(ann), &talk)
	w.ok("POST", "/v1/direct", gil.Token, with(ann), &asked)
	w.write(gil, asked.ID, "m1")
	var page directsOutput
	if w.ok("GET", "/v1/direct", ann.Token, "", &page); len(page.Rooms) != 1 || page.Rooms[0].With != gus.User.ID || page.Next != 0 {
		t.Errorf("direct rooms are %+v", page)
	}
	w.ok("POST", "/v1/logout", gus.Token, "", nil)
	w.ok("POST", "/v1/logout", gil.Token, "", nil)
	if err := w.departures.removeEnded(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w.ok("GET", "/v1/direct", ann.Token, "", &page); len(page.Rooms) > 0 || len(w.requests(ann)) > 0 {
		t.Errorf("of guests who have gone stay %+v and %+v", page, w.requests(ann))
	}
	for _, id := range []string{talk.ID, asked.ID} {
		if _, err := w.store.Room(t.Context(), id); err == nil {
			t.Error("a direct room of a guest who has gone stays")
		}
	}

	eve := w.register("Eve")
	w.ok("POST", "/v1/direct", eve.Token, with(ann), &asked)
	if err := w.directs.endRequests(t.Context()); err != nil || w.listed(eve)[asked.ID].Request != "sent" {
		t.Errorf("a request ended too early: %v", err)
	}
	// long ago
	if err := w.store.RefuseRequest(t.Context(), asked.ID, ann.User.ID, time.Now().UnixMilli()); err != nil {
		t.Fatal(err)
	}
	if err := w.directs.endRequests(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, listed := w.listed(eve)[asked.ID]; listed {
		t.Error("a request whose time is over stays")
	}
}

func TestNewDirectsAreLimited(t *testing.T) {
	cfg := strangers()
	cfg.DirectHour, cfg.DirectDay, cfg.GuestDirect = 3, 4, 2
	w := openWorld(t, cfg)
	ann, gus := w.register("Ann"), w.comeIn("Gus")
	var others []credentials
	for i := range 5 {
		others = append(others, w.comeIn(fmt.Sprint("Other", i)))
	}
	open := func(c credentials, i int) string { return w.code(c, "POST", "/v1/direct", with(others[i])) }
	for i, want := range []string{"", "", "", "rate_limited"} {
		if c := open(ann, i); c != want {
			t.Errorf("direct room %d: %q, want %q", i, c, want)
		}
	}
	if c := open(ann, 0); c != "" {
		t.Errorf("one that is there: %q", c)
	}
	if a, b := open(gus, 0), open(gus, 1); a != "" || b != "rate_limited" {
		t.Errorf("of a guest: %q and %q", a, b)
	}
}
