package directory

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
)

// TestAdmin goes over the bus through all that hubbub admin can ask for.
func TestAdmin(t *testing.T) {
	w := openWorld(t, config())
	client := directoryapi.NewClient(w.bus)
	ask := func(r directoryapi.AdminRequest) (directoryapi.AdminReply, string) {
		t.Helper()
		if r.By == "" {
			r.By = "root@host"
		}
		reply, err := client.Admin(t.Context(), r)
		if err != nil {
			return reply, chat.CodeOf(err)
		}
		return reply, ""
	}
	bob, eve, gus := w.register("Bob"), w.register("Eve"), w.comeIn("Gus")
	var made directoryapi.AdminReply
	for _, tt := range []struct {
		name    string
		request directoryapi.AdminRequest
		code    string
	}{
		{"nobody asks", directoryapi.AdminRequest{Do: "users", By: " "}, "bad_request"},
		{"nothing", directoryapi.AdminRequest{User: "Bob"}, "bad_request"},
		{"what there is not", directoryapi.AdminRequest{Do: "fly", User: "Bob"}, "bad_request"},
		{"of nobody", directoryapi.AdminRequest{Do: "promote", User: "nobody"}, "not_found"},
		{"a bad name", directoryapi.AdminRequest{Do: "promote", User: "two words"}, "not_found"},
		{"an account with a bad name", directoryapi.AdminRequest{Do: "create", User: "two words"}, "bad_request"},
		{"an account that there is", directoryapi.AdminRequest{Do: "create", User: "bob"}, "conflict"},
		{"a reserved name", directoryapi.AdminRequest{Do: "create", User: "admin"}, "conflict"},
		{"the first operator, by name", directoryapi.AdminRequest{Do: "promote", User: "bob"}, ""},
		{"the last operator", directoryapi.AdminRequest{Do: "demote", User: "Bob"}, "conflict"},
		{"an operator", directoryapi.AdminRequest{Do: "ban", User: "Bob"}, "forbidden"},
		{"an operator", directoryapi.AdminRequest{Do: "disable", User: "Bob"}, "forbidden"},
		{"a guest", directoryapi.AdminRequest{Do: "promote", User: gus.User.ID}, "conflict"},
		{"an auditor, by id", directoryapi.AdminRequest{Do: "promote", User: eve.User.ID, Role: "auditor"}, ""},
		{"a role that there is not", directoryapi.AdminRequest{Do: "promote", User: "Eve", Role: "king"}, "bad_request"},
		{"a demotion", directoryapi.AdminRequest{Do: "demote", User: "Eve"}, ""},
		{"a ban", directoryapi.AdminRequest{Do: "ban", User: "Eve", Note: "spam", Minutes: 60}, ""},
		{"a promotion of who is banned", directoryapi.AdminRequest{Do: "promote", User: "Eve"}, "conflict"},
		{"the end of a ban", directoryapi.AdminRequest{Do: "unban", User: "Eve"}, ""},
		{"disabling", directoryapi.AdminRequest{Do: "disable", User: "Eve"}, ""},
		{"enabling", directoryapi.AdminRequest{Do: "enable", User: "Eve"}, ""},
		{"signing out", directoryapi.AdminRequest{Do: "sign-out", User: "Bob"}, ""},
		{"an invitation for nobody", directoryapi.AdminRequest{Do: "invite"}, "bad_request"},
		{"no invitation", directoryapi.AdminRequest{Do: "revoke", User: "none"}, "not_found"},
		{"an audit of nonsense", directoryapi.AdminRequest{Do: "audit", Filter: directoryapi.AdminFilter{Since: 5, Until: 5}}, "bad_request"},
	} {
		if _, code := ask(tt.request); code != tt.code {
			t.Errorf("%s: %q, want %q", tt.name, code, tt.code)
		}
	}
	if _, code := w.call("POST", "/v1/refresh", "", refreshBody(bob), nil); code != chat.CodeUnauthorized {
		t.Errorf("who was signed out refreshes: %q", code)
	}
	w.ok("POST", "/v1/login", "", `{"name":"Bob","password":"correct horse"}`, &bob)
	if w.roleOf(bob) != directoryapi.RoleOperator {
		t.Error("who was promoted is no operator")
	}

	// An account, whose owner chooses the password by a link.
	made, code := ask(directoryapi.AdminRequest{Do: "create", User: "Zoe"})
	secret, ok := strings.CutPrefix(made.Link, "#/reset/")
	if code != "" || !ok {
		t.Fatalf("an account: %q, %+v", code, made)
	}
	w.ok("POST", "/v1/reset", "", fmt.Sprintf(`{"secret":%q,"password":"battery staple"}`, secret), nil)
	w.ok("POST", "/v1/login", "", `{"name":"Zoe","password":"battery staple"}`, nil)
	// And one who has forgotten it: also an operator.
	for _, name := range []string{"Zoe", "Bob"} {
		if made, code = ask(directoryapi.AdminRequest{Do: "reset", User: name}); code != "" || !strings.HasPrefix(made.Link, "#/reset/") {
			t.Errorf("a reset of %s: %q, %+v", name, code, made)
		}
	}

	w.ok("PATCH", "/v1/server", bob.Token, `{"registration":"invited"}`, nil)
	made, code = ask(directoryapi.AdminRequest{Do: "invite", Uses: 1, Note: "for Max"})
	link, ok := strings.CutPrefix(made.Link, "?invite=")
	if _, refused := w.registers("Max", link); code != "" || !ok || refused != "" {
		t.Errorf("an invitation: %q, %q; registering with it: %q", made.Link, code, refused)
	}
	list, _ := ask(directoryapi.AdminRequest{Do: "invitations"})
	var i invitationLinkView
	if len(list.Lines) != 1 || json.Unmarshal(list.Lines[0], &i) != nil || i.Used != 1 || i.ByName != "hubbub admin (root@host)" {
		t.Errorf("invitations: %s", list.Lines)
	}
	if _, code := ask(directoryapi.AdminRequest{Do: "revoke", User: i.ID}); code != "" {
		t.Errorf("taking it back: %q", code)
	}
	list, _ = ask(directoryapi.AdminRequest{Do: "users", User: "z"})
	if len(list.Lines) != 1 || !strings.Contains(string(list.Lines[0]), `"name":"Zoe"`) {
		t.Errorf("users whose name begins with z: %s", list.Lines)
	}

	// All of it is in the audit log, and that the log was read.
	list, _ = ask(directoryapi.AdminRequest{Do: "audit"})
	var actions []string
	for _, line := range list.Lines {
		var a actView
		if err := json.Unmarshal(line, &a); err != nil {
			t.Fatal(err)
		}
		if a.ActorName == "hubbub admin (root@host)" && a.Actor == "" && a.Outcome == "done" {
			actions = append(actions, a.Action)
		}
	}
	slices.Reverse(actions)
	want := "server.role server.role server.role server.ban server.unban account.disable account.enable account.sign-out " +
		"account.create account.reset.link account.reset.link account.reset.link invitation.create invitation.revoke audit.export"
	if got := strings.Join(actions, " "); got != want {
		t.Errorf("the log has\n%s, want\n%s", got, want)
	}
}

// TestAdminHandler: the same over HTTP, with errors that have a code.
func TestAdminHandler(t *testing.T) {
	w := openWorld(t, config())
	w.register("Bob")
	for _, tt := range []struct {
		body   string
		status int
		says   string
	}{
		{`{"do":"promote","user":"Bob","by":"me"}`, http.StatusOK, "{}"},
		// which the line before has made
		{`{"do":"demote","user":"Bob","by":"me"}`, http.StatusConflict, "last operator"},
		{`{"do":"demote","user":"Bob"}`, http.StatusBadRequest, "name of who asks"},
		{`nonsense`, http.StatusBadRequest, "AdminRequest"},
	} {
		rec := httptest.NewRecorder()
		w.AdminHandler().ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/", strings.NewReader(tt.body)))
		if rec.Code != tt.status || !strings.Contains(rec.Body.String(), tt.says) {
			t.Errorf("%s: %d %s", tt.body, rec.Code, rec.Body)
		}
	}
}

// TestLogNamesTheConsole: of a role that hubbub admin gives, the log says who asked.
func TestLogNamesTheConsole(t *testing.T) {
	w := openWorld(t, config())
	w.register("Bob")
	core, logs := observer.New(zap.InfoLevel)
	w.log = zap.New(core)
	if _, err := directoryapi.NewClient(w.bus).Admin(t.Context(), directoryapi.AdminRequest{Do: "promote", User: "Bob", By: "root@host"}); err != nil {
		t.Fatal(err)
	}
	said := logs.FilterMessage("gave a role on the server").All()
	if len(said) != 1 || said[0].ContextMap()["by"] != "hubbub admin (root@host)" {
		t.Errorf("the log says %+v", logs.All())
	}
}
