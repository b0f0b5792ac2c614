package directory

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
)

// registers tries to register, with an invitation link or with none.
func (w *world) registers(name, link string) (c credentials, code string) {
	w.t.Helper()
	_, code = w.call("POST", "/v1/register", "", fmt.Sprintf(`{"name":%q,"password":"correct horse","invitation":%q}`, name, link), &c)
	return c, code
}

func (w *world) invitationLink(by credentials, body string) (i invitationLinkView) {
	w.t.Helper()
	w.ok("POST", "/v1/server/invitations", by.Token, body, &i)
	return i
}

// said returns what everybody is told of an invitation link: why it is not good.
func (w *world) said(link string) string {
	w.t.Helper()
	var out serverView
	w.ok("GET", "/v1/server?invite="+url.QueryEscape(link), "", "", &out)
	if out.Invitation == nil {
		return "nothing"
	}
	return out.Invitation.Problem
}

func TestRegistrationByInvitationLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openWorld(t, config())
		ann := w.operator("Ann")
		w.ok("PATCH", "/v1/server", ann.Token, `{"registration":"closed"}`, nil)
		two := w.invitationLink(ann, `{"uses":2,"minutes":60,"note":"for friends"}`)
		if _, code := w.registers("Bob", two.Link); code != chat.CodeForbidden {
			t.Errorf("closed, and an invitation link: %q", code)
		}
		w.ok("PATCH", "/v1/server", ann.Token, `{"registration":"invited"}`, nil)
		time.Sleep(time.Millisecond) // they are listed by when they were made
		taken := w.invitationLink(ann, `{"uses":1}`)
		time.Sleep(time.Millisecond)
		short := w.invitationLink(ann, `{"uses":1,"minutes":1}`)
		w.ok("DELETE", "/v1/server/invitations/"+taken.ID, ann.Token, "", nil)
		w.ok("DELETE", "/v1/server/invitations/"+taken.ID, ann.Token, "", nil)
		time.Sleep(2 * time.Minute)
		for _, tt := range []struct{ name, link, code, said string }{
			{"none", "", "forbidden", "nothing"},
			{"nonsense", "x", "forbidden", "there is no such invitation"},
			{"another's secret", two.ID + ".x", "forbidden", "there is no such invitation"},
			{"late", short.Link, "forbidden", "has ended"},
			{"taken back", taken.Link, "forbidden", "taken back"},
			{"the first use", two.Link, "", ""},
			{"the second use", two.Link, "", ""},
			{"a use too many", two.Link, "forbidden", "used by as many as"},
		} {
			if said := w.said(tt.link); (said == "") != (tt.said == "") || !strings.Contains(said, tt.said) {
				t.Errorf("%s: said is %q", tt.name, said)
			}
			if _, code := w.registers("guest-"+strings.ReplaceAll(tt.name, " ", "-")[:4]+fmt.Sprint(len(tt.name)), tt.link); code != tt.code {
				t.Errorf("%s: %q, want %q", tt.name, code, tt.code)
			}
		}
		// A name that is taken costs no use.
		one := w.invitationLink(ann, `{"uses":1}`)
		for _, name := range []string{"Ann", "admin", "two words"} {
			if _, code := w.registers(name, one.Link); code == "" {
				t.Errorf("%q is registered", name)
			}
		}
		if c, code := w.registers("Zoe", one.Link); code != "" {
			t.Errorf("after names that are taken: %q", code)
		} else if a := w.audited(ann, "subject="+c.User.ID); len(a) != 1 || !strings.Contains(a[0].Detail, one.ID) || !strings.Contains(a[0].Detail, "Ann") {
			t.Errorf("the log says %+v", a)
		}
		var list invitationLinksOutput
		w.ok("GET", "/v1/server/invitations", ann.Token, "", &list)
		if len(list.Invitations) != 4 || list.Invitations[3].ID != two.ID || list.Invitations[3].Used != 2 || list.Invitations[3].Note != "for friends" ||
			list.Invitations[3].ByName != "Ann" || list.Invitations[0].Link != "" || !list.Invitations[2].Revoked {
			t.Errorf("invitation links are %+v", list)
		}
		for _, body := range []string{`{"uses":0}`, `{"uses":10001}`, `{"uses":1,"minutes":525601}`, `{"uses":1,"minutes":-1}`, `{"uses":1,"note":"a\nb"}`} {
			if c := w.code(ann, "POST", "/v1/server/invitations", body); c != chat.CodeBadRequest {
				t.Errorf("an invitation link made of %s: %q", body, c)
			}
		}
		if c := w.code(ann, "DELETE", "/v1/server/invitations/none", ""); c != chat.CodeNotFound {
			t.Errorf("an invitation link that there is not: %q", c)
		}
		time.Sleep(invitationLinksKept + invitationLinkLife + time.Hour)
		w.keepHouse(t.Context())
		if all, err := w.memory.InvitationLinks(t.Context(), "", 10); err != nil || len(all) != 0 {
			t.Errorf("left are %+v, %v", all, err)
		}
	})
}

// TestInvitationLinkAtOnce: many register at the same moment with an invitation link for three.
func TestInvitationLinkAtOnce(t *testing.T) {
	w := openWorld(t, config())
	ann := w.operator("Ann")
	w.ok("PATCH", "/v1/server", ann.Token, `{"registration":"invited"}`, nil)
	i := w.invitationLink(ann, `{"uses":3}`)
	codes := make([]string, 10)
	var wait sync.WaitGroup
	for n := range codes {
		wait.Go(func() { _, codes[n] = w.registers(fmt.Sprintf("person%d", n), i.Link) })
	}
	wait.Wait()
	in := 0
	for _, code := range codes {
		if code == "" {
			in++
		} else if code != chat.CodeForbidden {
			t.Errorf("one too many is told %q", code)
		}
	}
	if in != 3 {
		t.Errorf("%d have come in by an invitation link for 3", in)
	}
}

func TestAdmissionDefaults(t *testing.T) {
	for _, tt := range []struct {
		registration, guests bool
		want                 admission
	}{
		{true, true, admission{Registration: "open", Guests: "on"}},
		{false, false, admission{Registration: "closed", Guests: "off"}},
	} {
		cfg := config()
		cfg.Registration, cfg.Guests = tt.registration, tt.guests
		w := openWorld(t, cfg)
		var out serverView
		w.ok("GET", "/v1/server", "", "", &out)
		if out.Registration != tt.want.Registration || out.Guests != tt.want.Guests || out.Invitation != nil {
			t.Errorf("who may come in: %+v, want %+v", out, tt.want)
		}
		_, code := w.registers("Bob", "")
		_, guest := w.call("POST", "/v1/guest", "", `{"name":"Gus"}`, nil)
		if (code == "") != tt.registration || (guest == "") != tt.guests {
			t.Errorf("%+v: registering is answered %q, and a guest %q", tt, code, guest)
		}
	}
}

// TestGuestsInSomeRooms lets guests into one room; those who are here are signed out, and who runs
// the server is told what makes no sense.
func TestGuestsInSomeRooms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openWorld(t, config())
		ann, gus := w.operator("Ann"), w.comeIn("Gus")
		open, private := w.create(ann, `{"name":"Open"}`), w.create(ann, `{"name":"Closed","private":true}`)
		cache := w.cache(func(directoryapi.Change) {})
		for body, want := range map[string]string{
			`{"guests":"some"}`: "bad_request", `{"registration":"half"}`: "bad_request", `{"guests":"rooms"}`: "bad_request",
			`{"guests":"rooms","guest_rooms":["none"]}`: "not_found", `{"guests":"rooms","guest_rooms":["` + private.ID + `"]}`: "not_found",
			`{"guests":"rooms","guest_rooms":["a b"]}`: "bad_request",
		} {
			if c := w.code(ann, "PATCH", "/v1/server", body); c != want {
				t.Errorf("%s: %q, want %q", body, c, want)
			}
		}
		w.ok("PATCH", "/v1/server", ann.Token, `{"guests":"rooms","guest_rooms":["`+open.ID+`"]}`, nil)
		w.keepHouse(t.Context())
		synctest.Wait()
		if !cache.Revoked(w.claims(gus)) {
			t.Error("a guest of before is still in")
		}
		if _, code := w.call("POST", "/v1/refresh", "", refreshBody(gus), nil); code != chat.CodeUnauthorized {
			t.Errorf("a guest of before refreshes: %q", code)
		}
		time.Sleep(time.Minute)
		eve := w.comeIn("Eve")
		w.keepHouse(t.Context())
		access := func(c credentials, room string) directoryapi.Access {
			t.Helper()
			a, err := directoryapi.NewClient(w.bus).Access(context.Background(), c.User.ID, room)
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		if a := access(eve, open.ID); !a.Read {
			t.Errorf("the room for guests: %+v", a)
		}
		for _, room := range []string{"lobby", "help", private.ID} {
			if a := access(eve, room); a.Read || a.Send {
				t.Errorf("another room: %+v", a)
			}
			if c := w.code(eve, "GET", "/v1/rooms/"+room, ""); c != chat.CodeForbidden {
				t.Errorf("a guest sees another room: %q", c)
			}
		}
		if a := access(ann, "lobby"); !a.Send {
			t.Errorf("who is registered may %+v", a)
		}
		w.ok("PATCH", "/v1/server", ann.Token, `{"guests":"off"}`, nil)
		w.keepHouse(t.Context())
		if _, code := w.call("POST", "/v1/guest", "", `{"name":"Zed"}`, nil); code != chat.CodeForbidden {
			t.Errorf("a guest where there are none: %q", code)
		}
		if _, code := w.call("POST", "/v1/refresh", "", refreshBody(eve), nil); code != chat.CodeUnauthorized {
			t.Errorf("a guest goes on where there are none: %q", code)
		}
		if a := w.audited(ann, "action=server.admission"); len(a) != 3 || a[0].Outcome != "failed" || a[2].Detail != "guests off" {
			t.Errorf("the log says %+v", a)
		}
	})
}

// TestWhichChangesEndGuests: guests who came in under other rules are signed out, whichever of
// these have changed, and no others.
func TestWhichChangesEndGuests(t *testing.T) {
	for _, tt := range []struct {
		before, change string // of PATCH /v1/server; ROOM1 and ROOM2 are rooms
		ended          bool
	}{
		{`{"guests":"on"}`, `{"guests":"off"}`, true},
		{`{"guests":"on"}`, `{"guests":"rooms","guest_rooms":["ROOM1"]}`, true},
		{`{"guests":"on"}`, `{"guests":"on"}`, false},
		{`{"guests":"on"}`, `{"registration":"closed"}`, false},
		// which says nothing while they may enter all
		{`{"guests":"on"}`, `{"guest_rooms":["ROOM2"]}`, false},
		{`{"guests":"rooms","guest_rooms":["ROOM1"]}`, `{"guest_rooms":["ROOM2"]}`, true},
		{`{"guests":"rooms","guest_rooms":["ROOM1"]}`, `{"guest_rooms":["ROOM1","ROOM2"]}`, true},
		{`{"guests":"rooms","guest_rooms":["ROOM1"]}`, `{"guests":"on"}`, true},
		{`{"guests":"rooms","guest_rooms":["ROOM1"]}`, `{"guests":"rooms","guest_rooms":["ROOM1"]}`, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := openWorld(t, config())
			ann := w.operator("Ann")
			rooms := strings.NewReplacer("ROOM1", w.create(ann, `{"name":"One"}`).ID, "ROOM2", w.create(ann, `{"name":"Two"}`).ID)
			w.ok("PATCH", "/v1/server", ann.Token, rooms.Replace(tt.before), nil)
			time.Sleep(time.Minute)
			gus := w.comeIn("Gus")
			time.Sleep(time.Minute)
			w.ok("PATCH", "/v1/server", ann.Token, rooms.Replace(tt.change), nil)
			w.keepHouse(t.Context())
			_, code := w.call("POST", "/v1/refresh", "", refreshBody(gus), nil)
			if ended := code == chat.CodeUnauthorized; ended != tt.ended {
				t.Errorf("%s, then %s: the guest is signed out: %v, want %v (%q)", tt.before, tt.change, ended, tt.ended, code)
			}
		})
	}
}

// TestGuestsAreEndedInParts goes on where a round of housekeeping has stopped, and where it failed.
func TestGuestsAreEndedInParts(t *testing.T) {
	w := openWorld(t, config())
	ann := w.operator("Ann")
	guests := make([]credentials, 5)
	for i := range guests {
		guests[i] = w.comeIn(fmt.Sprintf("Gus%d", i))
	}
	w.ok("PATCH", "/v1/server", ann.Token, `{"guests":"off"}`, nil)
	n := 0
	w.memory.Fail(func(call string, done bool) error {
		if call == "PutIntent" && !done {
			if n++; n == 3 {
				return errors.New("down")
			}
		}
		return nil
	})
	w.keepHouse(t.Context())
	w.memory.Fail(nil)
	for _, c := range guests {
		w.eventually(c.User.Name+" is out", func() bool {
			// The service's own round may be under way, and then this one leaves guests alone.
			w.keepHouse(t.Context())
			_, code := w.call("POST", "/v1/refresh", "", refreshBody(c), nil)
			return code == chat.CodeUnauthorized
		})
	}
}
