package imports

import (
	"os"
	"strings"
	"testing"

	"hubbub.internal/libs/chat"
)

// TestMattermost imports an export of Mattermost, from a file and from an archive: the second time
// nothing is made.
func TestMattermost(t *testing.T) {
	t.Parallel()
	w := open(t, "")
	out, err := w.run("mattermost", "testdata/mattermost/import.jsonl")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const source = "mattermost:"
	ann, bob := w.account("ann"), w.account("bob.m")
	square, private := w.room(source, "core/town-square"), w.room(source, "core/private")
	w.eventually("mentions are resolved", func() bool { return strings.HasSuffix(strings.Join(w.said(square.ID), "\n"), "mentions]") })
	equal(t, "the square", w.said(square.ID),
		"1500000100 ann: **first** @Bob.M. `@bob.m :smile:` @room @nobody x@ann [2 answers] [2 mentions]",
		"1500000050 hook: `plan.pdf` [thread]",
		"1500000300 Bob.M: an answer [thread]",
		"1500000900 Bob.M: later, @here 👍 [pinned] :partyparrot:×1 ❤️×1 👍🏿×1 [1 mentions]",
	)
	equal(t, "a private channel", w.said(private.ID), "1500000100 old: psst", "1500000200 stranger: look\nat this")
	equal(t, "members", w.members(square.ID), "Bob.M owner", "ann member")
	direct := chat.DirectRoom(ann.ID, bob.ID)
	equal(t, "direct", w.said(direct), "1500000100 ann: hi [1 answers]", "1500000200 Bob.M: ho [thread]")
	if !private.Private || square.Private || square.Name != "Town Square" || square.Topic != "Everything" || square.Created != 1500000050000 && square.Created != 1500000100000 {
		t.Errorf("%+v, %+v", square, private)
	}
	if a, err := w.store.Account(t.Context(), bob.ID); err != nil || a.Mail != "" {
		t.Errorf("without --trust-mail: %+v, %v", a, err)
	}
	for _, want := range []string{"       5 accounts: 5 new (3 of them closed)", "       9 messages, 3 of them answers", "1 messages that the export has twice", "1 messages of channels that the export lacks", "1 events (system_join_channel)"} {
		if !strings.Contains(out, want) {
			t.Errorf("the report lacks %q:\n%s", want, out)
		}
	}
	b, err := os.ReadFile("testdata/mattermost/import.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	out, err = w.run("mattermost", packed(t, "", "data/import.jsonl", "\xef\xbb\xbf"+string(b), "data/2020/x/plan.pdf", "PDF"))
	if err != nil || !strings.Contains(out, ": 0 are new, 13 were there.") {
		t.Errorf("again: %v\n%s", err, out)
	}
}
