package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/client"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/hubbub/rigs/cluster"
)

// testBadInput sends what no client would, through nginx: each gets a coded error or a documented
// close, and somebody else's chat goes on.
func testBadInput(t *testing.T, c *cluster.Cluster) {
	room := newRoom(t, c)
	ann := enter(t, c.URL, c.URL, "input-ann")
	ann.join(room)
	account := newAccount(t, c.URL, "input-bad")
	token, err := account.session.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	hello := `{"type":"hello","id":"h","version":1,"token":"` + token + `"}`
	secret := enter(t, c.URL, c.URL, "input-owner").createRoom("secret", true)

	for _, tt := range []struct {
		name  string
		send  []string // text frames
		op    ws.OpCode
		code  string         // of the error that comes last
		close wire.CloseCode // with which the server then closes; 0: it does not
	}{
		{name: "not JSON", send: []string{hello, `{"type":`}, code: chat.CodeBadJSON},
		{name: "no object", send: []string{hello, `[1,2]`}, code: chat.CodeBadJSON},
		{name: "unknown command", send: []string{hello, `{"type":"dance","id":"1"}`}, code: chat.CodeUnknownCommand},
		{name: "no field", send: []string{hello, `{"type":"join","id":"1"}`}, code: chat.CodeBadRequest},
		{name: "bad room", send: []string{hello, `{"type":"join","id":"1","room":"a b"}`}, code: chat.CodeBadRequest},
		{name: "no access", send: []string{hello, `{"type":"join","id":"1","room":"` + secret + `"}`}, code: chat.CodeForbidden},
		{name: "no such room", send: []string{hello, `{"type":"join","id":"1","room":"nowhere"}`}, code: chat.CodeForbidden},
		{name: "control log", send: []string{hello, `{"type":"join","id":"1","room":"_control"}`}, code: chat.CodeForbidden},
		{name: "not joined", send: []string{hello, `{"type":"send","id":"1","room":"lobby","msg_id":"m1","text":"x"}`}, code: chat.CodeNotJoined},
		{name: "two hellos", send: []string{hello, hello}, code: chat.CodeHelloTwice},
		{name: "no hello", send: []string{`{"type":"ping","id":"1"}`}, code: chat.CodeHelloRequired, close: wire.CloseProtocol},
		{name: "no token", send: []string{`{"type":"hello","id":"h","version":1}`}, code: chat.CodeUnauthorized, close: wire.CloseUnauthorized},
		{name: "garbage token", send: []string{`{"type":"hello","id":"h","version":1,"token":"x.y.z"}`}, code: chat.CodeUnauthorized, close: wire.CloseUnauthorized},
		{name: "1 MB frame", send: []string{hello, `{"type":"ping","id":"` + strings.Repeat("x", 1<<20) + `"}`}, close: wire.CloseTooBig},
		{name: "binary frame", send: []string{hello, "x"}, op: ws.OpBinary, close: wire.CloseBinary},
		{name: "not UTF-8", send: []string{hello, "{\"type\":\"ping\",\"id\":\"\xff\"}"}, close: wire.CloseNotUTF8},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := client.DialConn(t.Context(), "ws"+strings.TrimPrefix(c.URL, "http")+"/v1/ws", client.ConnConfig{})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(wire.CloseNormal)
			if err := conn.NetConn().SetDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			for i, text := range tt.send {
				op := ws.OpText
				if i == len(tt.send)-1 && tt.op != 0 {
					op = tt.op
				}
				if err := conn.WriteFrame(op, []byte(text)); err != nil && tt.close == 0 {
					t.Fatal(err)
				}
				if text == hello && i == 0 {
					if _, err := conn.Read(); err != nil { // the welcome
						t.Fatal(err)
					}
				}
			}
			got := ""
			for tt.code != "" && got == "" {
				data, err := conn.Read()
				if err != nil {
					t.Fatalf("no error came: %v", err)
				}
				e, err := wire.DecodeEvent(data)
				if err != nil {
					t.Fatal(err)
				}
				if e.Type == "error" {
					got = chat.CodeOf(e.Err())
				}
			}
			if got != tt.code {
				t.Errorf("error is %q, want %q", got, tt.code)
			}
			checkEnd(t, conn, tt.close)
		})
	}

	// Half a frame, and then nothing: the others do not wait for it.
	half, err := client.DialConn(t.Context(), "ws"+strings.TrimPrefix(c.URL, "http")+"/v1/ws", client.ConnConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer half.Close(wire.CloseAbnormal)
	frame := client.AppendFrame(nil, ws.OpText, []byte(hello))
	if _, err := half.NetConn().Write(frame[:len(frame)/2]); err != nil {
		t.Fatal(err)
	}
	ann.send(room, "still here")
	ann.sees(room, 1)
}

// checkEnd holds that the server closes with a code, or, for 0, still answers.
func checkEnd(t *testing.T, conn *client.Conn, want wire.CloseCode) {
	t.Helper()
	if want == 0 {
		if err := conn.WriteText([]byte(`{"type":"ping","id":"last"}`)); err != nil {
			t.Fatal(err)
		}
	}
	for {
		data, err := conn.Read()
		if err != nil {
			if e, ok := err.(*client.CloseError); !ok || e.Code != want { //nolint:errorlint // Read promises this type
				t.Errorf("the end is %v, want %d", err, want)
			}
			return
		}
		e, err := wire.DecodeEvent(data)
		if err != nil {
			t.Fatal(err)
		}
		if want == 0 && e.Type == "ack" && e.ID == "last" {
			return
		}
	}
}
