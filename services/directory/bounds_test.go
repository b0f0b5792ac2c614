package directory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// TestLongestTimes: bans and mutes end when it was said, the longest after the longest time there
// is, and none is longer, or of less than no time.
func TestLongestTimes(t *testing.T) {
	w := idle(t, config())
	ann, bob := w.register("Ann"), w.register("Bob")
	room := w.create(ann, `{"name":"Open"}`)
	const longest = int64(longestBan / time.Minute)
	for _, tt := range []struct {
		kind    string
		minutes int64
		code    string
	}{
		{"bans", longest, ""}, {"bans", longest + 1, chat.CodeBadRequest}, {"bans", -1, chat.CodeBadRequest}, {"bans", 7, ""}, {"bans", 0, ""},
		{"mutes", maxMute, ""}, {"mutes", maxMute + 1, chat.CodeBadRequest}, {"mutes", -1, chat.CodeBadRequest}, {"mutes", 7, ""}, {"mutes", 0, ""},
	} {
		now := time.Now()
		code := w.code(ann, "PUT", "/v1/rooms/"+room.ID+"/"+tt.kind+"/"+bob.User.ID, fmt.Sprintf(`{"minutes":%d}`, tt.minutes))
		if code != tt.code {
			t.Errorf("%s of %d minutes: %q", tt.kind, tt.minutes, code)
		}
		if code != "" {
			continue
		}
		var until, forever int64
		if tt.kind == "bans" {
			b, err := w.store.Ban(t.Context(), room.ID, bob.User.ID)
			if err != nil {
				t.Fatal(err)
			}
			until = b.Until
		} else {
			m, err := w.store.Mute(t.Context(), room.ID, bob.User.ID)
			if err != nil {
				t.Fatal(err)
			}
			until, forever = m.Until, chat.Forever
		}
		if tt.minutes == 0 && until != forever {
			t.Errorf("%s until somebody ends it: until %d", tt.kind, until)
		}
		if late := time.UnixMilli(until).Sub(now.Add(time.Duration(tt.minutes) * time.Minute)); tt.minutes > 0 && (late < -time.Second || late > time.Minute) {
			t.Errorf("%s of %d minutes ends %s late", tt.kind, tt.minutes, late)
		}
	}
}

// TestOutcomesOfActs: the log has of each act what came of it, also where whoever asked has gone,
// and says that it does not know where nobody does.
func TestOutcomesOfActs(t *testing.T) {
	w := idle(t, config())
	for i, tt := range []struct {
		err  error
		want string
	}{
		{nil, store.OutcomeDone},
		{busError(io.ErrUnexpectedEOF), store.OutcomeDone},
		{chat.E(chat.CodeConflict, "no"), store.OutcomeFailed},
		{fmt.Errorf("it: %w", store.ErrNotFound), store.OutcomeFailed},
		{fmt.Errorf("it: %w", store.ErrConflict), store.OutcomeFailed},
		{io.ErrUnexpectedEOF, store.OutcomeUnknown},
	} {
		ctx, leave := context.WithCancel(t.Context())
		action := fmt.Sprint("test.", i)
		err := w.auditLog.audit(ctx, store.Act{Action: action}, func(context.Context) error {
			leave()
			return tt.err
		})
		if !errors.Is(err, tt.err) {
			t.Errorf("of %v comes %v", tt.err, err)
		}
		acts, err := w.store.Acts(t.Context(), store.ActFilter{Action: action}, 10)
		if err != nil || len(acts) != 1 || acts[0].Outcome != tt.want {
			t.Errorf("of %v the log has %+v, %v", tt.err, acts, err)
		}
	}
	w.memory.Fail(func(call string, _ bool) error {
		if call == "PutAct" {
			return io.ErrUnexpectedEOF
		}
		return nil
	})
	defer w.memory.Fail(nil)
	done := false
	if err := w.auditLog.audit(t.Context(), store.Act{Action: "test"}, func(context.Context) error { done = true; return nil }); err == nil || done {
		t.Errorf("an act that cannot be written down: %v, done %v", err, done)
	}
}

// TestNetworksThatChangeWhileTheyAreRead: what was read from before a change is not kept, and what
// the log may have lost is looked up.
func TestNetworksThatChangeWhileTheyAreRead(t *testing.T) {
	w := idle(t, config())
	reads := 0
	ask := func() int {
		t.Helper()
		if _, err := w.networks.bannedNetworks(t.Context()); err != nil {
			t.Fatal(err)
		}
		return reads
	}
	changed := true
	w.memory.Fail(func(call string, done bool) error {
		if call == "NetworkBans" && done {
			if reads++; changed {
				changed = false
				w.networks.cache.forget()
			}
		}
		return nil
	})
	defer w.memory.Fail(nil)
	got := []int{ask(), ask(), ask()}
	f := (*netFollower)(w.networks)
	f.Rewound("", 0)
	got = append(got, ask(), ask())
	f.Missed("", 0)
	if got = append(got, ask(), ask()); fmt.Sprint(got) != "[1 2 2 3 3 4 4]" {
		t.Errorf("the store was read %v times", got)
	}
}

// TestDataSoOften: all that there is of a user is given out some times an hour.
func TestDataSoOften(t *testing.T) {
	w := idle(t, config())
	w.historian()
	ann, bob := w.register("Ann"), w.register("Bob")
	for i := range dataHour + 1 {
		_, err := w.ownAccount.startExport(t.Context(), w.claims(ann))
		if want := map[bool]string{true: chat.CodeRateLimited}[i == dataHour]; chat.CodeOf(err) != want && !(err == nil && want == "") {
			t.Errorf("copy %d: %v", i, err)
		}
	}
	if _, err := w.ownAccount.startExport(t.Context(), w.claims(bob)); err != nil {
		t.Errorf("another's: %v", err)
	}
}

// TestLogInsOfMyOwn: a user ends the own log-ins, and none of another's, and none twice.
func TestLogInsOfMyOwn(t *testing.T) {
	w := idle(t, config())
	ann, eve := w.register("Ann"), w.register("Eve")
	phone := w.logIn()
	_ = phone
	var second credentials
	w.ok("POST", "/v1/login", "", `{"name":"Ann","password":"correct horse"}`, &second)
	id := w.claims(second).Session
	for _, tt := range []struct {
		who  credentials
		id   string
		code string
	}{{eve, id, chat.CodeNotFound}, {ann, "none", chat.CodeNotFound}, {ann, id, ""}, {ann, id, chat.CodeNotFound}} {
		if err := w.logins.endMine(t.Context(), w.claims(tt.who), tt.id); (err == nil) != (tt.code == "") || err != nil && chat.CodeOf(err) != tt.code {
			t.Errorf("%s ends %s: %v, want %q", tt.who.User.Name, tt.id, err, tt.code)
		}
	}
	if live := w.live(eve); len(live) != 1 {
		t.Errorf("Eve's log-ins are %+v", live)
	}
}

// TestWhoMayWrite: what the rules of a room leave to whom.
func TestWhoMayWrite(t *testing.T) {
	for _, tt := range []struct {
		role        directoryapi.Role
		announce    string
		archived    int64
		send, react bool
		slow        int
	}{
		{directoryapi.RoleMember, store.AnnounceNo, 0, true, true, 30},
		{directoryapi.RoleMember, store.AnnounceReact, 0, false, true, 0},
		{directoryapi.RoleMember, store.AnnounceSilent, 0, false, false, 0},
		{directoryapi.RoleMember, store.AnnounceNo, 7, false, false, 0},
		{directoryapi.RoleModerator, store.AnnounceNo, 0, true, true, 0},
		{directoryapi.RoleModerator, store.AnnounceReact, 0, true, true, 0},
		{directoryapi.RoleModerator, store.AnnounceSilent, 0, true, true, 0},
		{directoryapi.RoleOwner, store.AnnounceSilent, 0, true, true, 0},
		{directoryapi.RoleOwner, store.AnnounceNo, 7, false, false, 0},
		{"", store.AnnounceNo, 0, false, false, 0},
	} {
		a := directoryapi.Access{Role: tt.role, Read: true}
		ruled(&a, store.Room{Slow: 30, Announce: tt.announce, Archived: tt.archived}, directoryapi.PublicRoom)
		if a.Send != tt.send || a.React != tt.react || a.Slow != tt.slow || a.Archived != (tt.archived != 0) {
			t.Errorf("%q, %q, archived %d: %+v", tt.role, tt.announce, tt.archived, a)
		}
	}
	a := directoryapi.Access{Role: directoryapi.RoleMember}
	if ruled(&a, store.Room{Archived: 7}, directoryapi.PublicRoom); a.Archived {
		t.Error("who may not read a room is told that it is archived")
	}
}

// TestRolesOnTheServer: there are so many, the last operator stays one, and who has a role may be
// given the other however many there are.
func TestRolesOnTheServer(t *testing.T) {
	r := store.Server{Roles: map[string]directoryapi.Role{"op": directoryapi.RoleOperator}}
	for _, role := range []directoryapi.Role{"", directoryapi.RoleAuditor} {
		if err := giveRole(&r, "op", role); !errors.Is(err, errLastOperator) || r.Roles["op"] != directoryapi.RoleOperator {
			t.Errorf("the last operator becomes %q: %v", role, err)
		}
	}
	if err := giveRole(&r, "op", directoryapi.RoleOperator); err != nil {
		t.Errorf("the last operator stays one: %v", err)
	}
	for i := range maxServerRoles - 1 {
		if err := giveRole(&r, fmt.Sprint("u", i), directoryapi.RoleAuditor); err != nil {
			t.Fatal(i, err)
		}
	}
	if err := giveRole(&r, "more", directoryapi.RoleAuditor); chat.CodeOf(err) != chat.CodeTooMany {
		t.Errorf("one more: %v", err)
	}
	if err := giveRole(&r, "u7", directoryapi.RoleOperator); err != nil || r.Roles["u7"] != directoryapi.RoleOperator {
		t.Errorf("another role: %v", err)
	}
	if err := giveRole(&r, "op", ""); err != nil || len(r.Roles) != maxServerRoles-1 {
		t.Errorf("no longer the last: %v, %d roles", err, len(r.Roles))
	}
}

// TestServerChangesAtOnce: a change that others come before is made again on what there is then,
// and given up after some tries.
func TestServerChangesAtOnce(t *testing.T) {
	w := idle(t, config())
	tries, conflicts := 0, 3
	w.memory.Fail(func(call string, done bool) error {
		if call != "PutServer" || done {
			return nil
		}
		if tries++; tries <= conflicts {
			return store.ErrConflict
		}
		return nil
	})
	defer w.memory.Fail(nil)
	set := func(r *store.Server) error { r.SetUp = 5; return nil }
	if err := w.serverRecord.changeServer(t.Context(), set); err != nil || tries != 4 {
		t.Errorf("after %d tries: %v", tries, err)
	}
	tries, conflicts = 0, 1000
	if err := w.serverRecord.changeServer(t.Context(), set); !errors.Is(err, errServerChanges) || tries != maxServerTries {
		t.Errorf("after %d tries: %v", tries, err)
	}
	if err := w.serverRecord.changeServer(t.Context(), func(*store.Server) error { return errNoUser }); !errors.Is(err, errNoUser) {
		t.Errorf("a change that is refused: %v", err)
	}
}

// TestSetupLinksAreFew: each start makes one, and the newest of them are good.
func TestSetupLinksAreFew(t *testing.T) {
	w := idle(t, config())
	var links []string
	w.setup.announce = func(secret string, life time.Duration) {
		if life != setupLife {
			t.Errorf("good for %s", life)
		}
		links = append(links, secret)
	}
	for range maxSetupLinks + 2 {
		if err := w.setup.offerSetup(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	r, err := w.store.Server(t.Context())
	if err != nil || len(r.Setup) != maxSetupLinks || len(links) != maxSetupLinks+2 {
		t.Fatalf("%d links of %d, %v", len(r.Setup), len(links), err)
	}
	now := time.Now()
	for i, link := range links {
		if err := checkSetup(r, link, now); (err == nil) != (i >= 2) {
			t.Errorf("link %d: %v", i, err)
		}
	}
	newest := links[len(links)-1]
	if err := checkSetup(r, newest, now.Add(setupLife+time.Second)); !errors.Is(err, errSetupEnded) {
		t.Errorf("a day later: %v", err)
	}
	if err := checkSetup(r, "another", now); !errors.Is(err, errSetupWrong) {
		t.Errorf("another: %v", err)
	}
	w.operator("Op")
	if err := w.setup.offerSetup(t.Context()); err != nil || len(links) != maxSetupLinks+2 {
		t.Errorf("with an operator: %v, %d links", err, len(links))
	}
	if r, err = w.store.Server(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := checkSetup(r, "another", now); !errors.Is(err, errSetupUsed) {
		t.Errorf("another, with an operator: %v", err)
	}
}

// TestSizesOfText: a browser shows at most maxDeviceTokens devices, and a User-Agent has at most
// maxAgent bytes.
func TestSizesOfText(t *testing.T) {
	for value, want := range map[string]int{"": 0, "a": 1, "a~~b": 2, strings.Repeat("a~", 10): maxDeviceTokens, "~a~b~c~d~e": maxDeviceTokens - 1} {
		if got := deviceCookie(value); len(got) != want {
			t.Errorf("of %q: %q, want %d", value, got, want)
		}
	}
	if got := cutAgent(" Fire\x00fox\né " + strings.Repeat("x", 2*maxAgent)); !strings.HasPrefix(got, "Firefox ") || len(got) > maxAgent {
		t.Errorf("a User-Agent of %d bytes: %.20q", len(got), got)
	}
}
