package presence

import (
	"github.com/cespare/xxhash/v2"

	"hubbub.internal/libs/chat"
)

// Session is one socket of a user on one edge.
type Session struct {
	ID     uint64   // the edge's own number of it, used once in the life of the edge's process
	User   string   // id of the user
	Name   string   // the user's name as the token said it
	Device string   // kind of the device, such as web or phone; may be empty
	Status Status   // what the socket last reported; empty is Online
	Rooms  []string // ids of the rooms that it is joined to, in any order, each once
	Since  int64    // when it said hello, in UTC milliseconds of the edge's clock
}

// Limits of what one session may say of itself; what is longer is cut by the reporter and refused
// by replicas.
const (
	MaxName   = 256  // bytes of a name
	MaxDevice = 32   // bytes of a device kind
	MaxRooms  = 4096 // rooms of one session
)

// DigestVersion names the functions Fact, StatusFact and RoomFact. Digests of different versions
// say nothing about each other.
const DigestVersion = 1

// A digest is the sum, modulo 2^64, of the hashes of the facts that hold: one for the session
// itself, one for its status, one for each of its rooms. A sum does not depend on the order in
// which facts came and went, so both the edge and a replica keep it up to date with one addition
// for each change.

// Hash is the hash of an id within a fact.
func Hash(id string) uint64 { return xxhash.Sum64String(id) }

// Fact is the hash of a session's being there. The name is no part of it: it never changes within a
// session.
func Fact(id, userHash, deviceHash uint64, since int64) uint64 {
	return mix(mix(mix(id+1)+userHash)+deviceHash) + mix(uint64(since)^id)
}

// StatusFact is the hash of a session's having a status.
func StatusFact(id uint64, s Status) uint64 { return mix(mix(id+2) + uint64(s.Code())) }

// RoomFact is the hash of a session's being in a room.
func RoomFact(id, roomHash uint64) uint64 { return mix(mix(id+3) ^ roomHash) }

// mix is the finalizer of splitmix64: every bit of x has a part in every bit of the result.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// digest is the sum of all facts of a session.
func (s *Session) digest() uint64 {
	d := Fact(s.ID, Hash(s.User), Hash(s.device()), s.Since) + StatusFact(s.ID, s.Status)
	for _, room := range s.Rooms {
		if counted(s.User, room) {
			d += RoomFact(s.ID, Hash(room))
		}
	}
	return d
}

// Digest is the sum of all facts of the session that a change of kind Entered tells, as it was
// told: without the rooms that are not reported.
func (c *Change) Digest() uint64 {
	d := Fact(c.ID, Hash(string(c.User)), Hash(string(c.Device)), c.Since) + StatusFact(c.ID, c.Status)
	for _, room := range c.Rooms {
		d += RoomFact(c.ID, Hash(string(room)))
	}
	return d
}

func (s *Session) name() string { return chat.FirstBytes(s.Name, MaxName) }

func (s *Session) device() string {
	if !chat.ValidID(s.Device) {
		return ""
	}
	return chat.FirstBytes(s.Device, MaxDevice)
}

// counted reports whether presence in a room is reported: in a user's own room nobody else can be,
// and reserved rooms are not for people.
func counted(user, room string) bool {
	return !chat.Reserved(room) && !(len(room) == 2+len(user) && room[:2] == "u-" && room[2:] == user)
}

// The codes of the statuses between edges and replicas.
const (
	codeOnline = iota + 1
	codeIdle
	codeDND
	codeInvisible
)

// Code is the number of a socket's status between edges and replicas. Empty and unknown ones have
// that of Online.
func (s Status) Code() uint8 {
	switch s {
	case Idle:
		return codeIdle
	case DND:
		return codeDND
	case Invisible:
		return codeInvisible
	}
	return codeOnline
}

// StatusOf is the status with a code. A code of a newer release is taken for Online.
func StatusOf(code uint8) Status {
	switch code {
	case codeIdle:
		return Idle
	case codeDND:
		return DND
	case codeInvisible:
		return Invisible
	}
	return Online
}
