package natsbus

import (
	"errors"
	"strings"
	"testing"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

func TestCheckServer(t *testing.T) {
	t.Parallel()
	for version, ok := range map[string]bool{"1.4.1": false, "2.9.25": false, "2.10.20": false, "2.11.0": true, "2.15.2-dev": true, "3.0.0": true, "dev": true} {
		if err := checkServer(version, true); (err == nil) != ok {
			t.Errorf("version %s: %v", version, err)
		}
	}
	if err := checkServer("2.12.0", false); err == nil {
		t.Error("a server without headers is accepted")
	}
}

// TestNotFound has the answers of nats-server 2.15.2 (stream.go, getDirectMulti and
// getDirectRequest).
func TestNotFound(t *testing.T) {
	t.Parallel()
	last := getRequest{MultiLast: []string{"hub.log.0.room"}}
	for _, tt := range []struct {
		req         getRequest
		description string
		want        error
	}{
		{last, "No Results", errNotFound},
		{last, "Message Not Found", errIncomplete},
		{getRequest{Seq: 5}, "Message Not Found", errNotFound},
		{getRequest{Seq: 5, Batch: 10}, "Message Not Found", errNotFound},
	} {
		if err := notFound(tt.req, tt.description); !errors.Is(err, tt.want) {
			t.Errorf("%+v, %s: %v, want %v", tt.req, tt.description, err, tt.want)
		}
	}
}

func TestDecodeAck(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]ack{
		`{"stream":"HUB", "seq":17}`:                     {Seq: 17},
		`{"stream":"HUB","domain":"d","seq": 17}`:        {Seq: 17},
		`{"stream":"HUB", "seq":17,"duplicate": true}`:   {Seq: 17, Duplicate: true},
		`{"seq":17,"stream":"HUB"}`:                      {Seq: 17},
		`{"stream":"HUB", "seq":18446744073709551615}`:   {Seq: 1<<64 - 1},
		`{"stream":"\"seq\":5}", "seq":17}`:              {Seq: 17},
		`{"stream":"x\"seq\":5,","seq":6,"batch":"a\""}`: {Seq: 6},
	} {
		if got, err := decodeAck([]byte(text)); err != nil || got != want {
			t.Errorf("%s is %+v, %v", text, got, err)
		}
	}
	got, err := decodeAck([]byte(`{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"},"stream":"HUB","seq":0}`))
	if err != nil || got.Error == nil || got.Error.Code != codeStoreFailed {
		t.Errorf("an error is %+v, %v", got, err)
	}
	for _, text := range []string{"", "{", "null", `{"stream":"HUB"}`, `{"seq":-1}`, `[]`, `"seq":1}`} {
		if got, err := decodeAck([]byte(text)); err == nil {
			t.Errorf("%q is %+v", text, got)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	n := newNames("HUB", 16, chat.IsUserRoom)
	for _, room := range []string{"a", "lobby", "u-1", strings.Repeat("x", 64)} {
		s := n.room(room)
		if got, ok := n.roomOf(n.log, s); !ok || got != room {
			t.Errorf("%s is the subject of room %q", s, got)
		}
		if got, ok := n.roomOf(n.live, n.liveRoom(room)); !ok || got != room {
			t.Errorf("%s is the live subject of room %q", n.liveRoom(room), got)
		}
		k := key(bus.NewEntry{Room: room, Sender: "s_1", ID: "id-2"})
		for _, k := range []string{k, k + ".17", k + ".17.18"} {
			if sender, id := splitKey(k); sender != "s_1" || id != "id-2" {
				t.Errorf("%s is of sender %q and id %q", k, sender, id)
			}
		}
	}
	for _, k := range []string{"", "x", "x.", "..", "...17", "foreign...17"} {
		if _, id := splitKey(k); id != "" {
			t.Errorf("%q has id %q", k, id)
		}
	}
	if redact("nats://u:p@a:1,b:2,tls://t@c") != "nats://a:1,b:2,tls://c" {
		t.Errorf("redacted: %s", redact("nats://u:p@a:1,b:2,tls://t@c"))
	}
}
