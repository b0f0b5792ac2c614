package directory

import (
	"fmt"
	"net/url"
	"slices"
	"testing"
	"time"

	"hubbub.internal/libs/chat"
)

// browsed returns the names on a page of the public rooms, and the cursor of the next.
func (w *world) browsed(c credentials, query string) (got []string, out browseOutput) {
	w.t.Helper()
	w.ok("GET", "/v1/public-rooms?"+query, c.Token, "", &out)
	for _, r := range out.Rooms {
		got = append(got, r.Name)
	}
	return got, out
}

func TestBrowse(t *testing.T) {
	w := openWorld(t, config())
	ann, bob := w.register("Ann"), w.register("Bob")
	var first roomView
	many := []credentials{ann, w.register("Cleo"), w.register("Dora")}
	for i := range maxListed + 22 { // as many as hid all others
		r := w.create(many[i%len(many)], fmt.Sprintf(`{"name":"Advert %d"}`, i))
		if i == 0 {
			first = r
		}
	}
	// of a later millisecond
	time.Sleep(time.Until(time.Now().Truncate(time.Millisecond).Add(2 * time.Millisecond)))
	garden := w.create(bob, `{"name":"Garden"}`)
	w.create(bob, `{"name":"Garden shed","private":true}`)

	if r, ok := w.listed(ann)[garden.ID]; !ok || r.Member {
		t.Errorf("a client that knows no pages does not see the newest room: %v", r)
	}
	// Cyrillic А and Е
	for _, query := range []string{"limit=1", "limit=1&sort=new", "q=arden", "q=" + url.QueryEscape("GАRDЕN")} {
		if got, _ := w.browsed(ann, query); !slices.Equal(got, []string{"Garden"}) {
			t.Errorf("%s: %q", query, got)
		}
	}
	if got, out := w.browsed(ann, "q=nothing"); got != nil || out.Next != "" {
		t.Errorf("%q %q", got, out.Next)
	}
	seen, cursor := map[string]bool{}, ""
	for {
		got, out := w.browsed(ann, "limit=200&cursor="+cursor)
		for _, name := range got {
			if seen[name] {
				t.Errorf("%s is there twice", name)
			}
			seen[name] = true
		}
		if cursor = out.Next; cursor == "" {
			break
		}
	}
	if want := maxListed + 22 + 1 + len(chat.DefaultRooms); len(seen) != want {
		t.Errorf("%d rooms on all pages, not %d", len(seen), want)
	}

	// What is written somewhere brings it to the front, and who comes in counts.
	sweep := func() {
		t.Helper()
		w.publicRooms.swept.Store(0)
		if err := w.publicRooms.sweepActivity(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	sweep()
	if got, _ := w.browsed(ann, "limit=1"); !slices.Equal(got, []string{"Garden"}) {
		t.Errorf("after the first sweep: %q", got)
	}
	w.ok("POST", "/v1/rooms/"+first.ID+"/join", bob.Token, "", nil)
	sweep()
	got, out := w.browsed(bob, "limit=1")
	if !slices.Equal(got, []string{"Advert 0"}) || out.Rooms[0].Members != 2 || out.Rooms[0].Role != "member" {
		t.Errorf("%+v", out)
	}
	var one browsedView
	if w.ok("GET", "/v1/rooms/"+first.ID, w.register("Eve").Token, "", &one); one.Members != 2 || one.Member {
		t.Errorf("who comes by a link sees %+v", one)
	}
	if got, _ := w.browsed(bob, "limit=1&q=advert&sort=members"); !slices.Equal(got, []string{"Advert 0"}) {
		t.Errorf("with most members: %q", got)
	}
	was := w.publicRooms.swept.Load()
	if err := w.publicRooms.sweepActivity(t.Context()); err != nil || w.publicRooms.swept.Load() != was {
		t.Errorf("swept again at once: %v", err)
	}
	w.ok("PUT", "/v1/rooms/"+first.ID+"/bans/"+bob.User.ID, ann.Token, `{}`, nil)
	if got, _ := w.browsed(bob, "limit=1"); got != nil {
		t.Errorf("who is banned from it sees %q", got)
	}
	for _, query := range []string{"cursor=x", "cursor=5.", "cursor=5.a%20b", "limit=0", "limit=201", "limit=x", "sort=size"} {
		if code := w.code(ann, "GET", "/v1/public-rooms?"+query, ""); code != "bad_request" {
			t.Errorf("%s: %q", query, code)
		}
	}
}
