package edge_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/history"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/edge"
)

// response is what a request over HTTP is answered.
type response struct {
	status int
	header http.Header
	Room   string
	ID     string
	User   string
	Seq    uint64
	TS     int64
	Code   string
	Detail string
	Retry  int64 `json:"retry_after_ms"`
}

// asks sends a request to an edge, with a user's token if there is one.
func (w *world) asks(e *running, token, method, path, body string) (a response) {
	w.t.Helper()
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(w.t.Context(), method, e.url()+path, in)
	if err != nil {
		w.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := web(w.t).Do(req)
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := json.Unmarshal(text, &a); err != nil {
		w.t.Fatalf("%s %s is answered %s", method, path, text)
	}
	a.status, a.header = resp.StatusCode, resp.Header
	if media := resp.Header.Get("Content-Type"); (a.status < 300) != (media == "application/json") || (a.status >= 300) != (media == "application/problem+json") {
		w.t.Errorf("%s %s: %d is of the type %s", method, path, a.status, media)
	}
	return a
}

// url is where the edge answers over HTTP.
func (r *running) url() string {
	if r.tls {
		return "https://" + r.Edge.Addr().String()
	}
	return "http://" + r.Edge.Addr().String()
}

// web is an HTTP client that leaves no connection behind.
func web(t testing.TB) *http.Client {
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // the certificate is not what is tested
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

// sent serves what the record says of messages that may be repeats.
func (w *world) sent(answer func(history.SentRequest) (history.Sent, error)) {
	serve(w, history.ServiceSent, answer)
}

// TestPost sends over HTTP: everybody in the room gets what they get of a send on the socket, the
// sender too, also one who has not joined. A repeat, of any age, is answered with the first seq and
// delivered to nobody.
func TestPost(t *testing.T) {
	transports(t, func(t *testing.T, w *world, conf func(*edge.Config)) {
		w.alone = true
		w.sent(func(r history.SentRequest) (history.Sent, error) {
			if r.ID == "old" {
				return history.Sent{Seq: 7, TS: 70}, nil
			}
			return history.Sent{}, nil
		})
		e := w.edge(conf)
		ann, bob := w.login(e, "ann"), w.login(e, "bob")
		ann.join("lobby")
		bob.join("lobby")
		post := func(user, body string) response {
			t.Helper()
			return w.asks(e, w.token(user), http.MethodPost, "/v1/rooms/lobby/messages", body)
		}
		got := post("ann", `{"text":"hel\u006co, <b>\ud83c\udf0d","msg_id":"m1","reply_to":"m0","reply_author":"bob","room":"other","type":"ping","more":[1]}`)
		if got.status != http.StatusCreated || got.Room != "lobby" || got.ID != "m1" || got.User != "ann" || got.Seq == 0 || time.Since(time.UnixMilli(got.TS)).Abs() > patience {
			t.Fatalf("answered %+v", got)
		}
		for _, c := range []*client{ann, bob} {
			m := c.want("msg")
			if m.Seq != got.Seq || m.ID != "m1" || m.User != "ann" || m.Name != "Name of ann" || m.TS != got.TS || m.Text != "hello, <b>🌍" || m.ReplyTo != "m0" || m.ReplyAuthor != "bob" || m.Room != "lobby" {
				t.Errorf("delivered %+v", m)
			}
		}
		for _, body := range []string{`{"text":"hello","msg_id":"m1"}`, `{"text":"x","msg_id":"m1","retry":false}`, `{"text":"x","msg_id":"m1","retry":true}`} {
			if again := post("ann", body); again.status != http.StatusOK || again.Seq != got.Seq || again.TS != got.TS || again.ID != "m1" {
				t.Errorf("a repeat is answered %+v", again)
			}
		}
		if old := post("ann", `{"text":"x","msg_id":"old"}`); old.status != http.StatusOK || old.Seq != 7 || old.TS != 70 {
			t.Errorf("an old repeat is answered %+v", old)
		}
		reply := post("ann", `{"text":"in a thread","thread":{"author":"bob","id":"m0"},"broadcast":true}`)
		for _, c := range []*client{ann, bob} {
			if m := c.want("msg"); m.Seq != reply.Seq || m.Thread != (chat.Thread{Author: "bob", ID: "m0"}) || !m.Broadcast {
				t.Errorf("an answer in a thread is delivered as %+v", m)
			}
		}
		for _, body := range []string{`{"text":"x","thread":{"id":"m0"}}`, `{"text":"x","thread":"m0"}`, `{"text":"x","broadcast":true}`} {
			if bad := post("ann", body); bad.status != http.StatusBadRequest {
				t.Errorf("%s is answered %+v", body, bad)
			}
		}
		// The same id of another is another message, and one without an id is given one.
		other := post("eve", `{"text":"mine","msg_id":"m1"}`)
		given := post("eve", `{"text":"anew"}`)
		if other.status != http.StatusCreated || given.status != http.StatusCreated || !chat.ValidID(given.ID) || given.Seq <= other.Seq {
			t.Errorf("answered %+v and %+v", other, given)
		}
		for _, want := range []response{other, given} {
			for _, c := range []*client{ann, bob} {
				if m := c.want("msg"); m.Seq != want.Seq || m.ID != want.ID || m.User != "eve" {
					t.Errorf("delivered %+v, want %+v", m, want)
				}
			}
		}
		// A send on the socket that repeats a post is acknowledged as one.
		if seq := ann.say("lobby", "m1", "hello"); seq != got.Seq {
			t.Errorf("on the socket the repeat has %d, want %d", seq, got.Seq)
		}
	})
}

// TestPostRefused goes through what a post is refused for: nothing of it is in the log, and the
// answer says whether to try again.
func TestPostRefused(t *testing.T) {
	w := newWorld(t)
	w.alone = true
	w.sent(func(r history.SentRequest) (history.Sent, error) {
		switch r.ID {
		case "away":
			return history.Sent{}, chat.Unavailable("the record is away", 3*time.Second)
		case "edit":
			return history.Sent{}, chat.E(chat.CodeConflict, "you gave that msg_id to something else in this room")
		}
		return history.Sent{}, nil
	})
	for room, a := range map[string]directory.Access{
		"secret": {}, "public": {Read: true}, "news": {Role: directory.RoleReader, Read: true}, "old": {Role: directory.RoleMember, Read: true, Send: true, Archived: true},
		"muted": {Role: directory.RoleMember, Read: true, Send: true, MutedUntil: time.Now().Add(time.Hour).UnixMilli()},
	} {
		w.access[[2]string{"ann", room}] = a
	}
	e := w.edge(func(c *edge.Config) { c.MaxText = 100 })
	token := w.token("ann")
	const good = `{"text":"x","msg_id":"m"}`
	for _, tt := range []struct {
		name, token, room, body string
		status                  int
		code                    string
		later                   bool // Retry-After is said
	}{
		{name: "no JSON", body: `hello`, status: 400, code: chat.CodeBadJSON},
		{name: "a list", body: `[]`, status: 400, code: chat.CodeBadJSON},
		{name: "not UTF-8", body: "{\"text\":\"\xff\"}", status: 400, code: chat.CodeBadJSON},
		{name: "no text", body: `{"msg_id":"m"}`, status: 400, code: chat.CodeBadRequest},
		{name: "an empty text", body: `{"text":""}`, status: 400, code: chat.CodeBadRequest},
		{name: "a text that is no text", body: `{"text":"\u0000"}`, status: 400, code: chat.CodeBadRequest},
		{name: "two texts", body: `{"text":"x","text":"y"}`, status: 400, code: chat.CodeBadRequest},
		{name: "a bad msg_id", body: `{"text":"x","msg_id":"a b"}`, status: 400, code: chat.CodeBadRequest},
		{name: "a bad room", room: "a%20b", body: good, status: 400, code: chat.CodeBadRequest},
		{name: "a question", body: `{"text":"/list-users"}`, status: 400, code: chat.CodeBadRequest},
		{name: "no token", token: "none", body: good, status: 401, code: chat.CodeUnauthorized},
		{name: "a bad token", token: "x.y.z", body: good, status: 401, code: chat.CodeUnauthorized},
		{name: "an old token", token: w.token("ann", expiredClaims), body: good, status: 401, code: chat.CodeTokenExpired},
		{name: "a room of others", room: "secret", body: good, status: 403, code: chat.CodeForbidden},
		{name: "a room that is only read", room: "public", body: good, status: 403, code: chat.CodeForbidden},
		{name: "a reader", room: "news", body: good, status: 403, code: chat.CodeForbidden},
		{name: "an archive", room: "old", body: good, status: 403, code: chat.CodeForbidden},
		{name: "somebody who is muted", room: "muted", body: good, status: 403, code: chat.CodeMuted, later: true},
		{name: "the control log", room: chat.ControlRoom, body: good, status: 403, code: chat.CodeForbidden},
		{name: "the own room", room: "u-ann", body: good, status: 403, code: chat.CodeForbidden},
		{name: "another's own room", room: "u-bob", body: good, status: 403, code: chat.CodeForbidden},
		{name: "an id of something else", body: `{"text":"x","msg_id":"edit"}`, status: 409, code: chat.CodeConflict},
		{name: "a long text", body: `{"text":"` + strings.Repeat("x", 101) + `"}`, status: 413, code: chat.CodeTooLarge},
		{name: "a long body", body: `{"text":"x","more":"` + strings.Repeat("x", 64<<10) + `"}`, status: 413, code: chat.CodeTooLarge},
		{name: "a record that is away", body: `{"text":"x","msg_id":"away"}`, status: 503, code: chat.CodeUnavailable, later: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			room := tt.room
			if room == "" {
				room = "lobby"
			}
			as := tt.token
			switch as {
			case "":
				as = token
			case "none":
				as = ""
			}
			got := w.asks(e, as, http.MethodPost, "/v1/rooms/"+room+"/messages", tt.body)
			if got.status != tt.status || got.Code != tt.code || got.Detail == "" || strings.Contains(got.Detail, "frame") {
				t.Errorf("answered %d %s: %s", got.status, got.Code, got.Detail)
			}
			if said := got.header.Get("Retry-After") != ""; said != tt.later || said != (got.Retry > 0) {
				t.Errorf("Retry-After is %q, retry_after_ms %d", got.header.Get("Retry-After"), got.Retry)
			}
			if !chat.ValidID(room) || room == chat.ControlRoom {
				return
			}
			if entries := w.logOf(room); len(entries) > 0 {
				t.Errorf("the log has %d entries", len(entries))
			}
		})
	}
	if got := w.asks(e, "", http.MethodGet, "/v1/none", ""); got.status != http.StatusNotFound || got.Code != chat.CodeNotFound {
		t.Errorf("another route: %+v", got)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.url()+"/v1/rooms/lobby/messages", strings.NewReader(good))
	if err != nil {
		t.Fatal(err)
	}
	// What a page of another site can have a browser send without being asked: a form, with
	// cookies.
	req.Header.Set("Content-Type", "text/plain")
	req.Header.Set("Cookie", "refresh="+token)
	resp, err := web(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusUnsupportedMediaType || resp.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a form is answered %s, to %q", resp.Status, resp.Header.Get("Access-Control-Allow-Origin"))
	}
	req.Body, req.ContentLength = io.NopCloser(strings.NewReader(good)), int64(len(good))
	req.Header.Set("Content-Type", "application/json")
	if resp, err = web(t).Do(req); err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a cookie alone is answered %s", resp.Status)
	}
}

// TestAmendOverHTTP edits, deletes, reacts and pins over HTTP: history is asked for what it is
// asked for by the commands of a socket.
func TestAmendOverHTTP(t *testing.T) {
	w := newWorld(t)
	w.alone = true
	w.access[[2]string{"mod", "lobby"}] = directory.Access{Role: directory.RoleModerator, Read: true, Send: true}
	w.access[[2]string{"eve", "lobby"}] = directory.Access{Read: true}
	e := w.edge()
	c := w.login(e, "mod")
	c.join("lobby")
	const one = "/v1/rooms/lobby/messages/ann/m1"
	for i, tt := range []struct{ method, path, body, command string }{
		{http.MethodPatch, one, `{"text":"n\u0065w","msg_id":"ID"}`, `"type":"edit","text":"new"`},
		{http.MethodDelete, one, "", `"type":"delete"`},
		{http.MethodPut, one + "/reactions/%F0%9F%91%8D", "", `"type":"react","emoji":"👍","on":true`},
		{http.MethodDelete, one + "/reactions/👍", "", `"type":"react","emoji":"👍","on":false`},
		{http.MethodPut, one + "/pin", "", `"type":"pin","on":true`},
		{http.MethodDelete, one + "/pin", "", `"type":"pin","on":false`},
	} {
		id := fmt.Sprint("id", i)
		got := w.asks(e, w.token("mod"), tt.method, tt.path, strings.Replace(tt.body, "ID", id, 1))
		if got.status != http.StatusOK || got.Seq != uint64(2*i+1) {
			t.Fatalf("%s %s: %+v", tt.method, tt.path, got)
		}
		c.send(`{"id":"c","room":"lobby","msg_id":"%s","target":"m1","author":"ann",%s}`, id, tt.command)
		if ack := c.want("ack"); ack.Seq != uint64(2*i+2) {
			t.Fatalf("%+v", ack)
		}
		w.mu.Lock()
		over, on := w.record[2*i], w.record[2*i+1]
		w.mu.Unlock()
		if tt.body == "" && !chat.ValidID(over.Event.ID) {
			t.Errorf("the id is %q", over.Event.ID)
		}
		over.Event.TS, on.Event.TS = 0, 0
		if tt.body == "" {
			over.Event.ID, on.Event.ID = "", ""
		}
		if a, b := asJSON(t, over), asJSON(t, on); !bytes.Equal(a, b) {
			t.Errorf("over HTTP\n%s\non a socket\n%s", a, b)
		}
	}
	for _, tt := range []struct {
		user, method, path, body string
		status                   int
		code                     string
	}{
		{"mod", http.MethodDelete, "/v1/rooms/lobby/messages/ann/gone", "", 404, chat.CodeNotFound},
		{"mod", http.MethodPatch, one, `{"text":""}`, 400, chat.CodeBadRequest},
		{"mod", http.MethodPatch, one, `{"text":"` + strings.Repeat("x", 17_000) + `"}`, 413, chat.CodeTooLarge},
		{"mod", http.MethodPut, one + "/reactions/text", "", 400, chat.CodeBadRequest},
		{"mod", http.MethodPut, "/v1/rooms/lobby/messages/a%20b/m1/pin", "", 400, chat.CodeBadRequest},
		{"eve", http.MethodDelete, one, "", 403, chat.CodeForbidden},
		{"ann", http.MethodDelete, "/v1/rooms/u-ann/messages/ann/m1", "", 403, chat.CodeForbidden},
	} {
		if got := w.asks(e, w.token(tt.user), tt.method, tt.path, tt.body); got.status != tt.status || got.Code != tt.code {
			t.Errorf("%s of %s %s: %+v", tt.method, tt.user, tt.path, got)
		}
	}
	if n := len(w.record); n != 12 {
		t.Errorf("history was asked %d times", n)
	}
}

func asJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestPagesOfOtherSitesByBothWays: what --origins lets in over HTTP it lets in by WebSocket, and
// nothing else, wherever there is a list.
func TestPagesOfOtherSitesByBothWays(t *testing.T) {
	w := newWorld(t)
	e := w.edge(func(c *edge.Config) { c.Origins = []string{"https://WWW.example.org:443/"} })
	for origin, want := range map[string]bool{"https://www.example.org": true, e.url(): true, "https://evil.example": false} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, e.url()+"/v1/rooms/lobby/messages", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Origin", origin)
		req.Header.Set("Access-Control-Request-Method", http.MethodPost)
		resp, err := web(t).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if asked := resp.StatusCode != http.StatusForbidden; asked != want {
			t.Errorf("%s asks over HTTP: %s", origin, resp.Status)
		}
		if req, err = http.NewRequestWithContext(t.Context(), http.MethodGet, e.url()+"/v1/ws", http.NoBody); err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{"Origin": origin, "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} {
			req.Header.Set(name, value)
		}
		if resp, err = web(t).Do(req); err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if connected := resp.StatusCode == http.StatusSwitchingProtocols; connected != want {
			t.Errorf("%s connects: %s", origin, resp.Status)
		}
	}
}
