// Package dialect defines what a chat client sends to each of the servers that the benchmark
// compares, to log in, join a room and send a message there, and how it recognizes the answers.
//
// It knows no socket and no frame, only the payloads of WebSocket messages.
package dialect

import (
	"bytes"
	"encoding/hex"
	"fmt"
)

// Dialect is one server's protocol. Its functions get the number of a client, from 0 on, and keep
// no state of a connection. Every function is set.
type Dialect struct {
	// the upgrade request without its version, key and last line
	Request  func(client int) string
	Binary   bool                      // whether messages are binary, not text
	Hello    func(client int) string   // first message after the upgrade; empty: none
	Welcomed func(payload []byte) bool // whether a message says that the client is logged in
	Join     func(room string) string  // asks for the messages of a room
	Joined   func(payload []byte) bool // whether a message confirms a join
	// sends a text, which needs no escapes, to a room that was joined
	Publish func(room, text string) string
	// the answer to a ping of the protocol itself; empty: the message is no ping
	Pong   func(payload []byte) string
	Failed func(payload []byte) bool // whether a message reports an error
}

// stampAt begins the text of a message; the time follows in hexadecimal digits. JSON and the other
// protocols carry these characters unchanged, so that a client counts messages by them, however a
// server packs messages into frames.
var stampAt = []byte("~T")

// stampLen is the length of a stamp.
const stampLen = 2 + 16

// MinText is the least length of a text, in bytes.
const MinText = stampLen

// Text returns a text of n bytes, at least MinText, that contains the time at, in nanoseconds on
// any clock.
func Text(at int64, n int) string {
	b := make([]byte, n)
	for i := copy(b, fmt.Sprintf("%s%016x", stampAt, at)); i < n; i++ {
		b[i] = 'a' + byte(i%26)
	}
	return string(b)
}

// Count returns how many messages made by Text a payload contains.
func Count(payload []byte) int { return bytes.Count(payload, stampAt) }

// Stamp returns the time in the first message of a payload, and what follows it. False: there is no
// message.
func Stamp(payload []byte) (at int64, rest []byte, ok bool) {
	i := bytes.Index(payload, stampAt)
	if i < 0 || len(payload) < i+stampLen {
		return 0, nil, false
	}
	var raw [8]byte
	if _, err := hex.Decode(raw[:], payload[i+2:i+stampLen]); err != nil {
		return 0, nil, false
	}
	for _, b := range raw {
		at = at<<8 | int64(b)
	}
	return at, payload[i+stampLen:], true
}

func has(parts ...string) func([]byte) bool {
	return func(payload []byte) bool {
		for _, p := range parts {
			if bytes.Contains(payload, []byte(p)) {
				return true
			}
		}
		return false
	}
}

func get(path string, headers ...string) func(int) string {
	s := "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
	for _, h := range headers {
		s += h + "\r\n"
	}
	return func(int) string { return s }
}

func never([]byte) bool     { return false }
func silence([]byte) string { return "" }
