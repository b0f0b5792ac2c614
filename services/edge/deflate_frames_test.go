package edge_test

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge"
)

// offer is the header that asks for compression.
const offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"

// deflated returns a payload compressed as RFC 7692 section 7.2.1 has it.
func deflated(s string) string {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		panic(err)
	}
	_, _ = io.WriteString(w, s)
	_ = w.Flush()
	return strings.TrimSuffix(b.String(), "\x00\x00\xff\xff")
}

// inflated undoes it.
func inflated(t testing.TB, b []byte) []byte {
	t.Helper()
	out, err := io.ReadAll(flate.NewReader(io.MultiReader(bytes.NewReader(b), strings.NewReader("\x00\x00\xff\xff\x01\x00\x00\xff\xff"))))
	if err != nil {
		t.Fatalf("%x does not inflate: %v", b, err)
	}
	return out
}

func packed(payload string) []byte { return masked(0xc1, []byte(payload)) }

// rfcDeflate are the rules of RFC 7692 for a client's messages.
func rfcDeflate() []exchange {
	ping := `{"type":"ping","id":"1"}`
	final := func(s string) string { // in a block that says it is the last
		var b bytes.Buffer
		w, _ := flate.NewWriter(&b, flate.BestCompression)
		_, _ = io.WriteString(w, s)
		_ = w.Close()
		return b.String()
	}
	stored := "\x00" + string(binary.LittleEndian.AppendUint16(nil, uint16(len(ping)))) + string(binary.LittleEndian.AppendUint16(nil, ^uint16(len(ping)))) + ping + "\x00"
	longest := ping + strings.Repeat(" ", 65536-len(ping))
	z := deflated(ping)
	return []exchange{
		{name: "compressed and not, by turns", send: join(packed(z), text(ping), packed(z)), want: "ack ack ack"},
		{name: "section 7.2.3.1, one block", send: packed("\xf2\x48\xcd\xc9\xc9\x07\x00"), want: "error:bad_json"},
		{name: "section 7.2.3.3, no compression", send: packed(stored), want: "ack"},
		{name: "section 7.2.3.4, a last block", send: packed(final(ping) + "\x00"), want: "ack"},
		{name: "section 7.2.3.5, two blocks", send: packed(deflated(ping[:9]) + "\x00\x00\xff\xff" + deflated(ping[9:])), want: "ack"},
		{name: "section 7.2.3.6, an empty block", send: packed("\x00"), want: "error:bad_json"},
		{name: "blocks after a last block", send: packed(final(ping[:9]) + deflated(ping[9:])), want: "ack"},
		{name: "not even a block", send: packed(""), code: wire.CloseNotUTF8},
		{name: "ping within fragments", send: join(masked(0x41, []byte(z[:3])), masked(0x89, nil), masked(0x80, []byte(z[3:]))), want: "pong ack"},
		{name: "plain after fragments", send: join(masked(0x41, []byte(z[:3])), masked(0x80, []byte(z[3:])), masked(0x01, []byte(ping[:3])), masked(0x80, []byte(ping[3:]))), want: "ack ack"},
		{name: "RSV1 on every fragment", send: join(masked(0x41, []byte(z[:3])), masked(0xc0, []byte(z[3:]))), code: wire.CloseFrame},
		{name: "RSV1 and RSV2", send: masked(0xe1, []byte(z)), code: wire.CloseFrame},
		{name: "binary", send: masked(0xc2, []byte(z)), code: wire.CloseBinary},
		{name: "binary within fragments", send: join(masked(0x41, []byte(z[:3])), masked(0xc2, []byte(z[3:]))), code: wire.CloseFrame},
		{name: "as long as may be, and longer when compressed", send: packed(storedBlocks(longest)), want: "ack"},
		{name: "the same in fragments", send: join(masked(0x41, []byte(storedBlocks(longest)[:60<<10])), masked(0x80, []byte(storedBlocks(longest)[60<<10:]))), want: "ack"},
		{name: "a byte longer", send: packed(storedBlocks(longest + " ")), code: wire.CloseTooBig},
		{name: "blocks of nothing, more than a message may have", send: packed(strings.Repeat("\x00\x00\x00\xff\xff", 20<<10)), code: wire.CloseTooBig},
		{name: "no DEFLATE", send: packed("\xff\xff\xff\xff"), code: wire.CloseNotUTF8},
		{name: "half a block", send: packed(stored[:10]), code: wire.CloseNotUTF8},
		{name: "back beyond the start", send: packed("\x02\x13\x00\x00"), code: wire.CloseNotUTF8},
		{name: "the window of the message before", send: join(packed(z), packed("\x02\x13\x00\x00")), want: "ack", code: wire.CloseNotUTF8},
		{name: "a bomb", send: packed(deflated(strings.Repeat("\x00", 1<<20))), code: wire.CloseTooBig},
		{name: "a bomb in fragments", send: message(true, nil, strings.Repeat("\x00", 1<<19), strings.Repeat("\x00", 1<<19)), code: wire.CloseTooBig},
		{name: "not UTF-8", send: packed(deflated("{\"type\":\"ping\",\"x\":\"\xe2\x82\"}")), code: wire.CloseNotUTF8},
	}
}

// storedBlocks returns a payload in blocks that are not compressed, and so a few bytes longer than
// it is.
func storedBlocks(s string) string {
	var b []byte
	for len(s) > 0 {
		n := min(len(s), 16<<10)
		b = append(b, 0)
		b = binary.LittleEndian.AppendUint16(b, uint16(n))
		b = binary.LittleEndian.AppendUint16(b, ^uint16(n))
		b = append(b, s[:n]...)
		s = s[n:]
	}
	return string(b) + "\x00"
}

// TestDeflateFrames goes through the rules for frames on connections that have agreed to compress:
// with messages that are compressed, and with others.
func TestDeflateFrames(t *testing.T) {
	transports(t, func(t *testing.T, w *world, conf func(*edge.Config)) {
		e := w.edge(conf, compressing)
		try(t, w, e, offer, rfcFrames(true), rfcCloseCodes(), rfcDeflate())
		try(t, w, e, offer, rfcFrames(false))
	})
}

func compressing(c *edge.Config) { c.Deflate = 512 }

// frameOf reads until a text frame has a text in it, and returns its first byte and its payload as
// it came.
func (c *client) frameOf(text string) (first byte, payload []byte) {
	c.t.Helper()
	for {
		c.deadline()
		h, err := ws.ReadHeader(c.r)
		if err != nil {
			c.t.Fatal(err)
		}
		payload = make([]byte, h.Length)
		if _, err = io.ReadFull(c.r, payload); err != nil {
			c.t.Fatal(err)
		}
		first, plain := byte(0x81), payload
		if h.Rsv1() {
			first, plain = 0xc1, inflated(c.t, payload)
		}
		if h.OpCode == ws.OpText && bytes.Contains(plain, []byte(text)) {
			return first, payload
		}
	}
}

// TestDeflateRoom has a room in which some compress and some do not: all get the same, and it is
// compressed once.
func TestDeflateRoom(t *testing.T) {
	transports(t, func(t *testing.T, w *world, conf func(*edge.Config)) {
		e := w.edge(conf, compressing)
		enter := func(headers string) *client {
			c := dial(t, e.Addr(), headers)
			c.send(`{"type":"hello","id":"h","version":1,"token":"%s"}`, w.token("ann"))
			c.want("welcome")
			c.join("lobby")
			return c
		}
		sender := enter("")
		var plain, packs []*client
		for range 10 {
			plain, packs = append(plain, enter("")), append(packs, enter(offer))
		}
		short, long := "short and sweet", strings.Repeat("long and winding ", 100)
		sender.say("lobby", "m1", short)
		sender.say("lobby", "m2", long)
		var want []byte
		for _, c := range plain {
			if first, _ := c.frameOf(short); first != 0x81 {
				t.Errorf("a short message begins with %x", first)
			}
			first, b := c.frameOf(long)
			if first != 0x81 {
				t.Errorf("a message begins with %x where compression was not agreed on", first)
			}
			want = b
		}
		for _, c := range packs {
			if first, _ := c.frameOf(short); first != 0x81 {
				t.Errorf("a short message begins with %x", first)
			}
			first, b := c.frameOf(long)
			if first != 0xc1 || len(b)*3 > len(want) {
				t.Errorf("a long message begins with %x and has %d bytes of %d", first, len(b), len(want))
			}
			if got := inflated(t, b); !bytes.Equal(got, want) {
				t.Errorf("inflates to %q, want %q", got, want)
			}
		}
		if n := e.count("hubbub_edge_compressed_total"); n != 1 {
			t.Errorf("compressed %v messages, want one", n)
		}
		// When the last who compresses has gone the room goes on, and when another comes, too.
		for _, c := range packs {
			c.write(closeFrame(1000, ""))
			c.wantClose(1000)
		}
		eventually(t, "they have left", func() bool { return e.count("hubbub_edge_sockets") == float64(1+len(plain)) })
		sender.say("lobby", "m3", long)
		plain[0].frameOf(`"m3"`) // it has come through the room before anybody compresses again
		late := enter(offer)
		sender.say("lobby", "m4", long)
		if first, b := late.frameOf(`"m4"`); first != 0xc1 || !bytes.Contains(inflated(t, b), []byte(long)) {
			t.Errorf("a message after the last has gone begins with %x", first)
		}
		if n := e.count("hubbub_edge_compressed_total"); n != 2 {
			t.Errorf("compressed %v messages, want two", n)
		}
	})
}

// TestDeflateCost: a client sends what costs much to inflate: that counts as many commands.
func TestDeflateCost(t *testing.T) {
	w := newWorld(t)
	e := w.edge(compressing, func(c *edge.Config) { c.Rate, c.Burst = 1, 10 })
	ping := pingOf(100)
	for _, tt := range []struct{ name, payload string }{
		{"short on the wire", deflated(pingOf(60 << 10))},
		{"blocks of nothing", strings.Repeat("\x00\x00\x00\xff\xff", 12<<10) + deflated(ping)},
		{"last blocks, one after the other", strings.Repeat("\x01\x00\x00\xff\xff", 100) + deflated(ping)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, e.Addr(), offer)
			c.send(`{"type":"hello","id":"h","version":1,"token":"%s"}`, w.token("ann"))
			c.want("welcome")
			costly := packed(tt.payload)
			c.write(costly)
			c.wantError("1", string(chat.CodeRateLimited))
			for range 60 {
				if _, err := c.conn.Write(costly); err != nil {
					break
				}
			}
			c.wantClose(wire.CloseAbuse)
		})
	}
}

// TestDeflateOff declines what is offered.
func TestDeflateOff(t *testing.T) {
	w := newWorld(t)
	c := dialTCP(t, w.edge().Addr())
	c.write([]byte(request + offer + "\r\n"))
	if head := c.head(); !strings.HasPrefix(head, "HTTP/1.1 101 ") || strings.Contains(head, "Extensions") {
		t.Errorf("answered %q", head)
	}
}

// TestDeflateNegotiation shows what offers are answered.
func TestDeflateNegotiation(t *testing.T) {
	w := newWorld(t)
	e := w.edge(compressing)
	const yes = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
	for i, tt := range []struct{ offer, status, want string }{
		{offer, "101", yes},
		{"Sec-WebSocket-Extensions: x\r\nsec-websocket-extensions: permessage-deflate\r\n", "101", yes},
		{"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=\"10\", permessage-deflate; server_max_window_bits=15\r\n", "101", yes + "; server_max_window_bits=15"},
		{"Sec-WebSocket-Extensions: permessage-deflate; mystery=1\r\n", "101", ""},
		{"", "101", ""},
		{"Sec-WebSocket-Extensions: permessage-deflate; =\r\n", "400", ""},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			c := dialTCP(t, e.Addr())
			c.write([]byte(request + tt.offer + "\r\n"))
			head := c.head()
			got := ""
			if _, rest, ok := strings.Cut(head, "Sec-WebSocket-Extensions: "); ok {
				got, _, _ = strings.Cut(rest, "\r\n")
			}
			if !strings.HasPrefix(head, "HTTP/1.1 "+tt.status+" ") || got != tt.want {
				t.Errorf("answered %q", head)
			}
		})
	}
}
