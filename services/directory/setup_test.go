package directory

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/bus/membus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
	"hubbub.internal/services/directory/store/memory"
)

// TestSetUp goes through what can come of a set-up link.
func TestSetUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := restart(t, config(), nil)
		w.register("Ann") // who comes first, and has no link
		if len(w.links) != 1 || len(w.operators()) != 0 {
			t.Fatalf("links %q, operators %q", w.links, w.operators())
		}
		first := w.links[0]
		w.stop()
		w = restart(t, config(), w.world)
		second := w.links[0]
		for _, tt := range []struct{ name, link, user, secret, code string }{
			{"a link that is none", "x", "Root2", "correct horse", "forbidden"},
			{"no link", "", "Root2", "correct horse", "forbidden"},
			{"a bad name", first, "two words", "correct horse", "bad_request"},
			{"a bad password", first, "Root2", "short", "bad_request"},
			{"another's account", first, "Ann", "wrong horse", "unauthorized"},
			{"a name like another's", first, "Апп", "correct horse", ""},
		} {
			if tt.code == "" {
				continue
			}
			if _, code := w.setup(tt.link, tt.user, tt.secret); code != tt.code {
				t.Errorf("%s: %q, want %q", tt.name, code, tt.code)
			}
		}
		if len(w.operators()) != 0 {
			t.Errorf("operators are %q", w.operators())
		}
		// Two at once, each with a link of another process: one of them runs the server, and the
		// other has no account.
		var codes [2]string
		var wait sync.WaitGroup
		for i, link := range []string{first, second} {
			wait.Go(func() { _, codes[i] = w.setup(link, fmt.Sprint("Chief", i), "correct horse") })
		}
		wait.Wait()
		ops := w.operators()
		if len(ops) != 1 || codes[0] == codes[1] || codes[0] != "" && codes[1] != "" {
			t.Fatalf("operators are %q, and the two were told %q", ops, codes)
		}
		all, err := w.memory.Users(t.Context(), "chief", 10)
		if err != nil || len(all) != 1 || all[0].ID != ops[0] {
			t.Errorf("accounts are %+v, %v", all, err)
		}
		for _, link := range []string{first, second} {
			if _, code := w.setup(link, "Late", "correct horse"); code != chat.CodeForbidden {
				t.Errorf("a used link: %q", code)
			}
		}
		w.stop()
		if again := restart(t, config(), w.world); len(again.links) != 0 {
			t.Error("a server that somebody runs makes a set-up link")
		}
	})
}

// TestSetUpLate: a link ends after a day, and the next start makes another.
func TestSetUpLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := restart(t, config(), nil)
		time.Sleep(setupLife + time.Second)
		if _, code := w.setup(w.links[0], "Root2", "correct horse"); code != chat.CodeForbidden {
			t.Errorf("a link of yesterday: %q", code)
		}
		w.stop()
		w = restart(t, config(), w.world)
		c, code := w.setup(w.links[0], "Root2", "correct horse")
		if code != "" || w.roleOf(c) != directoryapi.RoleOperator {
			t.Fatalf("a new link: %q", code)
		}
		if r := w.listed(c)["lobby"]; r.Role != directoryapi.RoleOwner {
			t.Errorf("the lobby is %+v", r)
		}
		a := w.audited(c, "action=server.setup")
		if len(a) != 1 || a[0].Actor != c.User.ID || a[0].Address != "198.51.100.7" || a[0].Outcome != store.OutcomeDone {
			t.Errorf("the log says %+v", a)
		}
	})
}

// TestSetUpOfAnAccount makes an operator of an account that there is.
func TestSetUpOfAnAccount(t *testing.T) {
	w := restart(t, config(), nil)
	ann := w.register("Ann")
	c, code := w.setup(w.links[0], "ann", "correct horse")
	if code != "" || c.User.ID != ann.User.ID || w.roleOf(ann) != directoryapi.RoleOperator {
		t.Errorf("%q, %+v", code, c.User)
	}
}

// TestSetUpIsLogged finds the link in the log of a service that has nobody to tell it.
func TestSetUpIsLogged(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	svc, err := New(config(), Deps{Bus: onServer(membus.NewServer(membus.Options{}))(t), Store: memory.New(), Log: zap.New(core)})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Service: svc, t: t}
	w.stop = background(t, svc.Run)
	w.eventually("it serves", func() bool { return w.Ready(t.Context()) == nil })
	for _, e := range logs.All() {
		page, _ := e.ContextMap()["page"].(string)
		if link, ok := strings.CutPrefix(page, "#/setup/"); ok {
			if c, code := (&setupWorld{world: w}).setup(link, "Root2", "correct horse"); code != "" || w.roleOf(c) != directoryapi.RoleOperator {
				t.Errorf("the link in the log: %q", code)
			}
			return
		}
	}
	t.Errorf("the log says %+v", logs.All())
}

// TestBadSetupLinksFillNoLog: who makes links up is told to wait, and is not written down each
// time.
func TestBadSetupLinksFillNoLog(t *testing.T) {
	cfg := config()
	cfg.LoginAttempts = 3
	w := openWorld(t, cfg)
	core, logs := observer.New(zap.WarnLevel)
	w.log = zap.New(core)
	for i := range 5 {
		want := "forbidden"
		if i >= cfg.LoginAttempts {
			want = "rate_limited"
		}
		if _, code := w.call("POST", "/v1/setup", "", `{"link":"made-up","name":"Eve","password":"correct horse"}`, nil); code != want {
			t.Errorf("link %d: %q, want %q", i, code, want)
		}
	}
	if logs.Len() != cfg.LoginAttempts {
		t.Errorf("the log has %d lines", logs.Len())
	}
}
