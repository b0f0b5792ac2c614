package presence

import (
	"encoding/binary"
	"hash/crc32"
)

// ChannelEdges is the live channel on which edges report to the replicas.
const ChannelEdges = "presence.edges"

// The form of what edges send: a version byte, a kind byte, the edge's id, its incarnation, what
// the kind says, and a CRC-32C of all of it, little endian. Numbers are uvarints, texts are a
// uvarint length and bytes. A change is a kind byte, the length of the rest, and the rest: an
// unknown kind and what a newer release adds at an end are passed over.
const (
	reportVersion = 1

	kindChanges   = 'c' // from, n, then n changes
	kindHeartbeat = 'h' // beat, number, count, digest version, digest (8 bytes)
	kindGoodbye   = 'g' // nothing
	kindChunk     = 's' // snapshot id, index, chunks, from, to, a table of rooms, sessions

	opEnter  = 1 // id, user, name, device, status, since, rooms
	opJoin   = 2 // id, room
	opLeave  = 3 // id, room
	opStatus = 4 // id, status
	opExit   = 5 // id
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func appendHead(dst []byte, kind byte, edge string, incarnation uint64) []byte {
	dst = append(dst, reportVersion, kind)
	dst = appendText(dst, edge)
	return binary.AppendUvarint(dst, incarnation)
}

// seal appends the checksum of a whole message.
func seal(msg []byte) []byte {
	return binary.LittleEndian.AppendUint32(msg, crc32.Checksum(msg, castagnoli))
}

func appendChanges(dst []byte, edge string, incarnation uint64, b batch) []byte {
	if dst == nil {
		dst = make([]byte, 0, len(b.ops)+len(edge)+48)
	}
	dst = appendHead(dst, kindChanges, edge, incarnation)
	dst = binary.AppendUvarint(dst, b.from)
	dst = binary.AppendUvarint(dst, b.n)
	return seal(append(dst, b.ops...))
}

func appendHeartbeat(dst []byte, edge string, incarnation uint64, h Heartbeat) []byte {
	dst = appendHead(dst, kindHeartbeat, edge, incarnation)
	dst = binary.AppendUvarint(dst, h.Beat)
	dst = binary.AppendUvarint(dst, h.Number)
	dst = binary.AppendUvarint(dst, h.Count)
	dst = append(dst, h.DigestVersion)
	return seal(binary.LittleEndian.AppendUint64(dst, h.Digest))
}

func appendGoodbye(dst []byte, edge string, incarnation uint64) []byte {
	return seal(appendHead(dst, kindGoodbye, edge, incarnation))
}

// appendOp appends one change whose body is what write appends.
func appendOp(dst []byte, kind byte, write func([]byte) []byte) []byte {
	dst = append(dst, kind)
	// Most bodies are shorter than 128 bytes and have a length of one byte. A longer one is moved.
	start := len(dst)
	dst = write(append(dst, 0))
	n := len(dst) - start - 1
	if n < 0x80 {
		dst[start] = byte(n)
		return dst
	}
	var length [binary.MaxVarintLen64]byte
	w := binary.PutUvarint(length[:], uint64(n))
	dst = append(dst, length[:w-1]...) // room for the move; the bytes are overwritten
	copy(dst[start+w:], dst[start+1:start+1+n])
	copy(dst[start:], length[:w])
	return dst
}

func appendEnter(dst []byte, s *Session) []byte {
	return appendOp(dst, opEnter, func(b []byte) []byte {
		b = appendFacts(b, s)
		n := uint64(0)
		for _, room := range s.Rooms {
			if counted(s.User, room) {
				n++
			}
		}
		b = binary.AppendUvarint(b, n)
		for _, room := range s.Rooms {
			if counted(s.User, room) {
				b = appendText(b, room)
			}
		}
		return b
	})
}

// appendFacts appends what there is to say of a session except its rooms.
func appendFacts(b []byte, s *Session) []byte {
	b = binary.AppendUvarint(b, s.ID)
	b = appendText(b, s.User)
	b = appendText(b, s.name())
	b = appendText(b, s.device())
	b = append(b, s.Status.Code())
	return binary.AppendUvarint(b, uint64(s.Since))
}

func appendRoom(dst []byte, kind byte, id uint64, room string) []byte {
	return appendOp(dst, kind, func(b []byte) []byte { return appendText(binary.AppendUvarint(b, id), room) })
}

func appendStatus(dst []byte, id uint64, s Status) []byte {
	return appendOp(dst, opStatus, func(b []byte) []byte { return append(binary.AppendUvarint(b, id), s.Code()) })
}

func appendExit(dst []byte, id uint64) []byte {
	return appendOp(dst, opExit, func(b []byte) []byte { return binary.AppendUvarint(b, id) })
}
