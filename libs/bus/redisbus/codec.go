package redisbus

import (
	"encoding/binary"
	"errors"
	"unsafe"

	"hubbub.internal/libs/bus"
)

// A record is what the server stores of an entry besides its Seq: a version byte, the lengths of
// sender and id, sender, id, content. The scripts read its head: change them together.
const (
	recordVersion = 1
	recordHead    = 3
)

// liveHead is the size of a live message's head: Seq and Prev, 8 bytes each, big-endian, and the
// length of the room's id. The id and the record follow.
const liveHead = 17

var errRecord = errors.New("the server has something that is no entry of this version")

func encodeRecord(e bus.NewEntry) []byte {
	r := make([]byte, 0, recordHead+len(e.Sender)+len(e.ID)+len(e.Data))
	r = append(r, recordVersion, byte(len(e.Sender)), byte(len(e.ID)))
	r = append(r, e.Sender...)
	r = append(r, e.ID...)
	return append(r, e.Data...)
}

// recordIDs returns the part of a record that identifies the entry: all but the content.
func recordIDs(r []byte) []byte { return r[:recordHead+int(r[1])+int(r[2])] }

// decodeRecord makes an entry of a record, and allocates nothing: the entry shares the record's
// memory. A record is an answer of the server that nobody else holds, so the owner of the entry may
// even write to its data.
func decodeRecord(r string) (bus.Entry, error) {
	if len(r) < recordHead || r[0] != recordVersion {
		return bus.Entry{}, errRecord
	}
	id := recordHead + int(r[1])
	data := id + int(r[2])
	if len(r) < data {
		return bus.Entry{}, errRecord
	}
	return bus.Entry{Sender: r[recordHead:id], ID: r[id:data], Data: bytesOf(r[data:])}, nil
}

// decodeLive makes an entry of a live message.
func decodeLive(m string) (bus.Entry, error) {
	if len(m) < liveHead || len(m) < liveHead+int(m[liveHead-1]) {
		return bus.Entry{}, errRecord
	}
	end := liveHead + int(m[liveHead-1])
	e, err := decodeRecord(m[end:])
	e.Room, e.Seq, e.Prev = m[liveHead:end], readUint64(m), readUint64(m[8:])
	return e, err
}

// bytesOf returns the memory of s.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

func readUint64(s string) uint64 {
	var b [8]byte
	copy(b[:], s)
	return binary.BigEndian.Uint64(b[:])
}
