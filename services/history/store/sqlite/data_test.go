package sqlite

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"hubbub.internal/libs/chat"
)

// TestDataIsKeptByteForByte holds that what is left out of an entry comes back as it was, whatever
// the entry is.
func TestDataIsKeptByteForByte(t *testing.T) {
	entry, err := chat.AppendEntry(nil, chat.Event{Type: chat.TypeMsg, Room: "r1", ID: "m1", User: "ann", TS: 5, Text: "hello"})
	if err != nil {
		t.Fatal(err)
	}
	if kept := pack(entry, beginning(nil, chat.TypeMsg, "r1", "m1", "ann")); !bytes.HasPrefix(kept, []byte("\x00,")) || len(kept) > len(`_,"ts":5,"text":"hello"}`) {
		t.Errorf("of an entry is kept %q", kept)
	}
	begins := beginning(nil, chat.TypeMsg, "r1", "m1", "ann")
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.OneOf(rapid.SliceOf(rapid.Byte()), rapid.Map(rapid.SliceOf(rapid.Byte()), func(rest []byte) []byte { return append(bytes.Clone(begins), rest...) }),
			rapid.Map(rapid.SliceOf(rapid.Byte()), func(rest []byte) []byte { return append([]byte{0}, rest...) }), rapid.Just(entry)).Draw(t, "data")
		if got := unpack(pack(data, begins), chat.TypeMsg, "r1", "m1", "ann"); !bytes.Equal(got, data) {
			t.Fatalf("%q is %q", data, got)
		}
	})
}

// TestIDsAreKept holds the same of ids, of which UUIDs take 16 bytes.
func TestIDsAreKept(t *testing.T) {
	uuid := chat.NewID()
	if kept, ok := packID(uuid).([]byte); !ok || len(kept) != 16 {
		t.Errorf("%s is kept as %v", uuid, packID(uuid))
	}
	letters := rapid.SampledFrom([]byte("0123456789abcdefABCDEFg-_"))
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.OneOf(rapid.Map(rapid.SliceOfN(letters, 0, 64), func(b []byte) string { return string(b) }), rapid.Just(uuid),
			rapid.Map(rapid.SliceOfN(letters, 36, 36), func(b []byte) string { b[8], b[13], b[18], b[23] = '-', '-', '-', '-'; return string(b) })).Draw(t, "id")
		if got := unpackID(packID(id)); got != id {
			t.Fatalf("%q is %q", id, got)
		}
	})
}
