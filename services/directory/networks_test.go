package directory

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"hubbub.internal/libs/bus/membus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
	"hubbub.internal/services/directory/store/memory"
)

// from makes a request from an address.
func (w *world) from(address, method, path, token, body string, out any) string {
	w.t.Helper()
	_, code := w.call(method, path, token, body, out, "remote", address+":5000")
	return code
}

func enterAs(name string) string { return fmt.Sprintf(`{"name":%q,"password":"correct horse"}`, name) }

func TestNetworkBans(t *testing.T) {
	cfg := config()
	w := openWorld(t, cfg)
	op, _, bob := w.operator("Op"), w.operator("Deputy"), w.register("Bob")
	var there, here, deputy credentials
	for _, c := range []struct {
		to            *credentials
		address, name string
	}{{&there, "203.0.113.9", "Bob"}, {&here, "198.51.100.8", "Bob"}, {&deputy, "203.0.113.10", "Deputy"}} {
		if code := w.from(c.address, "POST", "/v1/login", "", enterAs(c.name), c.to); code != "" {
			t.Fatal(code)
		}
	}
	for _, tt := range []struct {
		who           credentials
		network, code string
	}{
		{bob, "203.0.113.0/24", "forbidden"},
		{op, "", "bad_request"}, {op, "nonsense", "bad_request"}, {op, "203.0.113.0/33", "bad_request"}, {op, "203.0.113.0/-1", "bad_request"},
		{op, "0.0.0.0/0", "bad_request"}, {op, "::/0", "bad_request"}, {op, "::ffff:0:0/90", "bad_request"}, {op, "::ffff:0.0.0.0/96", "bad_request"},
		{op, "2001:db8::1/128", "bad_request"}, {op, "fe80::1%eth0", "bad_request"},
		// the operator is there
		{op, "198.51.100.7", "conflict"}, {op, "198.51.0.0/16", "conflict"},
		{op, "192.0.2.1", "bad_request"}, // a proxy is
		{op, "2001:db8:1:2:3::4", ""},
		{op, "::ffff:203.0.113.7/120", ""},
	} {
		if code := w.code(tt.who, "POST", "/v1/network-bans", fmt.Sprintf(`{"network":%q,"reason":"spam","minutes":60}`, tt.network)); code != tt.code {
			t.Errorf("%s: %q, want %q", tt.network, code, tt.code)
		}
	}
	var list networkBansOutput
	w.ok("GET", "/v1/network-bans", op.Token, "", &list)
	if len(list.Networks) != 2 || list.Networks[0].Network != "2001:db8:1:2::/64" || list.Networks[1].Network != "203.0.113.0/24" ||
		list.Networks[1].Reason != "spam" || list.Networks[1].By != op.User.ID || list.Networks[1].Until < time.Now().UnixMilli() {
		t.Errorf("%+v", list)
	}
	for _, tt := range []struct{ address, path, body, code string }{
		{"203.0.113.9", "/v1/login", enterAs("Bob"), "forbidden"},
		{"203.0.113.9", "/v1/register", enterAs("Eve"), "forbidden"},
		{"203.0.113.9", "/v1/guest", `{"name":"Eve"}`, "forbidden"},
		{"203.0.113.9", "/v1/refresh", fmt.Sprintf(`{"refresh_token":%q}`, here.Refresh), "forbidden"},
		{"[2001:db8:1:2:ffff::1]", "/v1/guest", `{"name":"Eve"}`, "forbidden"},
		{"[::ffff:203.0.113.9]", "/v1/guest", `{"name":"Eve"}`, "forbidden"},
		{"203.0.114.9", "/v1/guest", `{"name":"Eve"}`, ""},
		{"203.0.113.9", "/v1/login", enterAs("Deputy"), ""}, // who runs the server comes in
	} {
		if code := w.from(tt.address, "POST", tt.path, "", tt.body, nil); code != tt.code {
			t.Errorf("%s from %s: %q, want %q", tt.path, tt.address, code, tt.code)
		}
	}
	for who, want := range map[*credentials]string{&there: chat.CodeUnauthorized, &here: "", &deputy: "", &bob: ""} {
		if code := w.code(*who, "GET", "/v1/me", ""); code != want {
			t.Errorf("the log-in of %s: %q, want %q", who.User.Name, code, want)
		}
	}
	if code := w.code(bob, "GET", "/v1/network-bans", ""); code != "forbidden" {
		t.Errorf("somebody looks: %q", code)
	}
	if code := w.code(bob, "DELETE", "/v1/network-bans?network=203.0.113.0/24", ""); code != "forbidden" {
		t.Errorf("somebody lifts: %q", code)
	}
	w.ok("DELETE", "/v1/network-bans?network=203.0.113.0/24", op.Token, "", nil)
	if code := w.from("203.0.113.9", "POST", "/v1/login", "", enterAs("Bob"), nil); code != "" {
		t.Errorf("after the end of the ban: %q", code)
	}
	acts, err := w.store.Acts(t.Context(), store.ActFilter{Actor: op.User.ID}, 10)
	if err != nil || len(acts) < 3 || acts[0].Action != actNetUnban || acts[1].Action != actNetBan || acts[1].Detail != "203.0.113.0/24 spam" {
		t.Errorf("%+v %v", acts, err)
	}

	// One's own network only if that is meant; who runs the server comes in all the same.
	w.ok("POST", "/v1/network-bans", op.Token, `{"network":"198.51.100.0/24","minutes":60,"own":true}`, nil)
	if code := w.code(bob, "GET", "/v1/me", ""); code != chat.CodeUnauthorized {
		t.Errorf("a neighbour of the operator: %q", code)
	}
	for name, want := range map[string]string{"Bob": "forbidden", "Op": ""} {
		if code := w.post("/v1/login", enterAs(name)); code != want {
			t.Errorf("%s in the operator's network: %q, want %q", name, code, want)
		}
	}
	w.ok("GET", "/v1/network-bans", op.Token, "", &list)
	if len(list.Networks) != 2 || list.Networks[0].Network != "198.51.100.0/24" || list.Networks[0].ByName != "Op" {
		t.Errorf("%+v", list)
	}
	w.ok("DELETE", "/v1/network-bans?network=198.51.100.0/24", op.Token, "", nil)

	// A ban that is over keeps nobody out, and is removed.
	if err := w.store.PutNetworkBan(t.Context(), store.NetworkBan{Network: "203.0.113.0/24", Until: time.Now().UnixMilli()}); err != nil {
		t.Fatal(err)
	}
	if code := w.from("203.0.113.9", "POST", "/v1/guest", "", `{"name":"Eve"}`, nil); code != "" {
		t.Errorf("after its time: %q", code)
	}
	if err := w.networks.endNetworkBans(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, err := w.store.NetworkBans(t.Context(), 10); err != nil || len(left) != 1 {
		t.Errorf("%+v %v", left, err)
	}
}

func TestBannedGuestIsNotBackAtOnce(t *testing.T) {
	cfg := config()
	w := openWorld(t, cfg)
	op, near := w.operator("Op"), w.comeIn("Near")
	w.register("Bob")
	var eve credentials
	if code := w.from("203.0.113.9", "POST", "/v1/guest", "", `{"name":"Eve"}`, &eve); code != "" {
		t.Fatal(code)
	}
	w.ok("PUT", "/v1/bans/"+eve.User.ID, op.Token, `{}`, nil)
	w.ok("PUT", "/v1/bans/"+near.User.ID, op.Token, `{}`, nil)
	try := func(address, path, body, want string) {
		t.Helper()
		if code := w.from(address, "POST", path, "", body, nil); code != want {
			t.Errorf("%s from %s: %q, want %q", path, address, code, want)
		}
	}
	try("203.0.113.9", "/v1/guest", `{"name":"Eva"}`, "forbidden")
	try("203.0.113.9", "/v1/register", enterAs("Eva"), "forbidden")
	try("203.0.113.9", "/v1/login", enterAs("Bob"), "")
	try("203.0.113.8", "/v1/guest", `{"name":"Eva"}`, "")
	// where the operator is, nobody is kept out
	try("198.51.100.7", "/v1/guest", `{"name":"Nora"}`, "")
	w.ok("DELETE", "/v1/bans/"+eve.User.ID, op.Token, "", nil)
	try("203.0.113.9", "/v1/guest", `{"name":"Eva"}`, "")
}

func TestNewAccountsOfADay(t *testing.T) {
	cfg := config()
	cfg.AccountDay = 2
	w := openWorld(t, cfg)
	w.comeIn("Gus")
	w.register("Ann")
	for _, tt := range []struct{ address, path, body, code string }{
		{"198.51.100.7", "/v1/guest", `{"name":"Bob"}`, "rate_limited"},
		{"198.51.100.7", "/v1/register", enterAs("Bob"), "rate_limited"},
		{"198.51.100.8", "/v1/guest", `{"name":"Bob"}`, ""},
	} {
		if code := w.from(tt.address, "POST", tt.path, "", tt.body, nil); code != tt.code {
			t.Errorf("%s from %s: %q", tt.path, tt.address, code)
		}
	}
}

func TestGuestsGoEarly(t *testing.T) {
	cfg := config()
	cfg.SessionLife, cfg.GuestLife = 720*time.Hour, 24*time.Hour
	w := openWorld(t, cfg)
	gus, ann := w.comeIn("Gus"), w.register("Ann")
	ends := func(c credentials) time.Duration {
		t.Helper()
		all, err := w.store.SessionsOf(t.Context(), c.User.ID, 1)
		if err != nil || len(all) != 1 {
			t.Fatal(all, err)
		}
		return time.Until(time.UnixMilli(all[0].Expires)).Round(time.Hour)
	}
	if g, a := ends(gus), ends(ann); g != cfg.GuestLife || a != cfg.SessionLife {
		t.Errorf("a guest's session ends in %s, another's in %s", g, a)
	}
	w.ok("POST", "/v1/refresh", "", fmt.Sprintf(`{"refresh_token":%q}`, gus.Refresh), nil)
	w.ok("POST", "/v1/refresh", "", fmt.Sprintf(`{"refresh_token":%q}`, ann.Refresh), nil)
	if g, a := ends(gus), ends(ann); g != cfg.GuestLife || a != cfg.SessionLife {
		t.Errorf("after use, a guest's session ends in %s, another's in %s", g, a)
	}
}

// TestNetworkBansAreCached counts what log-ins ask of the store, and bans a network on another
// replica, with the bus and without.
func TestNetworkBansAreCached(t *testing.T) {
	server, kept := membus.NewServer(membus.Options{}), memory.New()
	one, two := start(t, config(), onServer(server), newFaulty(kept)), start(t, config(), onServer(server), newFaulty(kept))
	op := one.operator("Op")
	var asked atomic.Int64
	kept.Fail(func(call string, done bool) error {
		if call == "NetworkBans" && !done {
			asked.Add(1)
		}
		return nil
	})
	n := 0
	comes := func(w *world) string {
		n++
		return w.from("203.0.113.9", "POST", "/v1/guest", "", fmt.Sprintf(`{"name":"Gus%d"}`, n), nil)
	}
	for range 20 {
		if code := comes(two); code != "" {
			t.Fatal(code)
		}
	}
	if got := asked.Load(); got > 2 { // one more, where the control log was only just followed
		t.Errorf("20 guests read the bans of networks %d times", got)
	}
	ban := func() { one.ok("POST", "/v1/network-bans", op.Token, `{"network":"203.0.113.0/24"}`, nil) }
	unban := func() { one.ok("DELETE", "/v1/network-bans?network=203.0.113.0/24", op.Token, "", nil) }
	two.eventually("the control log is followed", func() bool {
		ban()
		banned := comes(two)
		unban()
		return banned == chat.CodeForbidden
	})
	ban()
	if code := comes(one); code != chat.CodeForbidden {
		t.Errorf("where it was banned: %q", code)
	}
	two.eventually("the other replica knows", func() bool { return comes(two) == chat.CodeForbidden })
	// What is not told is known in a while.
	two.Service.networks.cache.mu.Lock()
	two.Service.networks.cache.fresh = 20 * time.Millisecond
	two.Service.networks.cache.mu.Unlock()
	if err := kept.DeleteNetworkBan(t.Context(), "203.0.113.0/24"); err != nil {
		t.Fatal(err)
	}
	two.eventually("the store is asked again", func() bool { return comes(two) == "" })
}
