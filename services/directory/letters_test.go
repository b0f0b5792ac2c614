package directory

import (
	"strings"
	"testing"
	"time"

	"hubbub.internal/libs/bus/membus"
	"hubbub.internal/libs/freeport"
	"hubbub.internal/services/directory/mail/smtptest"
	"hubbub.internal/services/directory/store"
	"hubbub.internal/services/directory/store/memory"
)

// TestLettersOutlastTheProcess stops the service while the mail server is down: the next process
// sends what waited, once, with links that are good, and those that were made before are not.
func TestLettersOutlastTheProcess(t *testing.T) {
	for name, kept := range map[string]func(*testing.T) *faulty{
		"memory": func(*testing.T) *faulty { return newFaulty(memory.New()) }, "sqlite": openStore,
	} {
		t.Run(name, func(t *testing.T) {
			addr, err := freeport.Addr()
			if err != nil {
				t.Fatal(err)
			}
			cfg := config()
			cfg.SMTPURL, cfg.MailFrom, cfg.PageURL = "smtp+plain://"+addr, "Chat <chat@example.org>", "https://chat.example/in"
			bus, s := onServer(membus.NewServer(membus.Options{})), kept(t)
			w := start(t, cfg, bus, s)
			ann, bob := w.register("Ann"), w.register("Bob")
			address := "ann@example.org"
			if err := s.PatchAccount(t.Context(), ann.User.ID, store.AccountPatch{Mail: &address, MailKey: &address}); err != nil {
				t.Fatal(err)
			}
			w.ok("PUT", "/v1/mail", bob.Token, `{"address":"bob@example.org","password":"correct horse"}`, nil)
			w.ok("POST", "/v1/password", ann.Token, `{"current":"correct horse","password":"battery staple"}`, nil)
			if code := w.forgotCode("Ann", somewhere); code != "" {
				t.Fatal(code)
			}
			w.eventually("all were tried", func() bool {
				acts, err := s.Acts(t.Context(), store.ActFilter{Action: actResetLink}, 10)
				return err == nil && len(acts) == 1 && acts[0].Outcome == store.OutcomeDone
			})
			w.stop()

			sink := smtptest.StartAt(t, addr, "", "")
			w = start(t, cfg, bus, s)
			links := map[string]string{}
			for range 3 {
				m := sink.Next(t)
				switch {
				case m.To == "bob@example.org":
					links["mail"] = linkIn(t, m, "mail")
				case strings.Contains(m.Text, "was changed"):
					links["notice"] = m.To
				default:
					links["reset"] = linkIn(t, m, "reset")
				}
			}
			if links["notice"] != address {
				t.Errorf("letters are %+v", links)
			}
			w.ok("POST", "/v1/mail/confirm", "", `{"secret":"`+links["mail"]+`"}`, nil)
			if code := w.resetCode(links["reset"], "another staple"); code != "" {
				t.Errorf("the link for a new password: %q", code)
			}
			if m := sink.Next(t); !strings.Contains(m.Text, "was changed") {
				t.Errorf("then comes %+v", m)
			}
			left := func() []store.Letter {
				all, err := s.FreeLetters(t.Context(), 1<<60, 10)
				if err != nil {
					t.Fatal(err)
				}
				return all
			}
			w.eventually("nothing is left", func() bool { return len(left()) == 0 })
			w.stop()
			if sink.Waiting() != 0 {
				t.Error("a letter comes twice")
			}
		})
	}
}

// TestLettersOfTheDead: what a process held that says nothing any more, another sends, and nothing
// that another holds, or that is too late.
func TestLettersOfTheDead(t *testing.T) {
	w, sink := openMailWorld(t)
	now := time.Now()
	letter := func(id, to string, expires, until time.Duration) {
		l := store.Letter{
			ID: id, Kind: store.LetterNotice, To: to, Subject: "News", Text: "Hello", Expires: now.Add(expires).UnixMilli(), Holder: "another", Until: now.Add(until).UnixMilli(),
		}
		if err := w.store.PutLetter(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	letter("l1", "held@example.org", time.Hour, time.Hour)
	letter("l2", "late@example.org", -time.Second, -time.Second)
	letter("l3", "dead@example.org", time.Hour, -time.Second)
	for range 2 {
		if err := w.letters.claimLetters(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if m := sink.Next(t); m.To != "dead@example.org" {
		t.Errorf("a mail to %s", m.To)
	}
	w.eventually("the other's is left alone", func() bool {
		all, err := w.store.FreeLetters(t.Context(), 1<<60, 10)
		return err == nil && len(all) == 1 && all[0].ID == "l1" && all[0].Holder == "another"
	})
	if sink.Waiting() != 0 {
		t.Error("another letter was sent")
	}
}
