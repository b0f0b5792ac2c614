package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Outcomes of an Act. OutcomeUnknown is what an act has from the moment before it is done: it stays
// where a crash or a failing store left open whether it was done.
const (
	OutcomeUnknown = "unknown"
	OutcomeDone    = "done"
	OutcomeFailed  = "failed"
)

// Act is an entry of the audit log: what somebody did to the server, a room or another. It is
// written before the act is done, so that none is done without it; afterwards its Outcome is set
// once, and nothing else of it ever changes.
type Act struct {
	// a UUIDv7 (RFC 9562) of the time At, so that acts are in the order of their ids
	ID     string `bson:"_id"`
	At     int64  `bson:"at"` // UTC milliseconds
	Action string `bson:"action"`
	// id of the user who did it; empty: not a user, and ActorName says what
	Actor       string `bson:"actor"`
	ActorName   string `bson:"actor_name"` // at the time
	Subject     string `bson:"subject"`    // user id of whom it was done to; empty: nobody
	SubjectName string `bson:"subject_name"`
	Room        string `bson:"room"`
	Address     string `bson:"address"` // of the client; empty: none, such as a console's
	Detail      string `bson:"detail"`  // what else there is to say of it
	Outcome     string `bson:"outcome"`
}

// ActFilter chooses acts. An empty field chooses all.
type ActFilter struct {
	Actor, Subject, Room, Action string
	Since, Until                 int64  // UTC milliseconds: from Since on, and before Until
	Before                       string // only acts that are older than that of this id
}

// Span returns the ids between which the acts of the filter's times are: from one on, and before
// another, which is empty if there is no end.
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

// ActIDAt returns a lower bound of the ids of the acts at a time in UTC milliseconds, and later.
func ActIDAt(ms int64) string {
	hex := fmt.Sprintf("%012x", max(ms, 0))
	return hex[:len(hex)-4] + "-" + hex[len(hex)-4:] + "-"
}

// ActTime returns the time that an act's id begins with, in UTC milliseconds; 0: it is no such id.
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
	// of one whose outcome is unknown; none is not an error
	EndAct(ctx context.Context, id, outcome string) error
	Acts(ctx context.Context, f ActFilter, limit int) ([]Act, error)    // newest first
	DeleteActsBefore(ctx context.Context, id string) (n int64, _ error) // whose ids are less
}
