package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/bus/membus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store/memory"
)

// setupWorld is a world whose set-up links are told.
type setupWorld struct {
	*world
	links []string
}

// restart starts another process on the same bus and store; with none it makes them.
func restart(t *testing.T, cfg Config, before *world) *setupWorld {
	t.Helper()
	server, kept := membus.NewServer(membus.Options{}), memory.New()
	if before != nil {
		server, kept = before.server, before.memory
	}
	s := &setupWorld{}
	faults := newFaulty(kept)
	bus := onServer(server)
	svc, err := New(cfg, Deps{Bus: bus(t), Store: faults, Log: zap.NewNop(), Setup: func(secret string, _ time.Duration) { s.links = append(s.links, secret) }})
	if err != nil {
		t.Fatal(err)
	}
	svc.every = never
	s.world = &world{Service: svc, t: t, connect: bus, store: faults, server: server, memory: kept}
	s.stop = background(t, svc.Run)
	s.eventually("it serves", func() bool { return s.Ready(t.Context()) == nil })
	return s
}

func (s *setupWorld) setup(link, name, secret string) (c credentials, code string) {
	s.t.Helper()
	_, code = s.call("POST", "/v1/setup", "", fmt.Sprintf(`{"link":%q,"name":%q,"password":%q}`, link, name, secret), &c)
	return c, code
}

func (w *world) roleOf(c credentials) directoryapi.Role {
	w.t.Helper()
	var out struct{ Role directoryapi.Role }
	w.ok("GET", "/v1/server/me", c.Token, "", &out)
	return out.Role
}

func (w *world) operators() []string {
	w.t.Helper()
	r, err := w.Service.store.Server(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return r.InRole(directoryapi.RoleOperator)
}

// console is the context of who is at the console of the server.
func console(t *testing.T) context.Context {
	t.Helper()
	return asConsole(t.Context(), "hubbub admin (test)")
}

// TestNamesMakeNobodyAnOperator: whom the configuration names and who is no user yet is nobody, and
// becomes nobody.
func TestNamesMakeNobodyAnOperator(t *testing.T) {
	cfg := config()
	cfg.Owners = []string{"boss", "Ada"}
	w := restart(t, cfg, nil)
	for _, name := range []string{"Ada", "ada", "ADA", "Аdа", "Адa", "boss", "B0ss", "ᴀᴅᴀ", "Àda"} {
		var c credentials
		_, code := w.call("POST", "/v1/register", "", fmt.Sprintf(`{"name":%q,"password":"correct horse"}`, name), &c)
		if code == "" {
			w.keepHouse(t.Context())
			if role := w.roleOf(c); role != "" || w.code(c, "GET", "/v1/bans", "") != chat.CodeForbidden {
				t.Errorf("who registers as %q is %q of the server", name, role)
			}
			if name != "Àda" {
				t.Errorf("%q can be registered", name)
			}
		}
		if _, code := w.call("POST", "/v1/guest", "", fmt.Sprintf(`{"name":%q}`, name), nil); code == "" && name != "Àda" {
			t.Errorf("%q is a guest", name)
		}
	}
	if ops := w.operators(); len(ops) != 0 {
		t.Errorf("operators are %q", ops)
	}
	// Who has the set-up link may have such a name.
	c, code := w.setup(w.links[0], "Ada", "correct horse")
	if code != "" || w.roleOf(c) != directoryapi.RoleOperator {
		t.Errorf("by the set-up link: %q", code)
	}
}

// TestNamesOfTheReleaseBefore: who has one of the configured names when a release with roles starts
// first is an operator from then on; and later on nobody becomes one by a name.
func TestNamesOfTheReleaseBefore(t *testing.T) {
	before := restart(t, config(), nil)
	ada, bob := before.register("Ada"), before.register("Bob")
	before.stop()
	before.memory.Forget() // what the release before did not have
	cfg := config()
	cfg.Owners = []string{"Ada", "Zed"}
	w := restart(t, cfg, before.world)
	if w.roleOf(ada) != directoryapi.RoleOperator || len(w.links) != 0 {
		t.Errorf("the role is %q; links %q", w.roleOf(ada), w.links)
	}
	w.keepHouse(t.Context())
	if r := w.listed(ada)["lobby"]; r.Role != directoryapi.RoleOwner {
		t.Errorf("the lobby of an operator is %+v", r)
	}
	if a := w.audited(ada, "action=server.role"); len(a) != 1 || a[0].ActorName != "upgrade" || a[0].Subject != ada.User.ID {
		t.Errorf("the log says %+v", a)
	}
	w.ok("PUT", "/v1/server/users/"+bob.User.ID+"/role", ada.Token, `{"role":"operator"}`, nil)
	w.ok("PUT", "/v1/server/users/"+ada.User.ID+"/role", bob.Token, `{"role":""}`, nil)
	w.stop()
	again := restart(t, cfg, w.world)
	if role := again.roleOf(ada); role != "" {
		t.Errorf("the next start gives the role again: %q", role)
	}
	if r := again.listed(ada)["lobby"]; r.Role != directoryapi.RoleMember {
		t.Errorf("the lobby of who was an operator is %+v", r)
	}
}

func TestServerRoles(t *testing.T) {
	w := openWorld(t, config())
	ann, bob, eve, off := w.operator("Ann"), w.register("Bob"), w.register("Eve"), w.register("Off")
	gus := w.comeIn("Gus")
	w.ok("PUT", "/v1/bans/"+eve.User.ID, ann.Token, `{}`, nil)
	w.ok("PUT", "/v1/server/users/"+off.User.ID+"/disabled", ann.Token, `{"disabled":true}`, nil)
	role := func(c credentials) string { return "/v1/server/users/" + c.User.ID + "/role" }
	for _, tt := range []struct {
		name       string
		who        credentials
		path, body string
		code       string
	}{
		{"somebody makes themself an operator", bob, role(bob), `{"role":"operator"}`, "forbidden"},
		{"somebody puts the operator out", bob, role(ann), `{"role":""}`, "forbidden"},
		{"the last operator steps down", ann, role(ann), `{"role":""}`, "conflict"},
		{"the last operator becomes an auditor", ann, role(ann), `{"role":"auditor"}`, "conflict"},
		{"a role that there is not", ann, role(bob), `{"role":"king"}`, "bad_request"},
		{"a role of rooms", ann, role(bob), `{"role":"owner"}`, "bad_request"},
		{"nobody", ann, "/v1/server/users/nobody/role", `{"role":"auditor"}`, "not_found"},
		{"a guest", ann, role(gus), `{"role":"auditor"}`, "conflict"},
		{"who is banned", ann, role(eve), `{"role":"operator"}`, "conflict"},
		{"whose account is disabled", ann, role(off), `{"role":"operator"}`, "conflict"},
		{"an auditor is made", ann, role(bob), `{"role":"auditor"}`, ""},
		{"an auditor makes themself an operator", bob, role(bob), `{"role":"operator"}`, "forbidden"},
		{"an auditor steps down without being asked", bob, role(bob), `{"role":""}`, "forbidden"},
		{"an auditor is banned", ann, "/v1/bans/" + bob.User.ID, `{}`, ""},
	} {
		if c := w.code(tt.who, "PUT", tt.path, tt.body); c != tt.code {
			t.Errorf("%s: %q, want %q", tt.name, c, tt.code)
		}
	}
	w.ok("DELETE", "/v1/bans/"+bob.User.ID, ann.Token, "", nil)
	w.ok("POST", "/v1/login", "", `{"name":"Bob","password":"correct horse"}`, &bob)
	// An auditor reads what an operator reads, and does nothing.
	for path, code := range map[string]string{"/v1/audit": "", "/v1/audit/export": "", "/v1/bans": "", "/v1/server/users": ""} {
		if c := w.code(bob, "GET", path, ""); c != code {
			t.Errorf("an auditor at %s: %q", path, c)
		}
	}
	for _, path := range []string{"/v1/bans/" + eve.User.ID, "/v1/server/users/" + eve.User.ID + "/disabled"} {
		if c := w.code(bob, "PUT", path, `{"disabled":true}`); c != chat.CodeForbidden {
			t.Errorf("an auditor at %s: %q", path, c)
		}
	}
	// A second operator: they can put each other out, and no other way.
	w.ok("PUT", role(bob), ann.Token, `{"role":"operator"}`, nil)
	for _, path := range []string{"/v1/bans/", "/v1/server/users/"} {
		body := `{"disabled":true}`
		if path != "/v1/bans/" {
			path += bob.User.ID + "/disabled"
		} else {
			path += bob.User.ID
		}
		if c := w.code(ann, "PUT", path, body); c != chat.CodeForbidden {
			t.Errorf("an operator is put out by %s: %q", path, c)
		}
	}
	if c := w.code(ann, "POST", "/v1/server/users/"+bob.User.ID+"/sign-out", ""); c != chat.CodeForbidden {
		t.Errorf("an operator is signed out: %q", c)
	}
	w.ok("PUT", role(bob), ann.Token, `{"role":"operator"}`, nil) // who is one
	w.ok("PUT", role(ann), bob.Token, `{"role":""}`, nil)
	if c := w.code(ann, "GET", "/v1/audit", ""); c != chat.CodeForbidden {
		t.Errorf("who was an operator reads the log: %q", c)
	}
	var users serverUsersOutput
	w.ok("GET", "/v1/server/users", bob.Token, "", &users)
	roles := map[string]string{}
	for _, u := range users.Users {
		roles[u.Name] = fmt.Sprint(u.Role, " ", u.Guest, " ", u.Banned)
	}
	if len(roles) != 5 || roles["Bob"] != "operator false false" || roles["Ann"] != " false false" || roles["Gus (guest)"] != " true false" || roles["Eve"] != " false true" {
		t.Errorf("users are %v", roles)
	}
}

// TestLastOperatorAtOnce has two operators put each other out at the same moment, again and again:
// one is left each time.
func TestLastOperatorAtOnce(t *testing.T) {
	w := openWorld(t, config())
	ann, bob := w.operator("Ann"), w.operator("Bob")
	for range 30 {
		for _, c := range []credentials{ann, bob} {
			if err := w.Service.operators.setServerRole(console(t), "", c.User.ID, directoryapi.RoleOperator); err != nil {
				t.Fatal(err)
			}
		}
		var wait sync.WaitGroup
		for _, pair := range [][2]credentials{{ann, bob}, {bob, ann}} {
			wait.Go(func() {
				err := w.Service.operators.setServerRole(t.Context(), pair[0].User.ID, pair[1].User.ID, "")
				if code := chat.CodeOf(err); err != nil && code != chat.CodeForbidden && code != chat.CodeConflict {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if ops := w.operators(); len(ops) != 1 {
			t.Fatalf("operators are %q", ops)
		}
	}
}

// TestBannedWhileBecomingAnOperator crosses a ban with the role: the role counts, so that somebody
// is left who can get in.
func TestBannedWhileBecomingAnOperator(t *testing.T) {
	w := openWorld(t, config())
	ann, bob := w.operator("Ann"), w.register("Bob")
	var once sync.Once
	w.memory.Fail(func(call string, done bool) error {
		if call == "PutBan" && !done {
			once.Do(func() {
				err := errors.Join(w.Service.operators.setServerRole(console(t), "", bob.User.ID, directoryapi.RoleOperator), w.Service.operators.setServerRole(console(t), "", ann.User.ID, ""))
				if err != nil {
					t.Error(err)
				}
			})
		}
		return nil
	})
	_ = w.code(ann, "PUT", "/v1/bans/"+bob.User.ID, `{}`)
	w.memory.Fail(nil)
	if _, code := w.call("POST", "/v1/login", "", `{"name":"Bob","password":"correct horse"}`, &bob); code != "" {
		t.Errorf("the only operator cannot log in: %q", code)
	}
	if w.roleOf(bob) != directoryapi.RoleOperator {
		t.Error("nobody runs the server")
	}
}

func TestDisabled(t *testing.T) {
	w := openWorld(t, config())
	ann, bob := w.operator("Ann"), w.register("Bob")
	path := "/v1/server/users/" + bob.User.ID + "/disabled"
	w.ok("PUT", path, ann.Token, `{"disabled":true}`, nil)
	w.ok("PUT", path, ann.Token, `{"disabled":true}`, nil)
	login := `{"name":"Bob","password":"correct horse"}`
	for path, body := range map[string]string{"/v1/login": login, "/v1/refresh": refreshBody(bob)} {
		if status, code := w.call("POST", path, "", body, nil); code == "" {
			t.Errorf("%s of a disabled account: %d", path, status)
		}
	}
	if _, code := w.call("POST", "/v1/login", "", login, nil); code != chat.CodeForbidden {
		t.Errorf("a disabled account is told %q", code)
	}
	w.ok("PUT", path, ann.Token, `{"disabled":false}`, nil)
	w.ok("POST", "/v1/login", "", login, &bob)
	var actions []string
	for _, a := range w.audited(ann, "subject="+bob.User.ID) {
		actions = append(actions, a.Action)
	}
	if got := strings.Join(actions, " "); got != "account.create account.disable account.enable" {
		t.Errorf("the log says %s", got)
	}
}
