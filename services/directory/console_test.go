package directory

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/bus/membus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
	"hubbub.internal/services/directory/store/memory"
)

// admin asks for something at the console.
func (w *world) admin(r directoryapi.AdminRequest) (directoryapi.AdminReply, string) {
	w.t.Helper()
	r.By = "root"
	reply, err := w.commands.answerAdmin(w.t.Context(), r)
	return reply, chat.CodeOf(err)
}

// TestConsoleBansForATime: what is said at the console of a ban is kept with it.
func TestConsoleBansForATime(t *testing.T) {
	w := idle(t, config())
	eve := w.register("Eve")
	before := time.Now()
	if _, code := w.admin(directoryapi.AdminRequest{Do: directoryapi.AdminBan, User: "Eve", Note: "spam", Minutes: 60}); code != "internal" && code != "" {
		t.Fatal(code)
	}
	b, err := w.store.Ban(t.Context(), wholeServer, eve.User.ID)
	if life := time.UnixMilli(b.Until).Sub(before); err != nil || b.Reason != "spam" || life < 59*time.Minute || life > 61*time.Minute {
		t.Errorf("the ban is %+v, for %s, %v", b, life, err)
	}
}

// TestConsoleReadsInPages: lists of the console go on where they ended, and of a copy of the audit
// log that takes several there is one note.
func TestConsoleReadsInPages(t *testing.T) {
	w := idle(t, config())
	for i := range maxActs + 5 {
		a := store.Act{ID: fmt.Sprintf("%s7000-8000-%012d", store.ActIDAt(1_700_000_000_000), i), Action: "test", Outcome: store.OutcomeDone}
		if err := w.store.PutAct(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		v := store.InvitationLink{ID: fmt.Sprintf("i%05d", i), Hash: fmt.Append(nil, i), Uses: 1, Expires: 1 << 50}
		if err := w.store.CreateInvitationLink(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	}
	for do, want := range map[string]int{directoryapi.AdminAudit: maxActs + 6, directoryapi.AdminInvitations: maxActs + 5} {
		seen, pages := map[string]bool{}, 0
		for after := ""; pages < 10; pages++ {
			reply, code := w.admin(directoryapi.AdminRequest{Do: do, After: after})
			if code != "" && code != "internal" {
				t.Fatal(do, code)
			}
			for _, line := range reply.Lines {
				seen[string(line)] = true
			}
			if after = reply.Next; after == "" {
				break
			}
		}
		if len(seen) != want || pages == 0 {
			t.Errorf("%s: %d in %d pages, want %d", do, len(seen), pages+1, want)
		}
	}
	if _, code := w.admin(directoryapi.AdminRequest{Do: directoryapi.AdminAudit, Filter: directoryapi.AdminFilter{Room: "a b"}}); code != chat.CodeBadRequest {
		t.Errorf("a filter of nonsense: %q", code)
	}
	if _, code := w.admin(directoryapi.AdminRequest{Do: directoryapi.AdminAudit, After: "a b"}); code != chat.CodeBadRequest {
		t.Errorf("a page after nonsense: %q", code)
	}
}

// TestConsoleOfAStart: before the service is prepared the console is told so, and it is not sent
// more than it reads.
func TestConsoleOfAStart(t *testing.T) {
	server := membus.NewServer(membus.Options{})
	cfg := config()
	cfg.Owners = []string{"Boss"}
	s, err := New(cfg, Deps{Bus: onServer(server)(t), Store: memory.New(), Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(body string) int {
		rec := httptest.NewRecorder()
		s.AdminHandler().ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body)))
		return rec.Code
	}
	// The name of an owner is kept for whoever is at the console.
	create := func(name string) string { return fmt.Sprintf(`{"do":"create","user":%q,"by":"root"}`, name) }
	if code := ask(create("Boss")); code != http.StatusServiceUnavailable {
		t.Errorf("before the start: %d", code)
	}
	if !s.prepare(t.Context()) {
		t.Fatal("not prepared")
	}
	for name, want := range map[string]int{"B0ss": http.StatusConflict, "admin": http.StatusConflict, "Boss": http.StatusOK} {
		if code := ask(create(name)); code != want {
			t.Errorf("%s: %d, want %d", name, code, want)
		}
	}
	if code := ask(`{"do":"users","by":"root","note":"` + strings.Repeat("x", maxAdminRequest) + `"}`); code != http.StatusBadRequest {
		t.Errorf("more than is read: %d", code)
	}
}
