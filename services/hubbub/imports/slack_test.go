package imports

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/mongotest"
	"hubbub.internal/services/directory/store"
)

const slackSource = "slack:T0TEST"

// TestSlack imports an export of Slack with everything that one can have.
func TestSlack(t *testing.T) {
	for name, url := range map[string]func(*testing.T) string{"sqlite": func(*testing.T) string { return "" }, "mongo": func(t *testing.T) string { return mongotest.URL(t) }} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t, url(t))
			w.slack(packed(t, "testdata/slack"))
		})
	}
}

func (w *world) slack(file string) {
	t := w.t
	t.Helper()
	links := filepath.Join(t.TempDir(), "links")
	out, err := w.run("slack", file, "--links", links, "--trust-mail")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ann, bob := w.account("ann.smith"), w.account("bob")
	general := w.room(slackSource, "C1")
	w.eventually("mentions are resolved", func() bool { return strings.Contains(strings.Join(w.said(general.ID), "\n"), "[1 mentions]\n1500086") })
	equal(t, "general", w.said(general.ID),
		"1500000200 Ann.Smith: Hello **all**, @room: ~~old~~ _new_ 🎉 & <3 :partyparrot:×1 👍×1 👍🏼×2 [1 mentions]",
		"1500000300 bob: @Ann.Smith see [the *plan*](https://example.org/a_%28b%29) in #plans [3 answers] [pinned] [1 mentions]",
		"1500086600 Çem: later in the thread [thread]",
		"1500086700 Ann.Smith: for all to see [thread, broadcast]",
		"1500086800 Çem: an answer to an answer [thread]",
		"1500086900 Çem: whose root is not here",
		"1500087000 builds: [Build 7](https://ci.example.org/7)\npassed",
		"1500087100 weather: `@Ann.Smith & https://x.example` and rain",
		"1500087200 Guest.Jr: [notes.pdf](https://files.example.org/notes.pdf)",
		"1500087300 dora: I am gone, @zed",
	)
	if general.Name != "general" || general.Topic != "Everything & more" || general.Private || general.Archived != 0 || general.Created != 1500000000000 {
		t.Errorf("general is %+v", general)
	}
	plans, secret, three := w.room(slackSource, "C2"), w.room(slackSource, "C-ERIN"), w.room(slackSource, "G1")
	if plans.Archived == 0 || plans.Topic != "Old plans" || !secret.Private || !three.Private || three.Name != "Ann.Smith, bob, Çem" {
		t.Errorf("%+v, %+v, %+v", plans, secret, three)
	}
	if lobby := w.room(slackSource, "C3"); lobby.Name != "Lobby 2" {
		t.Errorf("a room whose name is taken is called %s", lobby.Name)
	}
	equal(t, "members", w.members(general.ID), "Ann.Smith owner", "admin-2 member", "bob member", "Çem member")
	equal(t, "members of a room that had none", w.members(plans.ID), "dora owner")
	direct := chat.DirectRoom(ann.ID, bob.ID)
	equal(t, "direct", w.said(direct), "1500000500 Ann.Smith: hi", "1500000501 bob: ho")
	equal(t, "members of the direct room", w.members(direct), "Ann.Smith member", "bob member")
	for _, want := range []string{
		"       8 accounts: 8 new (4 of them closed)", "       7 rooms: 6 new, 0 of an earlier import, 1 not imported", "      15 messages, 3 of them answers in threads", "       4 reactions", "       1 pins",
		"- room Lobby is called Lobby 2", "- user admin is called admin-2", "- room Ann.Smith is not imported: it is of one person", "       1 events (channel_join)",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the report lacks %q:\n%s", want, out)
		}
	}
	if bob.Disabled || !w.account("dora").Disabled || !w.account("builds").Disabled || bob.Guest() || bob.Deleted() {
		t.Errorf("accounts: %+v", bob)
	}
	if a, err := w.store.Account(t.Context(), bob.ID); err != nil || a.Mail != "Bob@example.org" {
		t.Errorf("with --trust-mail: %+v, %v", a, err)
	}
	b, err := os.ReadFile(links)
	if err != nil || strings.Count(string(b), "\n") != 4 || !strings.Contains(string(b), "bob\tBob@example.org\thttp://localhost:9080/#/reset/") {
		t.Errorf("links: %s, %v", b, err)
	}
	acts, err := w.store.Acts(t.Context(), store.ActFilter{Action: "server.import"}, 10)
	if err != nil || len(acts) != 2 || !strings.Contains(acts[0].Detail, "15 messages, 4 reactions and 1 pins, of which 20 are new") {
		t.Errorf("the audit log has %+v, %v", acts, err)
	}

	// Once more: nothing is made.
	before := w.said(general.ID)
	if out, err = w.run("slack", file); err != nil || !strings.Contains(out, "0 new (0 of them closed), 8 of an earlier import") || !strings.Contains(out, "0 are new, 20 were there.") {
		t.Errorf("again: %v\n%s", err, out)
	}
	equal(t, "general after the second time", w.said(general.ID), before...)
}

// members returns the members of a room, with their roles.
func (w *world) members(room string) (all []string) {
	w.t.Helper()
	found, err := w.store.Members(w.t.Context(), room, "", 100)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, m := range found {
		all = append(all, m.Name+" "+string(m.Role))
	}
	slices.Sort(all)
	return all
}
