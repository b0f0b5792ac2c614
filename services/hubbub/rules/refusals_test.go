package rules_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sentenceFiles are the files of the page that have messages for sentences of the server.
var sentenceFiles = []string{"web/src/lang/refusals.ts", "web/src/lang/chat-refusals.ts", "web/src/ui/server/operator-refusals.ts"}

// toPrograms are refusals that people do not get: only a program causes them, by a request that has
// not the form of the API, or an action that the page does not offer there.
var toPrograms = []string{
	"%s is one of %s",
	"%s must be everybody, rooms or nobody",
	"/list-users is a question, and no message: GET /v1/rooms/{room}/presence answers it",
	"a direct room has no name and topic",
	"a direct room has no slow mode",
	"a direct room is for the people who opened it: open another",
	"a guest has no password",
	"a guest has no password: register",
	"a guest has no role on the server: only registered users have",
	"a hold has an id, a reason, and the id of a room or of a user",
	"a hold is of a room, or of a user",
	"a message is named by a room, a user and an id",
	"a message is named by its author and its id",
	"a message is named by its room, its author and its id",
	"a purge has an id, and the ids of a user, of the user who asks for it, and of a room or none",
	"a read position is a room, a user and a seq",
	"a role on the server is operator or auditor, or empty for none",
	"a room is named by its id",
	"a seq is below 2^53",
	"a thread is named by its room, and the author and the id of its root",
	"a thread is named by the author and the id of its root",
	"actor, subject, room and before must be ids",
	"after is not the next of an answer",
	"after is the id of a %s",
	"an edited message has a text",
	`announce is "" (every member sends), "react" or "silent"`,
	"ask for 1 to %d messages",
	"ask for at most %d sessions at a time",
	"ask for at most %d users at a time",
	"at is a time after 1970, in UTC milliseconds",
	"at most %d users",
	"at most 1000 users",
	"author and message must be ids",
	"before and around are seqs, which begin with 1; after=0 is from the first message on",
	"before is a time in UTC milliseconds, and limit 1 to %d",
	"choose seen_by, listed, invited_by or direct_by",
	"cursor is the next of the answer before, to the same search",
	"cursor is the next of the answer before; leave it out to begin",
	"cursor must be the next of the page before; leave it out to begin",
	"each entry needs the id of a user and a time after 0, in UTC milliseconds",
	"emoji is 1 to %d bytes",
	"emoji is one emoji",
	"give at most one of before, after, around, at and mention",
	"hello was said already",
	"hello: this server speaks version 1 of the protocol",
	"in a direct room nobody deletes another's messages",
	"inbox: next is the next of an answer",
	"keys must have p256dh, a point of P-256, and auth, 16 bytes, both in base64url",
	"kind must be block or ignore",
	"limit is 1 to %d",
	"limit is 1 to 1000",
	"messages are asked for by the id of a user, and of a room with a seq or none",
	"messages of a direct room are kept as long as the server says",
	"minutes must be 1 to %d, or 0 to mute until it is lifted",
	"more than one message has that id: say its author, too",
	"nobody can be removed from this room",
	"nobody can become a member of this room",
	"nobody has another role in this room",
	"nobody is banned from a direct room",
	"nobody is muted in a direct room",
	"nobody may see who is in the room",
	"nobody removes all that was said in a direct room",
	"nobody takes a copy of this room",
	"nothing can be reported here",
	"notify.level is %.20q; it has to be everything, mentions or nothing",
	"notify.mail is %.20q; it has to be never, hourly, daily or weekly",
	"notify.paused is no time in milliseconds",
	"notify.quiet has from and to in minutes since midnight, 0 to 1439",
	"notify.rooms has %.70q: %.20q; it has to be the id of a room, and everything, mentions or nothing",
	"only direct rooms can be hidden: leave this one",
	"outcome must be dismiss, delete, mute, ban or purge",
	"reason must be one of %s",
	"reports about a direct room are for operators",
	"role must be reader, member, moderator or owner",
	"room and next are the ids of rooms",
	"room is not an id",
	"room is the id of a room",
	"room must be an id, and the lists of users and senders short enough for one request",
	"room, msg_id, target and author are ids",
	"say the name or the mail address of the account",
	"since and until must be UTC milliseconds, and since the earlier one",
	"slow must be 0 to %d seconds",
	"sort is new or best",
	"span must be hour, day or ever",
	"that is not a room",
	"that is not a user",
	"that is not an id",
	"that is nothing to do to a message",
	"the endpoint must be a public https address",
	"the first command is hello",
	"the request has no refresh token: send it in the body, or the header %s if it is in a cookie",
	"the search is not text in UTF-8",
	"there is no such image",
	"there is no such room for you",
	"this room cannot be archived: it is for everybody, or a direct one",
	"this room cannot be deleted: it is for everybody, or a direct one",
	"this room is for everybody",
	"this server does not carry out commands of this type",
	"too many rooms in one request",
	"too many texts or names in one request",
	"tz is the name of a time zone, such as Asia/Kolkata",
	"user is not an id",
	"user must be an id, and the lists of users and rooms short enough for one request",
	"what is unread begins at a seq of a room; read are a room through a seq, a room, or all rooms",
	"you cannot block yourself",
	"you cannot open a direct room with yourself",
	"you cannot report yourself: delete the message",
	"you gave that msg_id to something else in this room",
}

// field is what a refusal calls a value in a request or an answer, such as notify.level.
var field = regexp.MustCompile(`(?:^|\s)[a-z_]+\.[a-z_]+\b`)

// TestRefusalsAreTranslated holds that what the services refuse people with has a message in the
// page, so that nobody who reads another language is told in English. Refusals with a code that the
// page has a sentence for, such as rate_limited, need none of their own.
func TestRefusalsAreTranslated(t *testing.T) {
	said, general := sentences(t), generalCodes(t)
	refusals := findRefusals(t)
	if len(said) < 150 || len(general) < 5 || len(refusals) < 250 {
		t.Fatalf("%d sentences, %d codes, %d refusals: the rule was hardly tried", len(said), len(general), len(refusals))
	}
	given := map[string]bool{}
	for _, r := range refusals {
		given[r.text] = true
		if !slices.Contains(said, r.text) && !slices.Contains(general, r.code) && !slices.Contains(toPrograms, r.text) {
			t.Errorf("%s: %q has no message in the page: give it one (CONTRIBUTING.md, a text of the page), or add it to toPrograms if no person gets it", r.at, r.text)
		}
		if field.MatchString(r.text) && !slices.Contains(toPrograms, r.text) {
			t.Errorf("%s: %q names a field of the protocol: tell people what to do, or add it to toPrograms if no person gets it", r.at, r.text)
		}
	}
	for _, text := range toPrograms {
		if !given[text] {
			t.Errorf("no service refuses with %q any more: take it off the list", text)
		} else if slices.Contains(said, text) {
			t.Errorf("%q has a message in the page: take it off the list", text)
		}
	}
}

// sentences returns the sentences of the server that the page has messages for.
func sentences(t *testing.T) (all []string) {
	key := regexp.MustCompile(`(?m)^  (?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"): \(`)
	for _, file := range sentenceFiles {
		for _, m := range key.FindAllStringSubmatch(read(t, file), -1) {
			text, err := strconv.Unquote(`"` + strings.ReplaceAll(strings.ReplaceAll(m[1]+m[2], `\'`, `'`), `"`, `\"`) + `"`)
			if err != nil {
				t.Fatalf("%s: %s: %v", file, m[0], err)
			}
			all = append(all, text)
		}
	}
	return all
}

// generalCodes returns the codes for which the page has a sentence, whatever the server says.
func generalCodes(t *testing.T) (all []string) {
	for _, m := range regexp.MustCompile(`case '(\w+)':`).FindAllStringSubmatch(read(t, "web/src/lang/describe.ts"), -1) {
		all = append(all, m[1])
	}
	return all
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
