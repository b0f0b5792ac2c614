package directory

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// Actions of the audit log. docs/roles.md says what each is.
const (
	actBan            = "server.ban"
	actUnban          = "server.unban"
	actNetBan         = "network.ban"
	actNetUnban       = "network.unban"
	actRoomBan        = "room.ban"
	actRoomUnban      = "room.unban"
	actRoomCreate     = "room.create"
	actRoomChange     = "room.change"
	actMemberAdd      = "member.add"
	actMemberRole     = "member.role"
	actMemberEnd      = "member.remove"
	actRegister       = "account.create"
	actAuditExport    = "audit.export"
	actPassword       = "account.password"
	actMail           = "account.mail"
	actResetLink      = "account.reset.link"
	actReset          = "account.reset"
	actSessionEnd     = "session.end"
	actDelete         = "account.delete"
	actStolen         = "session.stolen"
	actServerRole     = "server.role"
	actSetup          = "server.setup"
	actSignOut        = "account.sign-out"
	actDisable        = "account.disable"
	actEnable         = "account.enable"
	actAdmission      = "server.admission"
	actInvitationLink = "invitation.create"

	actInvitationLinkRevoke = "invitation.revoke"
)

const (
	// endActTimeout bounds the writing of an act's outcome, which goes on when the client is gone.
	endActTimeout = 2 * time.Second
	// maxActs is how many acts are read at a time.
	maxActs = 200
)

// errUntold says that a change was made, and that the bus is told of it later.
var errUntold = errors.New("not told on the bus yet")

// actIDs makes ids of acts that are in the order in which they were made, also within a
// millisecond: a counter takes the first random bits (RFC 9562, section 6.2, method 1). It is safe
// for concurrent use.
type actIDs struct {
	mu sync.Mutex
	ms int64
	n  int
}

// afterCounter is where the rest of a UUIDv7 begins, after the time, the version and 12 bits.
const afterCounter = 18

func (s *actIDs) next() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now().UnixMilli()
	if s.n++; now != s.ms || s.n > 0xfff {
		s.ms, s.n = now, 0
	}
	return fmt.Sprintf("%s7%03x", store.ActIDAt(s.ms), s.n) + chat.NewID()[afterCounter:]
}

// consoleKey is the context's key of the name of the user of hubbub admin.
type consoleKey struct{}

// asConsole returns a context in which hubbub admin acts and no user does: whoever may run that
// command runs the server.
func asConsole(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, consoleKey{}, name)
}

// consoleOf returns the name that asConsole was given; empty: a user acts.
func consoleOf(ctx context.Context) string {
	name, _ := ctx.Value(consoleKey{}).(string)
	return name
}

// auditLog notes who did what to whom before it is done, and shows that to operators and auditors.
type auditLog struct {
	*core
	rights *rights

	actIDs actIDs
}

// audit writes down an act, then does it, then writes down what came of it. It is for every change
// that the directory makes of anything but what is a user's own; call it once the change is known
// to be allowed. Who acts, and from where, is taken from the context where the act does not say it.
//
// An act that cannot be written down is not done. When a crash, or a store that fails after the
// act, leaves open whether it was done, its outcome stays unknown in the log: it is never missing
// there.
func (s *auditLog) audit(ctx context.Context, a store.Act, do func(context.Context) error) error {
	if a.Actor == "" && a.ActorName == "" {
		if a.ActorName = consoleOf(ctx); a.ActorName == "" {
			c := httpapi.User(ctx)
			a.Actor, a.ActorName = c.User, c.Name
		}
	}
	if a.Address == "" {
		a.Address = peerOf(ctx)
	}
	a.ID, a.Outcome = s.actIDs.next(), store.OutcomeUnknown
	a.At = store.ActTime(a.ID)
	if err := s.store.PutAct(ctx, a); err != nil {
		return err
	}
	err := do(ctx)
	outcome := store.OutcomeDone
	if _, known := errors.AsType[*chat.Error](err); err != nil && !errors.Is(err, errUntold) {
		if !known && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrConflict) {
			return err // whether it was done is not known
		}
		outcome = store.OutcomeFailed
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endActTimeout)
	defer cancel()
	if ended := s.store.EndAct(ending, a.ID, outcome); ended != nil {
		_ = s.stored(ended) // which logs and counts it; the caller is told what came of the act
	}
	return err
}

// note writes down an act that changes nothing here: somebody takes a copy.
func (s *auditLog) note(ctx context.Context, a store.Act) error {
	return s.audit(ctx, a, func(context.Context) error { return nil })
}

// removeOldActs removes what the audit log has kept for long enough.
func (s *auditLog) removeOldActs(ctx context.Context) error {
	_, err := s.store.DeleteActsBefore(ctx, store.ActIDAt(time.Now().Add(-s.cfg.AuditKeep).UnixMilli()))
	return err
}

type actView struct {
	ID          string `json:"id"`
	At          int64  `json:"at" doc:"UTC milliseconds."`
	Action      string `json:"action" doc:"What was done, such as server.ban."`
	Actor       string `json:"actor,omitempty" doc:"Id of the user who did it; left out: not a user."`
	ActorName   string `json:"actor_name" doc:"At the time."`
	Subject     string `json:"subject,omitempty" doc:"Id of the user it was done to."`
	SubjectName string `json:"subject_name,omitempty" doc:"At the time."`
	Room        string `json:"room,omitempty"`
	Address     string `json:"address,omitempty" doc:"Where the request came from."`
	Detail      string `json:"detail,omitempty"`
	Outcome     string `json:"outcome" doc:"done, failed, or unknown: a crash, or a store that failed, left that open."`
}

type actsOutput struct {
	Acts []actView `json:"acts" doc:"Newest first."`
	Next string    `json:"next,omitempty" doc:"As before, it asks for older ones; left out: there are none."`
}

// acts returns a page of the audit log.
func (s *auditLog) acts(ctx context.Context, c auth.Claims, f store.ActFilter, limit int) (out actsOutput, err error) {
	if err := s.mayAudit(ctx, c, f); err != nil {
		return out, err
	}
	return s.pageOfActs(ctx, f, limit)
}

func (s *auditLog) pageOfActs(ctx context.Context, f store.ActFilter, limit int) (out actsOutput, err error) {
	out.Acts = []actView{}
	all, err := s.store.Acts(ctx, f, limit+1)
	all, more := page(all, limit)
	if more {
		out.Next = all[limit-1].ID
	}
	for _, a := range all {
		out.Acts = append(out.Acts, actView(a))
	}
	return out, err
}

// mayAudit returns an error unless a user may read what a filter chooses of the audit log.
func (s *auditLog) mayAudit(ctx context.Context, c auth.Claims, f store.ActFilter) error {
	if _, err := s.rights.permittedOnServer(ctx, directoryapi.ActionAudit, c.User); err != nil {
		return err
	}
	return checkFilter(f)
}

// checkFilter returns an error for a filter that makes no sense.
func checkFilter(f store.ActFilter) error {
	for _, id := range []string{f.Actor, f.Subject, f.Room, f.Before} {
		if id != "" && !chat.ValidID(id) {
			return chat.E(chat.CodeBadRequest, "actor, subject, room and before must be ids")
		}
	}
	if f.Since < 0 || f.Until < 0 || f.Until > 0 && f.Since >= f.Until {
		return chat.E(chat.CodeBadRequest, "since and until must be UTC milliseconds, and since the earlier one")
	}
	return nil
}

// noteExport writes down that somebody takes a copy of what a filter chooses of the audit log.
func (s *auditLog) noteExport(ctx context.Context, in *actsInput) error {
	act := store.Act{Action: actAuditExport, Subject: in.Subject, Room: in.Room, Detail: in.String()}
	return s.note(ctx, act)
}

// exportActs calls write with each act that a filter chooses, newest first.
func (s *auditLog) exportActs(ctx context.Context, f store.ActFilter, write func(actView) error) error {
	for {
		all, err := s.store.Acts(ctx, f, maxActs)
		if err != nil {
			return err
		}
		for _, a := range all {
			if err := write(actView(a)); err != nil {
				return err
			}
			f.Before = a.ID
		}
		if len(all) < maxActs {
			return nil
		}
	}
}
