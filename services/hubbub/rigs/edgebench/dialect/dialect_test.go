package dialect

import (
	"strings"
	"testing"
)

func TestStamps(t *testing.T) {
	payload := []byte(`{"text":"` + Text(1, 100) + "\"}\n" + `{"text":"` + Text(1<<40+7, MinText) + `"}`)
	if n := Count(payload); n != 2 {
		t.Errorf("counted %d messages of 2", n)
	}
	for _, want := range []int64{1, 1<<40 + 7} {
		at, rest, ok := Stamp(payload)
		if !ok || at != want {
			t.Errorf("stamp is %d (%t), want %d", at, ok, want)
		}
		payload = rest
	}
	if _, _, ok := Stamp(payload); ok {
		t.Error("a third stamp")
	}
	if n := len(Text(5, 100)); n != 100 {
		t.Errorf("a text of 100 bytes has %d", n)
	}
}

// TestTextsNeedNoEscapes checks that JSON and NATS's protocol carry a text unchanged.
func TestTextsNeedNoEscapes(t *testing.T) {
	if text := Text(-1, 4096); strings.ContainsAny(text, "\"\\\r\n") || strings.ToValidUTF8(text, "") != text {
		t.Errorf("text %q", text)
	}
}

// TestTalk: the dialects understand what their servers answer.
func TestTalk(t *testing.T) {
	token := func(int) string { return "t" }
	for name, tt := range map[string]struct {
		d               Dialect
		welcome, joined string
		ping, pong      string
		failure         string
	}{
		"hubbub": {
			d: Hubbub(token), welcome: `{"type":"welcome","id":"h"}`, joined: `{"type":"joined","id":"j","room":"r","seq":1}`,
			failure: `{"type":"error","code":"rate_limited","message":"too many commands"}`,
		},
		"centrifugo": {
			d: Centrifugo(token), welcome: `{"id":1,"connect":{"client":"c","version":"6.9.1"}}`, joined: `{"id":2,"subscribe":{}}`,
			ping: "{}", pong: "{}", failure: `{"id":2,"error":{"code":103,"message":"permission denied"}}`,
		},
		"socketio": {d: SocketIO(), welcome: `40{"sid":"s"}`, joined: `430[]`, ping: "2", pong: "3", failure: `44{"message":"no"}`},
		"nats":     {d: NATS(), welcome: "PONG\r\n", joined: "PONG\r\n", ping: "PING\r\n", pong: "PONG\r\n", failure: "-ERR 'no'\r\n"},
	} {
		is := func(what, payload string, got, want bool) {
			if got != want {
				t.Errorf("%s: %s of %q is %t", name, what, payload, got)
			}
		}
		is("welcomed", tt.welcome, tt.d.Welcomed([]byte(tt.welcome)), true)
		is("joined", tt.joined, tt.d.Joined([]byte(tt.joined)), true)
		is("failed", tt.failure, tt.d.Failed([]byte(tt.failure)), true)
		for _, good := range []string{tt.welcome, tt.joined} {
			is("failed", good, tt.d.Failed([]byte(good)), false)
			if pong := tt.d.Pong([]byte(good)); pong != "" {
				t.Errorf("%s: %q is no ping, and answered %q", name, good, pong)
			}
		}
		if pong := tt.d.Pong([]byte(tt.ping)); pong != tt.pong {
			t.Errorf("%s: a ping is answered %q, want %q", name, pong, tt.pong)
		}
		if n := Count([]byte(tt.d.Publish("r", Text(9, 50)))); n != 1 {
			t.Errorf("%s: a message counts as %d", name, n)
		}
	}
}
