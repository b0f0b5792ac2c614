package dialect

import (
	"bytes"
	"fmt"
	"sync/atomic"
)

// Hubbub returns the dialect of Hubbub's edge. token returns the access token of a client.
func Hubbub(token func(client int) string) Dialect {
	var ids atomic.Uint64 // of messages; each is stored once
	return Dialect{
		Request:  get("/v1/ws"),
		Hello:    func(i int) string { return `{"type":"hello","id":"h","version":1,"token":"` + token(i) + `"}` },
		Welcomed: has(`"type":"welcome"`),
		Join:     func(room string) string { return `{"type":"join","id":"j","room":"` + room + `"}` },
		Joined:   has(`"type":"joined"`),
		Publish: func(room, text string) string {
			return fmt.Sprintf(`{"type":"send","id":"s","room":"%s","msg_id":"0192f3c4-8b2d-7a41-b5a3-%012x","text":"%s"}`, room, ids.Add(1), text)
		},
		Pong:   silence,
		Failed: has(`"type":"error"`, `"type":"bye"`),
	}
}

// Centrifugo returns the dialect of Centrifugo's bidirectional JSON protocol. token returns the
// access token of a client.
func Centrifugo(token func(client int) string) Dialect {
	return Dialect{
		Request:  get("/connection/websocket"),
		Hello:    func(i int) string { return `{"id":1,"connect":{"token":"` + token(i) + `"}}` },
		Welcomed: has(`"connect":{`),
		Join:     func(room string) string { return `{"id":2,"subscribe":{"channel":"` + room + `"}}` },
		Joined:   has(`"subscribe":{`),
		Publish: func(room, text string) string {
			return `{"id":3,"publish":{"channel":"` + room + `","data":{"text":"` + text + `"}}}`
		},
		Pong: func(p []byte) string {
			if bytes.Equal(bytes.TrimSpace(p), []byte("{}")) {
				return "{}"
			}
			return ""
		},
		Failed: has(`"error":{`, `"disconnect":{`),
	}
}

// SocketIO returns the dialect of the server in the folder socketio, over Socket.IO's protocol 5 on
// Engine.IO's 4.
func SocketIO() Dialect {
	return Dialect{
		Request:  get("/socket.io/?EIO=4&transport=websocket"),
		Hello:    func(int) string { return "40" },
		Welcomed: func(p []byte) bool { return bytes.HasPrefix(p, []byte("40{")) },
		Join:     func(room string) string { return `420["join","` + room + `"]` },
		Joined:   func(p []byte) bool { return bytes.HasPrefix(p, []byte("430[")) },
		Publish:  func(room, text string) string { return `42["say","` + room + `","` + text + `"]` },
		Pong: func(p []byte) string {
			if string(p) == "2" {
				return "3"
			}
			return ""
		},
		Failed: func(p []byte) bool { return bytes.HasPrefix(p, []byte("44")) },
	}
}

// NATS returns the dialect of nats-server's WebSocket. Its clients receive their own messages, too,
// like those of the others.
func NATS() Dialect {
	return Dialect{
		Request: get("/", "Sec-WebSocket-Protocol: nats"),
		Binary:  true,
		Hello: func(int) string {
			return `CONNECT {"verbose":false,"pedantic":false,"lang":"bench","version":"1","protocol":1}` + "\r\nPING\r\n"
		},
		Welcomed: has("PONG\r\n"),
		Join:     func(room string) string { return "SUB " + room + " 1\r\nPING\r\n" },
		Joined:   has("PONG\r\n"),
		Publish:  func(room, text string) string { return fmt.Sprintf("PUB %s %d\r\n%s\r\n", room, len(text), text) },
		Pong: func(p []byte) string {
			if string(p) == "PING\r\n" {
				return "PONG\r\n"
			}
			return ""
		},
		Failed: has("-ERR"),
	}
}

// Floor returns the dialect of package floor, which writes each message that it receives to all its
// clients. The messages are as long as those of Hubbub.
func Floor() Dialect {
	// An event as an edge delivers it, with a constant seq and prev of the usual length.
	const event = `{"seq":1815361853292544,"prev":1815361853292541,"type":"msg","room":"%s","id":"0192f3c4-8b2d-7a41-b5a3-000000000000","user":"0192f3c0-1a2b-7c3d-8e4f-000000000000","name":"Ada Lovelace","ts":1732382700123,"text":"%s"}`
	return Dialect{
		Request:  get("/"),
		Hello:    func(int) string { return "hello" },
		Welcomed: has("welcome"),
		Join:     func(string) string { return "join" },
		Joined:   has("joined"),
		Publish:  func(room, text string) string { return fmt.Sprintf(event, room, text) },
		Pong:     silence,
		Failed:   never,
	}
}
