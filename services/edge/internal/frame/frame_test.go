package frame

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"hubbub.internal/libs/wire"
)

func mask(b []byte) []byte {
	var out bytes.Buffer
	f := ws.NewTextFrame(b)
	f = ws.MaskFrame(f)
	if err := ws.WriteFrame(&out, f); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// FuzzRead holds what is read against gobwas/ws's own reader, whole and cut at every place.
func FuzzRead(f *testing.F) {
	for _, n := range []int{0, 1, 125, 126, 1000, 65535, 65536} {
		f.Add(mask(bytes.Repeat([]byte("x"), n)))
	}
	f.Add([]byte{0x88, 0x82, 1, 2, 3, 4, 5, 6})
	f.Add([]byte{0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4})
	f.Add([]byte{0x81, 0xfe, 0, 5, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Add([]byte{0xc1, 0x82, 1, 2, 3, 4, 5, 6})
	f.Add([]byte{0xc0, 0x82, 1, 2, 3, 4, 5, 6})
	const limit = 70_000
	f.Fuzz(func(t *testing.T, b []byte) {
		// where compression was agreed on the bit is good, but only where a message begins
		if len(b) > 0 && b[0]&0x70 == rsv1 {
			plain := bytes.Clone(b)
			plain[0] &^= rsv1
			data := b[0]&0x0f == 1 || b[0]&0x0f == 2
			f, n, c := Read(bytes.Clone(b), limit, true)
			g, m, d := Read(plain, limit, true)
			if data && (n != m || c != d || f.Packed != (n > 0 || len(b) > 1) || g.Packed || !bytes.Equal(f.Payload, g.Payload)) || !data && len(b) > 1 && c != wire.CloseFrame {
				t.Fatalf("compressed: %+v of %d, %d; else %+v of %d, %d", f, n, c, g, m, d)
			}
		}
		got, used, code := Read(bytes.Clone(b), limit, false)
		want, err := ws.ReadFrame(bytes.NewReader(b)) //nolint:staticcheck // the input is in memory: what is deprecated is harmless here
		fine := err == nil && ws.CheckHeader(want.Header, ws.StateServerSide) == nil ||
			err == nil && ws.CheckHeader(want.Header, ws.StateServerSide|ws.StateFragmented) == nil
		switch {
		case used > 0:
			if !fine || used > len(b) || got.Op != want.Header.OpCode || got.Fin != want.Header.Fin || !bytes.Equal(got.Payload, ws.UnmaskFrame(want).Payload) {
				t.Fatalf("read %+v, %v", got, err)
			}
			for cut := range min(used, 20) {
				if _, n, c := Read(bytes.Clone(b[:cut]), limit, false); n != 0 || c != 0 {
					t.Fatalf("%d of %d bytes are a frame (%d) or an error (%d)", cut, used, n, c)
				}
			}
		case code == 0 && fine:
			t.Fatalf("a good frame of %d bytes was not read", len(b))
		case code == wire.CloseTooBig && fine && len(want.Payload) <= limit:
			t.Fatalf("%d bytes are too many", len(want.Payload))
		}
	})
}

func TestAppend(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 65535, 65536, 100_000} {
		payload := bytes.Repeat([]byte("x"), n)
		b := Append([]byte("before"), ws.OpText, payload)[len("before"):]
		f, err := ws.ReadFrame(bytes.NewReader(b)) //nolint:staticcheck // as above
		if err != nil || !f.Header.Fin || f.Header.Masked || f.Header.OpCode != ws.OpText || !bytes.Equal(f.Payload, payload) {
			t.Errorf("frame of %d bytes: %+v, %v", n, f.Header, err)
		}
		if Len(b) != len(b) {
			t.Errorf("length of %d is %d, want %d", n, Len(b), len(b))
		}
	}
}

func TestAppendClose(t *testing.T) {
	long := string(bytes.Repeat([]byte("é"), 100))
	for code, reason := range map[wire.CloseCode]string{wire.CloseDrain: "bye", wire.CloseResume: long, wire.CloseNoStatus: ""} {
		b := AppendClose(nil, code, reason)
		f, err := ws.ReadFrame(bytes.NewReader(b)) //nolint:staticcheck // as above
		if err != nil || f.Header.OpCode != ws.OpClose || len(f.Payload) > 125 || Closed(f.Payload) != code {
			t.Errorf("%d: %+v %q, %v", code, f.Header, f.Payload, err)
		}
	}
}

// client returns a client's frame with these first two bytes and extended length; the payload is
// masked with 1 2 3 4.
func client(first, second byte, length, payload []byte) []byte {
	b := append(append([]byte{first, second}, length...), 1, 2, 3, 4)
	for i, c := range payload {
		b = append(b, c^byte(i%4+1))
	}
	return b
}

// TestRead is every rule for a frame, on both sides of each bound.
func TestRead(t *testing.T) {
	const limit = 70_000
	long := func(n int) []byte { return bytes.Repeat([]byte("x"), n) }
	length := func(n int) (b []byte) { return binary.BigEndian.AppendUint64(nil, uint64(n)) }
	for _, tt := range []struct {
		name   string
		in     []byte
		packed bool
		code   wire.CloseCode
		want   *Frame // nil with code 0: more has to come
	}{
		{"text", client(0x81, 0x82, nil, []byte("hi")), false, 0, &Frame{[]byte("hi"), ws.OpText, true, false}},
		{"more than a frame", append(client(0x81, 0x82, nil, []byte("hi")), 0x81), false, 0, &Frame{[]byte("hi"), ws.OpText, true, false}},
		{"first fragment", client(0x01, 0x82, nil, []byte("hi")), false, 0, &Frame{[]byte("hi"), ws.OpText, false, false}},
		{"last fragment", client(0x80, 0x80, nil, nil), false, 0, &Frame{nil, ws.OpContinuation, true, false}},
		{"binary", client(0x82, 0x81, nil, []byte("b")), false, 0, &Frame{[]byte("b"), ws.OpBinary, true, false}},
		{"ping", client(0x89, 0x80|125, nil, long(125)), false, 0, &Frame{long(125), ws.OpPing, true, false}},
		{"pong", client(0x8a, 0x80, nil, nil), false, 0, &Frame{nil, ws.OpPong, true, false}},
		{"nothing", nil, false, 0, nil},
		{"a byte", []byte{0x81}, false, 0, nil},
		{"half a length", []byte{0x81, 0xfe, 0}, false, 0, nil},
		{"most of a long length", []byte{0x81, 0xff, 0, 0, 0, 0, 0, 1, 0}, false, 0, nil},
		{"half a mask", []byte{0x81, 0x80, 1, 2}, false, 0, nil},
		{"all but a byte", client(0x81, 0x83, nil, []byte("hi")), false, 0, nil},
		{"not masked", []byte{0x81, 0x02, 'h', 'i'}, false, wire.CloseFrame, nil},
		{"RSV2", client(0xa1, 0x80, nil, nil), true, wire.CloseFrame, nil},
		{"RSV3", client(0x91, 0x80, nil, nil), true, wire.CloseFrame, nil},
		{"a reserved data opcode", client(0x83, 0x80, nil, nil), false, wire.CloseFrame, nil},
		{"a reserved control opcode", client(0x8b, 0x80, nil, nil), false, wire.CloseFrame, nil},
		{"a long ping", client(0x89, 0xfe, []byte{0, 126}, long(126)), false, wire.CloseFrame, nil},
		{"half a ping", client(0x09, 0x80, nil, nil), false, wire.CloseFrame, nil},
		{"a ping that is announced long", []byte{0x89, 0xff}, false, wire.CloseFrame, nil},
		{"126 bytes", client(0x81, 0xfe, []byte{0, 126}, long(126)), false, 0, &Frame{long(126), ws.OpText, true, false}},
		{"125 bytes as if they were more", client(0x81, 0xfe, []byte{0, 125}, long(125)), false, wire.CloseFrame, nil},
		{"65,535 bytes", client(0x81, 0xfe, []byte{0xff, 0xff}, long(65535)), false, 0, &Frame{long(65535), ws.OpText, true, false}},
		{"65,536 bytes", client(0x81, 0xff, length(65536), long(65536)), false, 0, &Frame{long(65536), ws.OpText, true, false}},
		{"65,535 bytes as if they were more", client(0x81, 0xff, length(65535), nil), false, wire.CloseFrame, nil},
		{"as long as may be", client(0x81, 0xff, length(limit), long(limit)), false, 0, &Frame{long(limit), ws.OpText, true, false}},
		{"a byte more", client(0x81, 0xff, length(limit+1), nil), false, wire.CloseTooBig, nil},
		{"as long as there is", client(0x81, 0xff, length(math.MaxInt64), nil), false, wire.CloseTooBig, nil},
		{"a negative length", client(0x81, 0xff, []byte{0x80, 0, 0, 0, 0, 0, 0, 0}, nil), false, wire.CloseFrame, nil},
		{"compressed", client(0xc1, 0x82, nil, []byte("zz")), true, 0, &Frame{[]byte("zz"), ws.OpText, true, true}},
		{"compressed in fragments", client(0x41, 0x82, nil, []byte("zz")), true, 0, &Frame{[]byte("zz"), ws.OpText, false, true}},
		{"compressed, not agreed on", client(0xc1, 0x82, nil, []byte("zz")), false, wire.CloseFrame, nil},
		{"compressed where no message begins", client(0xc0, 0x82, nil, []byte("zz")), true, wire.CloseFrame, nil},
		{"a compressed ping", client(0xc9, 0x82, nil, []byte("zz")), true, wire.CloseFrame, nil},
		{"compressed and as long as may be", client(0xc1, 0xff, length(PackedLimit(limit)), long(PackedLimit(limit))), true, 0, &Frame{long(PackedLimit(limit)), ws.OpText, true, true}},
		{"compressed and a byte more", client(0xc1, 0xff, length(PackedLimit(limit)+1), nil), true, wire.CloseTooBig, nil},
		{"not compressed and longer than may be", client(0x81, 0xff, length(limit+1), nil), true, wire.CloseTooBig, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, used, code := Read(bytes.Clone(tt.in), limit, tt.packed)
			switch {
			case code != tt.code:
				t.Errorf("refused with %d, want %d", code, tt.code)
			case tt.want == nil && used != 0:
				t.Errorf("a frame of %d bytes was read", used)
			case tt.want != nil && (used == 0 || used > len(tt.in) || tt.name != "more than a frame" && used != len(tt.in) ||
				!bytes.Equal(f.Payload, tt.want.Payload) || f.Op != tt.want.Op || f.Fin != tt.want.Fin || f.Packed != tt.want.Packed):
				t.Errorf("read %+.100v of %d bytes", f, used)
			}
		})
	}
	if got := PackedLimit(800); got != 800+100+64 {
		t.Errorf("a message of 800 bytes may come as %d", got)
	}
}

// TestAppendPackedHeader: the header is that of the frame, and says that its message is compressed.
func TestAppendPackedHeader(t *testing.T) {
	for _, n := range []int{0, 125, 126, 65535, 65536} {
		want := AppendHeader([]byte("before"), ws.OpText, n)
		want[len("before")] |= 0x40
		if got := AppendPackedHeader([]byte("before"), ws.OpText, n); !bytes.Equal(got, want) || len(got) > len("before")+MaxHeader {
			t.Errorf("%d: % x, want % x", n, got, want)
		}
	}
}

// TestCloseReason: a reason is as long as a control frame has room for, and stays UTF-8.
func TestCloseReason(t *testing.T) {
	fits := strings.Repeat("x", 123)
	for reason, want := range map[string]string{
		"": "", fits: fits, fits + "y": fits, strings.Repeat("é", 62): strings.Repeat("é", 61), "a\xff": "a",
	} {
		if got := AppendClose(nil, wire.CloseDrain, reason); string(got[4:]) != want || int(got[1]) != len(got)-2 || got[0] != 0x88 {
			t.Errorf("%q is sent as % x", reason, got)
		}
	}
	if got := AppendClose(nil, wire.CloseNoStatus, "no matter"); !bytes.Equal(got, []byte{0x88, 0}) {
		t.Errorf("without a code: % x", got)
	}
}

// TestClosed: a client's code is answered with itself, and one that it may not send with 1002 (RFC
// 6455 section 7.4).
func TestClosed(t *testing.T) {
	for code, good := range map[int]bool{
		0: false, 999: false, 1000: true, 1001: true, 1003: true, 1004: false, 1005: false, 1006: false, 1007: true, 1011: true, 1014: true, 1015: false,
		1016: false, 2999: false, 3000: true, 3999: true, 4000: true, 4999: true, 5000: false, 65535: false,
	} {
		want := wire.CloseFrame
		if good {
			want = wire.CloseCode(code)
		}
		if got := Closed(binary.BigEndian.AppendUint16(nil, uint16(code))); got != want {
			t.Errorf("%d is answered with %d, want %d", code, got, want)
		}
	}
	for payload, want := range map[string]wire.CloseCode{"": wire.CloseNoStatus, "\x03": wire.CloseFrame, "\x03\xe8bye": 1000, "\x03\xe8\xff": wire.CloseNotUTF8} {
		if got := Closed([]byte(payload)); got != want {
			t.Errorf("%q is answered with %d, want %d", payload, got, want)
		}
	}
}
