package frame

import (
	"bytes"
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
		if len(b) > 0 && b[0]&0x70 == rsv1 { // where compression was agreed on the bit is good, but only where a message begins
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
