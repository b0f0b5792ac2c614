package edge_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge"
)

// exchange is what a client sends after hello, and how that ends.
type exchange struct {
	name string
	send []byte
	want string         // event types, errors with their codes, pong
	code wire.CloseCode // of the close that it is answered with
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func closeFrame(code uint16, reason string) []byte {
	return masked(0x88, append(binary.BigEndian.AppendUint16(nil, code), reason...))
}

// message returns a text message in as many frames as there are parts, compressed as a whole if
// packed says so. between comes after each frame but the last.
func message(packed bool, between []byte, parts ...string) []byte {
	if packed {
		// Compressed data may be cut anywhere.
		whole := deflated(strings.Join(parts, ""))
		for i := range parts {
			parts[i] = whole[len(whole)*i/len(parts) : len(whole)*(i+1)/len(parts)]
		}
	}
	var out []byte
	for i, p := range parts {
		first := byte(0)
		if i == 0 {
			if first = 0x01; packed {
				first |= 0x40
			}
		}
		if i == len(parts)-1 {
			first |= 0x80
		}
		if out = append(out, masked(first, []byte(p))...); i < len(parts)-1 {
			out = append(out, between...)
		}
	}
	return out
}

// rfcFrames are the rules of RFC 6455 sections 5 to 8. Their messages are compressed if packed says
// so.
func rfcFrames(packed bool) []exchange {
	msg := func(parts ...string) []byte { return message(packed, nil, parts...) }
	around := func(between []byte, parts ...string) []byte { return message(packed, between, parts...) }
	ping := `{"type":"ping","id":"1"}`
	return []exchange{
		// Section 5.4: fragmentation, and section 5.5: control frames within it.
		{name: "whole", send: msg(ping), want: "ack"},
		{name: "two messages", send: join(msg(ping), msg(ping)), want: "ack ack"},
		{name: "fragments", send: msg(ping[:5], ping[5:9], ping[9:]), want: "ack"},
		{name: "an empty fragment at either end", send: join(masked(0x01, nil), masked(0x00, []byte(ping)), masked(0x80, nil)), want: "ack"},
		{name: "a fragment for each byte", send: msg(strings.Split(ping, "")...), want: "ack"},
		{name: "ping within fragments", send: around(masked(0x89, []byte("x")), ping[:7], ping[7:]), want: "pong ack"},
		{name: "pong within fragments", send: around(masked(0x8a, nil), ping[:7], ping[7:9], ping[9:]), want: "ack"},
		{name: "many pings within fragments", send: around(join(masked(0x89, []byte("x")), masked(0x89, nil)), ping[:7], ping[7:8], ping[8:]), want: "pong pong pong pong ack"},
		{name: "close within fragments", send: join(masked(0x01, []byte(`{"ty`)), closeFrame(1000, "")), code: 1000},
		{name: "two closes", send: join(closeFrame(1000, ""), closeFrame(1000, "")), code: 1000},
		{name: "two closes that differ", send: join(closeFrame(1000, ""), closeFrame(4321, "again"), msg(ping)), code: 1000},
		{name: "close right after a fault", send: join(masked(0x82, []byte("x")), closeFrame(1000, "")), code: wire.CloseBinary},
		{name: "continuation of nothing", send: masked(0x80, []byte("{}")), code: wire.CloseFrame},
		{name: "open continuation of nothing", send: masked(0x00, []byte("{}")), code: wire.CloseFrame},
		{name: "continuation after the end", send: join(msg(ping[:3], ping[3:]), masked(0x80, nil)), code: wire.CloseFrame},
		{name: "text within fragments", send: join(masked(0x01, []byte("{")), text("}")), code: wire.CloseFrame},
		{name: "fragments within fragments", send: join(masked(0x01, []byte("{")), masked(0x01, []byte("}"))), code: wire.CloseFrame},
		{name: "binary within fragments", send: join(masked(0x01, []byte("{")), masked(0x82, []byte("}"))), code: wire.CloseFrame},
		{name: "too big in fragments", send: join(masked(0x01, make([]byte, 60<<10)), masked(0x80, make([]byte, 60<<10))), code: wire.CloseTooBig},

		// Section 5.5: control frames.
		{name: "ping", send: masked(0x89, []byte("x")), want: "pong"},
		{name: "empty ping", send: masked(0x89, nil), want: "pong"},
		{name: "ping of 125", send: masked(0x89, bytes.Repeat([]byte("p"), 125)), want: "pong"},
		{name: "ping of 126", send: masked(0x89, make([]byte, 126)), code: wire.CloseFrame},
		{name: "ping of 65536", send: masked(0x89, make([]byte, 65536)), code: wire.CloseFrame},
		{name: "ping in a long form", send: []byte{0x89, 0xfe, 0, 1, 0, 0, 0, 0, 'x'}, code: wire.CloseFrame},
		{name: "ping in fragments", send: masked(0x09, nil), code: wire.CloseFrame},
		{name: "pong in fragments", send: masked(0x0a, nil), code: wire.CloseFrame},
		{name: "pong of 126", send: masked(0x8a, make([]byte, 126)), code: wire.CloseFrame},
		{name: "unasked pong", send: join(masked(0x8a, []byte("x")), msg(ping)), want: "ack"},
		{name: "ping that is no UTF-8", send: masked(0x89, []byte{0xff}), want: "pong"},

		// Sections 5.5.1 and 7: closing.
		{name: "close", send: closeFrame(1000, "bye"), code: 1000},
		{name: "close after a command", send: join(msg(ping), closeFrame(1001, "")), code: 1001},
		{name: "nothing after close", send: join(closeFrame(1000, ""), msg(ping)), code: 1000},
		{name: "close without code", send: masked(0x88, nil), code: wire.CloseNoStatus},
		{name: "close of one byte", send: masked(0x88, []byte{3}), code: wire.CloseFrame},
		{name: "close of 125", send: closeFrame(1000, strings.Repeat("x", 123)), code: 1000},
		{name: "close of 126", send: closeFrame(1000, strings.Repeat("x", 124)), code: wire.CloseFrame},
		{name: "close in fragments", send: masked(0x08, []byte{3, 0xe8}), code: wire.CloseFrame},
		{name: "close reason of several bytes a character", send: closeFrame(1000, "héllo €"), code: 1000},
		{name: "close reason not UTF-8", send: closeFrame(1000, "\xff"), code: wire.CloseNotUTF8},
		{name: "close reason cut in a character", send: closeFrame(1000, "\xe2\x82"), code: wire.CloseNotUTF8},

		// Section 5.2: the header.
		{name: "RSV2", send: masked(0xa1, []byte(ping)), code: wire.CloseFrame},
		{name: "RSV3", send: masked(0x91, []byte(ping)), code: wire.CloseFrame},
		{name: "all reserved bits", send: masked(0xf1, []byte(ping)), code: wire.CloseFrame},
		{name: "RSV1 on a ping", send: masked(0xc9, nil), code: wire.CloseFrame},
		{name: "RSV1 on a close", send: masked(0xc8, []byte{3, 0xe8}), code: wire.CloseFrame},
		{name: "RSV1 on a continuation", send: join(masked(0x01, []byte("{")), masked(0xc0, []byte("}"))), code: wire.CloseFrame},
		{name: "opcode 3", send: masked(0x83, nil), code: wire.CloseFrame},
		{name: "opcode 7", send: masked(0x87, nil), code: wire.CloseFrame},
		{name: "opcode 11", send: masked(0x8b, nil), code: wire.CloseFrame},
		{name: "opcode 15", send: masked(0x8f, nil), code: wire.CloseFrame},
		{name: "binary", send: masked(0x82, []byte("{}")), code: wire.CloseBinary},
		{name: "length in 7 bits", send: msg(pingOf(125)), want: "ack"},
		{name: "length in 16 bits", send: msg(pingOf(126)), want: "ack"},
		{name: "length in 64 bits", send: text(pingOf(65536)), want: "ack"},
		{name: "largest", send: msg(pingOf(64 << 10)), want: "ack"},
		{name: "one too many", send: msg(pingOf(64<<10 + 1)), code: wire.CloseTooBig},
		{name: "1 MB", send: msg(strings.Repeat("x", 1<<20)), code: wire.CloseTooBig},
		{name: "16 bits for 5", send: []byte{0x81, 0xfe, 0, 5, 0, 0, 0, 0, 1, 2, 3, 4, 5}, code: wire.CloseFrame},
		{name: "16 bits for 125", send: join([]byte{0x81, 0xfe, 0, 125, 0, 0, 0, 0}, make([]byte, 125)), code: wire.CloseFrame},
		{name: "64 bits for 5", send: []byte{0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 1, 2, 3, 4, 5}, code: wire.CloseFrame},
		{name: "64 bits for 65535", send: []byte{0x81, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0}, code: wire.CloseFrame},
		{name: "64 bits, the highest set", send: []byte{0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, code: wire.CloseFrame},
		{name: "64 bits, all set", send: []byte{0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, code: wire.CloseFrame},
		{name: "an exabyte announced", send: []byte{0x81, 0xff, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, code: wire.CloseTooBig},

		// Section 5.3: masking.
		{name: "unmasked", send: append([]byte{0x81, 0x18}, ping...), code: wire.CloseFrame},
		{name: "unmasked ping", send: []byte{0x89, 0}, code: wire.CloseFrame},
		{name: "unmasked close", send: []byte{0x88, 2, 3, 0xe8}, code: wire.CloseFrame},
		{name: "masked with zeros", send: append([]byte{0x81, 0x80 | 24, 0, 0, 0, 0}, ping...), want: "ack"},

		// Section 8.1: UTF-8, also over fragments.
		{name: "characters of 1 to 4 bytes", send: msg(`{"type":"ping","id":"1","x":"aé€😀"}`), want: "ack"},
		{name: "a character over two fragments", send: msg("{\"type\":\"ping\",\"id\":\"1\",\"x\":\"\xe2\x82", "\xac\"}"), want: "ack"},
		{name: "a character over four fragments", send: msg("{\"type\":\"ping\",\"id\":\"1\",\"x\":\"\xf0", "\x9f", "\x98", "\x80\"}"), want: "ack"},
		{name: "a stray byte", send: msg("{\"type\":\"ping\",\"x\":\"\xff\"}"), code: wire.CloseNotUTF8},
		{name: "half a character", send: msg("{\"type\":\"ping\",\"x\":\"\xe2\x82\"}"), code: wire.CloseNotUTF8},
		{name: "half a character at the end", send: msg("{\xe2\x82"), code: wire.CloseNotUTF8},
		{name: "half a character over fragments", send: msg("{\"type\":\"ping\",\"x\":\"\xe2", "\"}"), code: wire.CloseNotUTF8},
		{name: "an overlong form", send: msg("{\"type\":\"ping\",\"x\":\"\xc0\xaf\"}"), code: wire.CloseNotUTF8},
		{name: "half of a surrogate pair", send: msg("{\"type\":\"ping\",\"x\":\"\xed\xa0\x80\"}"), code: wire.CloseNotUTF8},
		{name: "beyond U+10FFFF", send: msg("{\"type\":\"ping\",\"x\":\"\xf4\x90\x80\x80\"}"), code: wire.CloseNotUTF8},

		// What the protocol makes of good frames.
		{name: "not JSON", send: msg(`{`), want: "error:bad_json"},
		{name: "a list", send: msg(`[]`), want: "error:bad_json"},
		{name: "empty text", send: text(``), want: "error:bad_json"},
		{name: "deep", send: msg(strings.Repeat(`{"a":`, 5000)), want: "error:bad_json"},
		{name: "unknown command", send: msg(`{"type":"dance","id":"1"}`), want: "error:unknown_command"},
		{name: "bad field", send: msg(`{"type":"join","id":"1","room":"a b"}`), want: "error:bad_request"},
		{name: "reserved room", send: msg(`{"type":"join","id":"1","room":"_control"}`), want: "error:forbidden"},
		{name: "two hellos", send: msg(`{"type":"hello","id":"1","version":1,"token":"x"}`), want: "error:hello_twice"},
		{name: "not joined", send: msg(`{"type":"send","id":"1","room":"r","msg_id":"m","text":"x"}`), want: "error:not_joined"},
	}
}

// pingOf returns a ping command of n bytes.
func pingOf(n int) string {
	const rest = `{"type":"ping","id":"1","x":""}`
	return rest[:len(rest)-2] + strings.Repeat("x", n-len(rest)) + `"}`
}

// rfcCloseCodes are those of section 7.4, and what an endpoint may send of them.
func rfcCloseCodes() (all []exchange) {
	for code, good := range map[uint16]bool{
		0: false, 999: false, 1000: true, 1001: true, 1002: true, 1003: true, 1004: false, 1005: false, 1006: false, 1007: true, 1008: true,
		1009: true, 1010: true, 1011: true, 1012: true, 1013: true, 1014: true, 1015: false, 1016: false, 1100: false, 2000: false, 2999: false,
		3000: true, 3999: true, 4000: true, 4321: true, 4999: true, 5000: false, 65535: false,
	} {
		want := wire.CloseFrame
		if good {
			want = wire.CloseCode(code)
		}
		all = append(all, exchange{name: fmt.Sprintf("close with %d", code), send: closeFrame(code, "why"), code: want})
	}
	return all
}

// TestFrames sends each of them in one write and byte by byte, while somebody else goes on
// chatting.
func TestFrames(t *testing.T) {
	withoutDeflate := []exchange{
		{name: "RSV1", send: masked(0xc1, []byte("{}")), code: wire.CloseFrame},
		{name: "RSV1 on fragments", send: join(masked(0x41, []byte("{")), masked(0x80, []byte("}"))), code: wire.CloseFrame},
	}
	alsoTLS(t, func(t *testing.T, w *world, conf func(*edge.Config)) {
		e := w.edge(conf)
		try(t, w, e, "", rfcFrames(false), rfcCloseCodes(), withoutDeflate)
	})
}

// try goes through exchanges, each on a connection of its own whose handshake has further headers.
func try(t *testing.T, w *world, e *running, headers string, tables ...[]exchange) {
	other := w.login(e, "other")
	other.join("lobby")
	for i, table := range tables {
		for j, tt := range table {
			for _, chunk := range []int{len(tt.send), 1} {
				if chunk == 1 && len(tt.send) > 10_000 {
					continue
				}
				t.Run(fmt.Sprintf("%s by %d", tt.name, chunk), func(t *testing.T) { tt.run(t, w, e, headers, chunk) })
			}
			other.t = t
			other.say("lobby", fmt.Sprintf("m%d-%d", i, j), "still here")
		}
	}
}

func (tt *exchange) run(t *testing.T, w *world, e *running, headers string, chunk int) {
	c := dial(t, e.Addr(), headers)
	c.send(`{"type":"hello","id":"h","version":1,"token":"%s"}`, w.token("ann"))
	c.want("welcome")
	for at := 0; at < len(tt.send); at += chunk {
		if _, err := c.conn.Write(tt.send[at:min(at+chunk, len(tt.send))]); err != nil {
			break // the edge need not read what it has refused already
		}
	}
	for want := range strings.FieldsSeq(tt.want) {
		op, payload, err := c.frame()
		if err != nil {
			t.Fatal(err)
		}
		got := "pong"
		if op == ws.OpText {
			ev, err := wire.DecodeEvent(payload)
			if err != nil {
				t.Fatal(err)
			}
			if got = ev.Type; got == "error" {
				got += ":" + string(ev.Code)
			}
		}
		if got != want {
			t.Fatalf("got %s %q, want %s", got, payload, want)
		}
	}
	if tt.code != 0 {
		c.wantClose(tt.code)
	}
}
