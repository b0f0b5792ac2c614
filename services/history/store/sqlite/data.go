package sqlite

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strings"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// cut marks data whose beginning was left out, since columns say it; whole marks data that begins
// with cut itself. Both stand where an entry has its version, which is neither.
const cut = 0

// beginning appends what chat.AppendEntry begins an entry with: its type, room, id and user.
func beginning(dst []byte, kind, room, id, sender string) []byte {
	dst = append(append(dst, chat.EntryVersion), `{"type":"`...)
	dst = append(append(dst, kind...), `","room":"`...)
	dst = append(append(dst, room...), `","id":"`...)
	dst = append(append(dst, id...), `","user":"`...)
	return append(append(dst, sender...), '"')
}

// pack returns data as it is kept: without its beginning where columns say that, else as it is.
// unpack makes the same data of it, byte by byte. begins is memory to work in.
func pack(data, begins []byte) []byte {
	if rest, ok := bytes.CutPrefix(data, begins); ok && len(rest) > 0 && rest[0] != cut {
		return append([]byte{cut}, rest...)
	}
	if len(data) > 0 && data[0] == cut {
		return append([]byte{cut, cut}, data[1:]...)
	}
	if data == nil {
		return []byte{}
	}
	return data
}

// unpack returns data as it was appended to the log, in memory of its own.
func unpack(kept []byte, kind, room, id, sender string) []byte {
	switch {
	case len(kept) == 0 || kept[0] != cut:
		return bytes.Clone(kept)
	case len(kept) > 1 && kept[1] == cut:
		return bytes.Clone(kept[1:])
	}
	const fixed = len(`_{"type":"","room":"","id":"","user":""`)
	out := make([]byte, 0, fixed+len(kind)+len(room)+len(id)+len(sender)+len(kept)-1)
	return append(beginning(out, kind, room, id, sender), kept[1:]...)
}

// nothing was done to most messages.
var nothing = &store.Done{}

// packDone returns what was done to a message as it is kept.
func packDone(d store.Done) []byte {
	if d.Through == 0 {
		return []byte{}
	}
	return append(binary.BigEndian.AppendUint64(nil, d.Through), d.Members...)
}

// unpackDone returns what packDone was given. Nobody changes it.
func unpackDone(kept []byte, gone bool) *store.Done {
	if len(kept) < 8 {
		return nothing
	}
	return &store.Done{Through: binary.BigEndian.Uint64(kept), Deleted: gone, Members: bytes.Clone(kept[8:])}
}

// dashes are the places of the dashes in a UUID.
var dashes = [...]int{8, 13, 18, 23}

// packID returns an id as it is kept: the 16 bytes of a UUID in lower case, as chat.NewID makes
// them, else the text.
func packID(id string) any {
	if len(id) != 36 {
		return id
	}
	for _, at := range dashes {
		if id[at] != '-' {
			return id
		}
	}
	var digits [32]byte
	n := 0
	for i := range len(id) {
		switch c := id[i]; {
		case c == '-' && (i == 8 || i == 13 || i == 18 || i == 23):
		case '0' <= c && c <= '9' || 'a' <= c && c <= 'f':
			digits[n] = c
			n++
		default:
			return id
		}
	}
	b := make([]byte, 16)
	if _, err := hex.Decode(b, digits[:n]); err != nil {
		return id
	}
	return b
}

// unpackID returns the id that packID was given.
func unpackID(kept any) string {
	switch id := kept.(type) {
	case string:
		return id
	case []byte:
		if len(id) != 16 {
			return string(id)
		}
		var b [36]byte
		hex.Encode(b[:8], id[:4])
		hex.Encode(b[9:13], id[4:6])
		hex.Encode(b[14:18], id[6:8])
		hex.Encode(b[19:23], id[8:10])
		hex.Encode(b[24:], id[10:])
		for _, at := range dashes {
			b[at] = '-'
		}
		return string(b[:])
	}
	return ""
}

// packSlot returns a slot as it is kept, and its owner: the sender, if the slot is one of those
// that each sender has.
func packSlot(slot, kind, sender string, number int64) (string, int64) {
	if rest, ok := strings.CutPrefix(slot, kind+":"+sender+":"); ok {
		return rest, number
	}
	return slot, 0
}

// unpackSlot returns the slot that packSlot was given.
func unpackSlot(slot, kind, sender string, owner int64) string {
	if owner == 0 {
		return slot
	}
	return kind + ":" + sender + ":" + slot
}
