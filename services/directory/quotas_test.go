package directory

import (
	"fmt"
	"sync"
	"sync/atomic"
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

// TestQuotasAtOnce: many requests come in at the same moment, on two replicas, against a quota
// with one place left.
func TestQuotasAtOnce(t *testing.T) {
	cfg := strangers()
	cfg.RoomsDay, cfg.GuestPublic, cfg.GuestDirect = 3, 1, 4
	w := openWorld(t, cfg)
	var gus credentials
	w.ok("POST", "/v1/guest", "", `{"name":"Gus"}`, &gus)
	c := w.claims(gus)
	c.Guest = true
	// All see the same before any has made anything.
	together := func(call string, n int, do func(i int) error) (done int) {
		var arrived, wait sync.WaitGroup
		arrived.Add(n)
		var mu sync.Mutex
		seen := map[string]int{}
		w.memory.Fail(func(name string, did bool) error {
			mu.Lock()
			first := name == call && !did && seen[name] < n
			if first {
				seen[name]++
			}
			mu.Unlock()
			if first {
				arrived.Done()
				arrived.Wait()
			}
			return nil
		})
		defer w.memory.Fail(nil)
		var ok atomic.Int64
		for i := range n {
			wait.Go(func() {
				switch err := do(i); chat.CodeOf(err) {
				case "":
					ok.Add(1)
				case chat.CodeTooMany, chat.CodeRateLimited:
				default:
					t.Error(err)
				}
			})
		}
		wait.Wait()
		return int(ok.Load())
	}
	made := together("CreateRoom", 6, func(i int) error {
		_, err := w.rooms.createRoom(t.Context(), c, fmt.Sprint("Public ", i), "", false)
		return err
	})
	rooms, err := w.store.RoomsBy(t.Context(), gus.User.ID, 0, 100)
	if err != nil || len(rooms) != made || made > 1 {
		t.Errorf("%d public rooms, and %d were answered for, of 1; %v", len(rooms), made, err)
	}
	in, err := w.store.GroupsOf(t.Context(), gus.User.ID, 100)
	if err != nil || len(in) != made {
		t.Errorf("in %d rooms, %v", len(in), err)
	}
	var others []credentials
	for i := range 6 {
		others = append(others, w.register(fmt.Sprint("other", i)))
	}
	opened := together("CreateRoom", 6, func(i int) error {
		_, err := w.directs.direct(t.Context(), c, others[i].User.ID)
		return err
	})
	directs, err := w.store.RoomsBy(t.Context(), gus.User.ID, 0, 100)
	if n := len(directs) - made; err != nil || n != opened || n > cfg.GuestDirect/2 {
		t.Errorf("%d direct rooms, and %d were answered for, of %d; %v", n, opened, cfg.GuestDirect/2, err)
	}
	ann := w.register("ann")
	owner := w.claims(ann)
	for i := range maxInvitationsBy - 1 {
		inv := store.Invitation{Room: fmt.Sprint("r", i), User: "u", Actor: ann.User.ID, Expires: 1 << 52}
		if err := w.store.CreateInvitation(t.Context(), inv); err != nil {
			t.Fatal(err)
		}
	}
	room := w.create(ann, `{"name":"Books"}`)
	asked := together("CreateInvitation", 6, func(i int) error {
		_, err := w.members.addMember(t.Context(), owner, room.ID, others[i].User.ID, "")
		return err
	})
	all, err := w.store.InvitationsBy(t.Context(), ann.User.ID, 2*maxInvitationsBy)
	if err != nil || len(all) > maxInvitationsBy || len(all) != maxInvitationsBy-1+asked {
		t.Errorf("%d invitations, and %d of 6 were answered for; %v", len(all), asked, err)
	}
	h := w.historian()
	h.author = others[0].User.ID
	for i := range maxOpenReports - 1 {
		r := store.Report{ID: fmt.Sprint("r", i), Room: room.ID, Author: "u", Message: fmt.Sprint("old", i), Reporter: ann.User.ID, State: store.ReportOpen}
		if err := w.store.PutReport(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 6 {
		h.texts[fmt.Sprint("m", i)] = "spam"
	}
	reported := together("PutReport", 6, func(i int) error {
		return w.reports.report(t.Context(), owner, room.ID, h.author, fmt.Sprint("m", i), "spam", "")
	})
	reports, err := w.store.ReportsBy(t.Context(), ann.User.ID, 2*maxOpenReports)
	if err != nil || len(reports) > maxOpenReports || len(reports) != maxOpenReports-1+reported {
		t.Errorf("%d reports, and %d of 6 were answered for; %v", len(reports), reported, err)
	}
	for i := range maxBlocks - 1 {
		if err := w.store.PutBlock(t.Context(), store.Block{User: ann.User.ID, Other: fmt.Sprint("u", i)}); err != nil {
			t.Fatal(err)
		}
	}
	blocked := together("PutBlock", 6, func(i int) error { return w.blocks.block(t.Context(), owner, others[i].User.ID, ignoreOnly) })
	blocks, err := w.store.Blocks(t.Context(), ann.User.ID, "", 2*maxBlocks)
	if err != nil || len(blocks) > maxBlocks || len(blocks) != maxBlocks-1+blocked {
		t.Errorf("%d blocks, and %d of 6 were answered for; %v", len(blocks), blocked, err)
	}
	for i := range maxInvitationLinks - 1 {
		if err := w.store.CreateInvitationLink(t.Context(), store.InvitationLink{ID: fmt.Sprint("i", i), Hash: []byte(fmt.Sprint(i)), Expires: 1 << 52}); err != nil {
			t.Fatal(err)
		}
	}
	linked := together("CreateInvitationLink", 6, func(int) error {
		_, err := w.Service.invitationLinks.makeLink(t.Context(), owner, 1, 0, "")
		return err
	})
	links, err := w.store.InvitationLinks(t.Context(), "", 2*maxInvitationLinks)
	if err != nil || len(links) > maxInvitationLinks || len(links) != maxInvitationLinks-1+linked {
		t.Errorf("%d links for people who register, and %d of 6 were answered for; %v", len(links), linked, err)
	}
	if left, err := w.store.IntentsBefore(t.Context(), 1<<60, 10); err != nil || len(left) != 0 {
		t.Errorf("left to tell: %+v, %v", left, err)
	}
}
