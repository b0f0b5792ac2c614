package imports

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/hubbub/admin"
)

var errKilled = chat.E(chat.CodeInternal, "killed")

// TestCutOff stops an import at every request, before the server has it and after, and runs it
// again at the end: all is there once, and no room was seen before all of it was there.
func TestCutOff(t *testing.T) {
	t.Parallel()
	w := open(t, "")
	file := packed(t, "testdata/slack")
	for at := 0; ; at += 3 { // before and after by turns
		w.wrap = func(ask admin.Asker) admin.Asker {
			var mu sync.Mutex
			n := 0
			return func(ctx context.Context, r directoryapi.AdminRequest) (reply directoryapi.AdminReply, err error) {
				mu.Lock()
				defer mu.Unlock()
				if n++; n > at/2+1 {
					return reply, errKilled
				}
				if reply, err = ask(ctx, r); n == at/2+1 && at%2 == 1 {
					err = errKilled
				}
				return reply, err
			}
		}
		out, err := w.run("slack", file)
		if err == nil {
			break
		}
		if !errors.Is(err, errKilled) || !strings.Contains(err.Error(), "run the same command again") {
			t.Fatalf("%v\n%s", err, out)
		}
		if at > 200 {
			t.Fatal("it never ends")
		}
	}
	general := w.room(slackSource, "C1")
	if all := w.said(general.ID); len(all) != 10 {
		t.Errorf("general has %q", all)
	}
	w.wrap = nil
	if out, err := w.run("slack", file); err != nil || !strings.Contains(out, ": 0 are new, 20 were there.") {
		t.Errorf("at the end: %v\n%s", err, out)
	}
	equal(t, "members", w.members(general.ID), "Ann.Smith owner", "admin-2 member", "bob member", "Çem member")
}

// TestDryRun makes nothing, and says what would be made.
func TestDryRun(t *testing.T) {
	t.Parallel()
	w := open(t, "")
	out, err := w.run("slack", packed(t, "testdata/slack"), "--dry-run")
	if err != nil || !strings.Contains(out, "Nothing was made.") || !strings.Contains(out, "15 messages, 3 of them answers") || !strings.Contains(out, "8 accounts: 8 new") {
		t.Errorf("%v\n%s", err, out)
	}
	w.empty()
}

// empty checks that nothing was made.
func (w *world) empty() {
	w.t.Helper()
	users, err := w.store.UsersAfter(w.t.Context(), "", 10)
	if err != nil || len(users) > 0 {
		w.t.Errorf("there are %+v, %v", users, err)
	}
	if head := w.said(directoryapi.ImportID(slackSource, "room", "C1")); len(head) > 0 {
		w.t.Errorf("the record has %q", head)
	}
}

// TestPeopleWhoAreHere maps people of the export to accounts that there are: by a file, and by a
// mail address that was confirmed.
func TestPeopleWhoAreHere(t *testing.T) {
	t.Parallel()
	w := open(t, "")
	for _, name := range []string{"Annie", "Robert", "bob"} {
		if _, err := w.ask("create", name); err != nil {
			t.Fatal(err)
		}
	}
	annie, robert := w.account("annie"), w.account("robert")
	if err := w.confirm(robert.ID, "bob@EXAMPLE.org"); err != nil {
		t.Fatal(err)
	}
	plan := filepath.Join(t.TempDir(), "map.json")
	if err := os.WriteFile(plan, []byte(`{"users": {"U1": "Annie", "cem": "x", "Çem": "Djem"}, "rooms": {"general": "Old general"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	file := packed(t, "testdata/slack")
	out, err := w.run("slack", file, "--map", plan)
	if err != nil || !strings.Contains(out, "2 of people who are here") {
		t.Fatalf("%v\n%s", err, out)
	}
	general := w.room(slackSource, "C1")
	if general.Name != "Old general" {
		t.Errorf("the room is called %s", general.Name)
	}
	if all := w.said(general.ID); len(all) != 10 || !strings.HasPrefix(all[0], "1500000200 Annie: ") || !strings.HasPrefix(all[1], "1500000300 Robert: @Annie see") {
		t.Errorf("general has %q", all)
	}
	equal(t, "members", w.members(general.ID), "Annie owner", "Djem member", "Robert member", "admin-2 member")
	equal(t, "direct", w.said(chat.DirectRoom(annie.ID, robert.ID)), "1500000500 Annie: hi", "1500000501 Robert: ho")
	own, err := w.bus.Replay(t.Context(), chat.UserRoom(annie.ID), bus.Position{}, 100)
	if err != nil || len(own.Entries) != 4 {
		t.Errorf("Annie is told of %d rooms, %v", len(own.Entries), err)
	}

	// With other accounts the messages would be there twice.
	if err := os.WriteFile(plan, []byte(`{"users": {"U1": "Robert"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err = w.run("slack", file, "--map", plan); err != nil || !strings.Contains(out, "is in that room as another user's") {
		t.Errorf("with another map: %v\n%s", err, out)
	}
	if all := w.said(general.ID); len(all) != 10 {
		t.Errorf("general has %q", all)
	}
}

// TestLate adds nothing to a room in which people write already.
func TestLate(t *testing.T) {
	t.Parallel()
	w := open(t, "")
	if out, err := w.run("slack", packed(t, "testdata/slack")); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	general := w.room(slackSource, "C1")
	e := chat.Event{Type: chat.TypeMsg, Room: general.ID, ID: "m1", User: w.account("bob").ID, Name: "bob", TS: 1700000000000, Text: "anybody here?"}
	data, err := chat.AppendEntry(nil, e)
	if err == nil {
		_, err = bus.Append(t.Context(), w.bus, bus.NewEntry{Room: e.Room, Sender: e.User, ID: e.ID, Data: data})
	}
	if err != nil {
		t.Fatal(err)
	}
	newer := packed(t, "testdata/slack", "general/2017-07-16.json", `[{"type": "message", "user": "U1", "text": "newer", "ts": "1500187000.000000"}]`, "D1/2017-07-16.json", `[{"type": "message", "user": "U1", "text": "newer", "ts": "1500187000.000000"}]`)
	out, err := w.run("slack", newer)
	if err != nil || !strings.Contains(out, "room general is not imported: ") || !strings.Contains(out, "people write in that room already") || !strings.Contains(out, "1 are new") {
		t.Errorf("%v\n%s", err, out)
	}
	if all := w.said(general.ID); len(all) != 11 || !strings.HasSuffix(all[10], "anybody here?") {
		t.Errorf("general has %q", all)
	}
}

func (w *world) ask(do, who string) (directoryapi.AdminReply, error) {
	w.t.Helper()
	ask, stop, err := admin.Open(w.t.Context(), w.data, (&Config{}).Bus)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = stop() }()
	reply, err := ask(w.t.Context(), directoryapi.AdminRequest{Do: do, By: "test", User: who})
	if err != nil {
		err = fmt.Errorf("%s %s: %w", do, who, err)
	}
	return reply, err
}
