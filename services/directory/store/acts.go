package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Outcomes of an Act. An act is stored with OutcomeUnknown before it is done. That outcome stays if
// a crash or a failing store leaves open whether it was done.
const (
	OutcomeUnknown = "unknown"
	OutcomeDone    = "done"
	OutcomeFailed  = "failed"
)

// Act is an entry of the audit log: what somebody did to the server, a room or a user. It is stored
// before the act is done, so that no act goes unrecorded. Afterwards Outcome is set once, and no
// other field ever changes.
type Act struct {
	// a UUIDv7 (RFC 9562) of the time At: the order of ids is the order of acts
	ID     string `bson:"_id"`
	At     int64  `bson:"at"` // UTC milliseconds
	Action string `bson:"action"`
	// id of the user who did it; empty: not a user, and ActorName says what
	Actor       string `bson:"actor"`
	ActorName   string `bson:"actor_name"` // at the time
	Subject     string `bson:"subject"`    // id of the user it was done to; empty: none
	SubjectName string `bson:"subject_name"`
	Room        string `bson:"room"`
	Address     string `bson:"address"` // of the client; empty: none, such as a console's
	Detail      string `bson:"detail"`  // further details, for people
	Outcome     string `bson:"outcome"`
}

// ActFilter chooses acts. An empty field chooses all.
type ActFilter struct {
	Actor, Subject, Room, Action string
	Since, Until                 int64  // UTC milliseconds: from Since on, and before Until
	Before                       string // only acts before the one with this id
}

// Span returns the range of ids of the filter's times: from is the first, and before the end, which
// is not in the range; empty: no end.
func (f ActFilter) Span() (from, before string) {
	if f.Since > 0 {
		from = ActIDAt(f.Since)
	}
	if f.Until > 0 {
		before = ActIDAt(f.Until)
	}
	if before == "" || f.Before != "" && f.Before < before {
		before = f.Before
	}
	return from, before
}

// ActIDAt returns a lower bound of the ids of acts at or after a time in UTC milliseconds.
func ActIDAt(ms int64) string {
	hex := fmt.Sprintf("%012x", max(ms, 0))
	return hex[:len(hex)-4] + "-" + hex[len(hex)-4:] + "-"
}

// ActTime returns the time in an act's id, in UTC milliseconds; 0: this is not the id of an act.
func ActTime(id string) int64 {
	ms, err := strconv.ParseInt(strings.Replace(id[:min(len(id), 13)], "-", "", 1), 16, 64)
	if err != nil {
		return 0
	}
	return ms
}

// Acts keeps the audit log.
type Acts interface {
	PutAct(ctx context.Context, a Act) error // ErrConflict
	// sets an unknown outcome; no error if there is no such act
	EndAct(ctx context.Context, id, outcome string) error
	Acts(ctx context.Context, f ActFilter, limit int) ([]Act, error)    // newest first
	DeleteActsBefore(ctx context.Context, id string) (n int64, _ error) // the acts with smaller ids
}
