package directory

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/mail/smtptest"
	"hubbub.internal/services/directory/store"
)

// openMailWorld starts a service that sends mail to a sink.
func openMailWorld(t *testing.T) (*world, *smtptest.Sink) {
	t.Helper()
	sink := smtptest.Start(t, "", "")
	cfg := config()
	cfg.SMTPURL, cfg.MailFrom, cfg.PageURL = "smtp+plain://"+sink.Addr, "Chat <chat@example.org>", "https://chat.example/in"
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	return openWorld(t, cfg), sink
}

var linkInMail = regexp.MustCompile(`https://chat\.example/in/#/(reset|mail)/([A-Za-z0-9_-]{43})\s`)

// linkIn returns the secret of the link in a mail.
func linkIn(t *testing.T, m smtptest.Mail, kind string) string {
	t.Helper()
	found := linkInMail.FindStringSubmatch(strings.ReplaceAll(m.Text, "=\r\n", ""))
	if found == nil || found[1] != kind {
		t.Fatalf("no link to %s in %s", kind, m.Text)
	}
	return found[2]
}

// withMail gives an account a mail address.
func (w *world) withMail(sink *smtptest.Sink, c credentials, address string) {
	w.t.Helper()
	w.ok("PUT", "/v1/mail", c.Token, fmt.Sprintf(`{"address":%q,"password":"correct horse"}`, address), nil)
	m := sink.Next(w.t)
	if m.To != address {
		w.t.Fatalf("the link to confirm %s went to %s", address, m.To)
	}
	w.ok("POST", "/v1/mail/confirm", "", fmt.Sprintf(`{"secret":%q}`, linkIn(w.t, m, "mail")), nil)
}

func (w *world) forgotCode(who, remote string) string {
	w.t.Helper()
	_, code := w.call("POST", "/v1/forgot", "", fmt.Sprintf(`{"who":%q}`, who), nil, "remote", remote)
	return code
}

const somewhere = "203.0.113.50:1"

// TestForgot has somebody choose a new password by a mail.
func TestForgot(t *testing.T) {
	w, sink := openMailWorld(t)
	ann := w.register("Ann")
	w.withMail(sink, ann, "Ann@Example.org")
	op := w.operator("Op")
	var theirs resetOutput
	w.ok("POST", "/v1/users/"+ann.User.ID+"/reset", op.Token, `{}`, &theirs)
	var links []string
	for _, who := range []string{"ann", " ann@example.ORG "} {
		if code := w.forgotCode(who, somewhere); code != "" {
			t.Fatalf("%q: %q", who, code)
		}
		m := sink.Next(t)
		// where it was confirmed, and not what somebody writes
		if m.To != "Ann@Example.org" || m.From != "chat@example.org" {
			t.Fatalf("the mail is %+v", m)
		}
		links = append(links, linkIn(t, m, "reset"))
	}
	x, err := w.store.Ticket(t.Context(), ticketHash(links[1]))
	if err != nil || x.Expires-x.Created != forgotLife.Milliseconds() {
		t.Errorf("the link is kept as %+v, %v", x, err)
	}
	if _, err := w.store.Ticket(t.Context(), ticketHash(theirs.Secret)); err != nil {
		t.Errorf("the operator's link: %v", err) // strangers void none
	}
	for _, tt := range []struct{ name, secret, code string }{
		{"the first link, which a second followed", links[0], "forbidden"}, {"the second", links[1], ""}, {"it again", links[1], "forbidden"},
		{"the operator's, after a new password", theirs.Secret, "forbidden"},
	} {
		if code := w.resetCode(tt.secret, "battery staple"); code != tt.code {
			t.Errorf("%s: %q, want %q", tt.name, code, tt.code)
		}
	}
	if code := w.refreshCode(ann); code != chat.CodeUnauthorized || len(w.live(ann)) != 0 {
		t.Errorf("a log-in from before: %q", code)
	}
	if m := sink.Next(t); m.To != "Ann@Example.org" || !strings.Contains(m.Text, "was changed") || linkInMail.MatchString(m.Text) {
		t.Errorf("the notice is %+v", m)
	}
	acts, err := w.store.Acts(t.Context(), store.ActFilter{Subject: ann.User.ID, Action: actResetLink}, 10)
	if err != nil || len(acts) != 3 || acts[0].Detail != "by mail" || acts[0].Address != "203.0.113.50" || acts[0].Actor != "" || acts[0].Outcome != store.OutcomeDone {
		t.Errorf("written down: %+v, %v", acts, err)
	}
	w.eventually("all are counted", func() bool { return testutil.ToFloat64(w.metrics.mails.WithLabelValues("sent")) == 4 })
}

// TestForgotTellsNothing asks for accounts that there are and that there are not: the answer is the
// same, and nothing is looked up for it, so that it takes as long. The question alone is kept.
func TestForgotTellsNothing(t *testing.T) {
	w, sink := openMailWorld(t)
	ann := w.register("Ann")
	w.withMail(sink, ann, "ann@example.org")
	w.register("Bob") // who has no mail address
	w.comeIn("Gus")
	release := make(chan struct{})
	w.memory.Fail(func(call string, _ bool) error {
		if call != "PutLetter" {
			<-release
		}
		return nil
	})
	for _, who := range []string{"Ann", "ann@example.org", "Bob", "Gus", "nobody", "nobody@example.org", "not a name!"} {
		status, code := w.call("POST", "/v1/forgot", "", fmt.Sprintf(`{"who":%q}`, who), nil, "remote", somewhere)
		if status != 200 || code != "" {
			t.Errorf("%q is answered %d %s", who, status, code)
		}
	}
	close(release)
	if m := sink.Next(t); m.To != "ann@example.org" {
		t.Errorf("a mail to %s", m.To)
	}
	if m := sink.Next(t); m.To != "ann@example.org" {
		t.Errorf("a mail to %s", m.To)
	}
	w.ok("PATCH", "/v1/settings", ann.Token, `{"listed":false}`, nil)
	if sink.Waiting() != 0 {
		t.Error("somebody else had mail")
	}
}

// TestForgotIsLimited asks again and again: for one account, whether there is one or not, and from
// one network.
func TestForgotIsLimited(t *testing.T) {
	w, sink := openMailWorld(t)
	ann := w.register("Ann")
	w.withMail(sink, ann, "ann@example.org")
	for _, who := range []string{"Ann", "nobody"} {
		for i := range mailsHour + 1 {
			want := ""
			if i == mailsHour {
				want = chat.CodeRateLimited
			}
			if code := w.forgotCode(who, fmt.Sprintf("203.0.113.%d:1", i)); code != want {
				t.Errorf("%s, request %d: %q, want %q", who, i, code, want)
			}
		}
	}
	// By the address the account has as many as by its name, together: one was the link to confirm
	// it.
	for range mailsHour {
		if code := w.forgotCode("ann@example.org", "203.0.113.9:1"); code != "" {
			t.Error(code)
		}
	}
	for range mailsHour - 1 {
		sink.Next(t)
	}
	for i := range mailsHour * mailsFactor {
		if code := w.forgotCode(fmt.Sprint("x", i), "198.51.100.77:1"); code != "" {
			t.Fatalf("request %d from a network: %q", i, code)
		}
	}
	if code := w.forgotCode("y", "198.51.100.77:1"); code != chat.CodeRateLimited {
		t.Errorf("one more from the network: %q", code)
	}
	if n := sink.Waiting(); n != 0 {
		t.Errorf("%d mails too many", n)
	}
}

// TestMailAddress gives an account a mail address, changes it, and takes it away.
func TestMailAddress(t *testing.T) {
	w, sink := openMailWorld(t)
	w.historian()
	ann, gus := w.register("Ann"), w.comeIn("Gus")
	for _, tt := range []struct {
		name, body string
		who        credentials
		code       string
	}{
		{"a wrong password", `{"address":"ann@example.org","password":"wrong horse"}`, ann, "forbidden"},
		{"a guest", `{"address":"gus@example.org","password":"correct horse"}`, gus, "forbidden"},
		{"no address", `{"address":"ann","password":"correct horse"}`, ann, "bad_request"},
		{"two headers", `{"address":"ann@example.org\r\nBcc: eve@example.org","password":"correct horse"}`, ann, "bad_request"},
	} {
		if code := w.code(tt.who, "PUT", "/v1/mail", tt.body); code != tt.code {
			t.Errorf("%s: %q, want %q", tt.name, code, tt.code)
		}
	}
	address := func() string {
		var v mailView
		w.ok("GET", "/v1/mail", ann.Token, "", &v)
		if !v.Possible {
			t.Error("mail is not possible")
		}
		return v.Address
	}
	confirm := func(secret string) string {
		_, code := w.call("POST", "/v1/mail/confirm", "", fmt.Sprintf(`{"secret":%q}`, secret), nil)
		return code
	}
	ask := func(address string) string {
		w.ok("PUT", "/v1/mail", ann.Token, fmt.Sprintf(`{"address":%q,"password":"correct horse"}`, address), nil)
		return linkIn(t, sink.Next(t), "mail")
	}
	first := ask("ann@example.org")
	second := ask("ann@example.net")
	if got := address(); got != "" {
		t.Errorf("before it is confirmed there is %q", got)
	}
	for _, tt := range []struct{ name, secret, code string }{
		{"an older link", first, "forbidden"}, {"one made up", "x", "forbidden"}, {"the link", second, ""}, {"it again", second, "forbidden"},
	} {
		if code := confirm(tt.secret); code != tt.code {
			t.Errorf("%s: %q, want %q", tt.name, code, tt.code)
		}
	}
	if got := address(); got != "ann@example.net" {
		t.Errorf("there is %q", got)
	}
	if code := w.resetCode(ask("ann@example.com"), "battery staple"); code != "forbidden" {
		t.Errorf("a link for a mail address gives a password: %q", code)
	}
	// A new password voids what was asked for with the old one, by whoever had that.
	pending := ask("eve@example.org")
	w.ok("POST", "/v1/password", ann.Token, `{"current":"correct horse","password":"battery staple"}`, nil)
	if m := sink.Next(t); m.To != "ann@example.net" || !strings.Contains(m.Text, "was changed") {
		t.Errorf("the notice is %+v", m)
	}
	if code := confirm(pending); code != "forbidden" {
		t.Errorf("a link from before the new password: %q", code)
	}
	var data myData
	w.ok("GET", "/v1/me/data", ann.Token, "", &data)
	if data.Mail != "ann@example.net" {
		t.Errorf("taken along: %+v", data)
	}
	if code := w.code(ann, "POST", "/v1/mail/remove", `{"password":"wrong horse"}`); code != "forbidden" {
		t.Errorf("removed with a wrong password: %q", code)
	}
	w.ok("POST", "/v1/mail/remove", ann.Token, `{"password":"battery staple"}`, nil)
	if m := sink.Next(t); m.To != "ann@example.net" || !strings.Contains(m.Text, "no longer") {
		t.Errorf("the notice is %+v", m)
	}
	if got := address(); got != "" {
		t.Errorf("afterwards there is %q", got)
	}
	acts, err := w.store.Acts(t.Context(), store.ActFilter{Subject: ann.User.ID, Action: actMail}, 10)
	if err != nil || len(acts) != 2 || acts[0].Detail != "removed" || acts[1].Detail != "confirmed" || acts[1].Actor != ann.User.ID {
		t.Errorf("written down: %+v, %v", acts, err)
	}
}

// TestMailWaits has the store and the mail server fail while a link is asked for: nobody waits, and
// it is sent later.
func TestMailWaits(t *testing.T) {
	w, sink := openMailWorld(t)
	ann := w.register("Ann")
	w.withMail(sink, ann, "ann@example.org")
	failed := make(chan struct{}, 100)
	w.store.set(func(method string) error {
		if method == "UserByName" {
			failed <- struct{}{}
			return errors.New("the store is away")
		}
		return nil
	})
	if code := w.forgotCode("Ann", somewhere); code != "" {
		t.Fatalf("while the store is away: %q", code)
	}
	<-failed
	w.store.set(nil)
	linkIn(t, sink.Next(t), "reset") // after firstWait of package mail
	w.stop()                         // returns with what waits
}

func TestNoMail(t *testing.T) {
	w := openWorld(t, config())
	ann := w.register("Ann")
	for _, tt := range []struct{ method, path, body string }{{"POST", "/v1/forgot", `{"who":"Ann"}`}, {"PUT", "/v1/mail", `{"address":"a@b","password":"correct horse"}`}} {
		if code := w.code(ann, tt.method, tt.path, tt.body); code != chat.CodeForbidden {
			t.Errorf("%s: %q", tt.path, code)
		}
	}
	var v mailView
	var door serverView
	w.ok("GET", "/v1/mail", ann.Token, "", &v)
	w.ok("GET", "/v1/server", "", "", &door)
	if v.Possible || door.Mail {
		t.Errorf("mail is possible: %+v, %+v", v, door)
	}
}
