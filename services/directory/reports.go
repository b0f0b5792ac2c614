package directory

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

const (
	// maxEvidence is how much of a message's text a report keeps, in bytes.
	maxEvidence = 4096
	// maxOpenReports is how many unresolved reports a user may have made.
	maxOpenReports = 50
	// maxReports is how many reports one page has.
	maxReports = 100
	// maxAlerted is how many moderators, and how many owners, get the news of a report.
	maxAlerted = 50
	// keepReports is how long the store keeps resolved reports.
	keepReports = 180 * 24 * time.Hour
)

// Actions of the audit log.
const (
	actReportTake    = "report.take"
	actReportResolve = "report.resolve"
	actReportContext = "report.context"
)

// reportReasons are the reasons that a report can give.
var reportReasons = []string{"spam", "abuse", "harm", "illegal", "other"}

// Outcomes of a report.
const (
	outcomeDismiss = "dismiss"
	outcomeDelete  = "delete"
	outcomeMute    = "mute"
	outcomeBan     = "ban"
	outcomePurge   = "purge"
)

var errNoReport = chat.E(chat.CodeNotFound, "there is no such report, or it is not yours to see")

// reports accepts reports of messages, lists them for review, and carries out the outcome.
type reports struct {
	*core
	records  *records
	changes  *changes
	rights   *rights
	auditLog *auditLog
	quotas   *quotas
	mutes    *mutes
	bans     *bans
	purges   *purges
}

// report stores a report of a message, with its text, and tells the room's moderators and owners of
// it.
func (s *reports) report(ctx context.Context, c auth.Claims, room, author, message, reason, words string) error {
	if _, _, err := s.rights.permitted(ctx, directoryapi.ActionReport, room, c.User); err != nil {
		return err
	}
	if err := s.rights.accountMay(c, directoryapi.ActionReport); err != nil {
		return err
	}
	switch {
	case !chat.ValidID(author) || !chat.ValidID(message):
		return chat.E(chat.CodeBadRequest, "author and message must be ids")
	case author == c.User:
		return chat.E(chat.CodeBadRequest, "you cannot report yourself: delete the message")
	case !slices.Contains(reportReasons, reason):
		return chat.E(chat.CodeBadRequest, "reason must be one of "+strings.Join(reportReasons, ", "))
	case utf8.RuneCountInString(words) > 2*maxReason || !utf8.ValidString(words):
		return chat.E(chat.CodeBadRequest, "the text is too long: it may have 512 characters")
	}
	if err := s.checkReports(ctx, c.User, 1); err != nil {
		return err
	}
	m, err := s.evidence(ctx, room, author, message)
	if err != nil {
		return err
	}
	r := store.Report{
		ID: chat.NewID(), Room: room, Author: author, AuthorName: m.Name, Message: message, Text: chat.FirstBytes(m.Text, maxEvidence), Sent: m.TS, Reporter: c.User,
		ReporterName: c.Name, Reason: reason, Words: words, Created: time.Now().UnixMilli(), State: store.ReportOpen,
	}
	err = s.store.PutReport(ctx, r)
	if errors.Is(err, store.ErrConflict) {
		return chat.E(chat.CodeConflict, "you have reported that message already")
	}
	if err == nil {
		over := s.checkReports(ctx, c.User, 0)
		err = s.quotas.keepQuota(ctx, over, func(ctx context.Context) error { return s.store.DeleteReport(ctx, r.ID) })
	}
	if err == nil {
		s.alert(ctx, r)
	}
	return err
}

// checkReports returns an error unless a user may make this many more reports.
func (s *reports) checkReports(ctx context.Context, user string, more int) error {
	waiting, err := s.store.ReportsBy(ctx, user, maxOpenReports+1)
	if err == nil && len(waiting)+more > maxOpenReports {
		err = chat.E(chat.CodeTooMany, "too many of your reports are still open: wait until some are resolved")
	}
	return err
}

// evidence returns a message from the record.
func (s *reports) evidence(ctx context.Context, room, author, message string) (chat.Message, error) {
	history := historyapi.NewClient(s.bus)
	at, err := history.Sent(ctx, historyapi.SentRequest{Room: room, User: author, ID: message})
	if err != nil {
		return chat.Message{}, err
	}
	if at.Seq > 0 {
		page, err := history.Page(ctx, historyapi.PageRequest{Room: room, Around: at.Seq, Limit: 2})
		if err != nil {
			return chat.Message{}, err
		}
		for _, m := range page.Messages {
			if m.User == author && m.ID == message && !m.Deleted {
				return m, nil
			}
		}
	}
	return chat.Message{}, chat.E(chat.CodeNotFound, "there is no such message any more")
}

// alert tells a room's moderators and owners that there is a report, and not what it says. The
// report is in their queue even if that fails.
func (s *reports) alert(ctx context.Context, r store.Report) {
	for _, role := range []directoryapi.Role{directoryapi.RoleModerator, directoryapi.RoleOwner} {
		all, err := s.store.MembersInRole(ctx, r.Room, role, maxAlerted)
		for _, m := range all {
			if err == nil && m.User != r.Author && m.User != r.Reporter {
				err = s.changes.event(ctx, chat.Event{
					Type: chat.TypeModerated, Act: chat.ActReport, Room: chat.UserRoom(m.User), Target: r.Room, ID: r.ID, User: m.User, TS: r.Created,
				})
			}
		}
		if err != nil {
			s.log.Warn("could not tell moderators of a report; it is in their queue", zap.Error(err))
			return
		}
	}
}

// reviewable returns a report that the user may act on, and where the user's right comes from: the
// report's room or the whole server.
func (s *reports) reviewable(ctx context.Context, c auth.Claims, id string) (r store.Report, where string, err error) {
	if !chat.ValidID(id) {
		return r, "", errNoReport
	}
	r, err = s.store.Report(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && r.Author == c.User {
		return r, "", errNoReport // nobody reviews a report about themself
	} else if err != nil {
		return r, "", err
	}
	_, _, err = s.rights.permitted(ctx, directoryapi.ActionReview, r.Room, c.User)
	if chat.CodeOf(err) != chat.CodeForbidden {
		return r, r.Room, err
	}
	_, err = s.rights.permittedOnServer(ctx, directoryapi.ActionReview, c.User)
	if chat.CodeOf(err) == chat.CodeForbidden {
		err = errNoReport
	}
	return r, wholeServer, err
}

// claimReport records that the user looks at a report.
func (s *reports) claimReport(ctx context.Context, c auth.Claims, id string) error {
	r, _, err := s.reviewable(ctx, c, id)
	if err != nil {
		return err
	}
	if r.State == store.ReportTaken && r.Taker == c.User {
		return nil
	}
	r.State, r.Taker, r.TakerName = store.ReportTaken, c.User, c.Name
	return s.auditLog.audit(ctx, s.reportAct(actReportTake, r, ""), func(ctx context.Context) error {
		return s.moveReport(ctx, r, store.ReportOpen)
	})
}

func (s *reports) reportAct(action string, r store.Report, detail string) store.Act {
	return store.Act{Action: action, Room: r.Room, Subject: r.Author, SubjectName: r.AuthorName, Detail: detail}
}

func (s *reports) moveReport(ctx context.Context, r store.Report, from ...string) error {
	err := s.store.MoveReport(ctx, r, from)
	if errors.Is(err, store.ErrNotFound) {
		return chat.E(chat.CodeConflict, "somebody else has taken or resolved that report meanwhile")
	}
	return err
}

// verdict is the outcome of a report.
type verdict struct {
	Outcome string `json:"outcome" doc:"dismiss, delete (the message), mute or ban (its author), or purge (delete their messages)."`
	Note    string `json:"note,omitempty" doc:"One line of up to 256 characters; of a mute, a ban or a purge it is the reason."`
	Minutes int64  `json:"minutes,omitempty" doc:"Of a mute or a ban: minutes until it ends by itself."`
	Span    string `json:"span,omitempty" doc:"Of a purge: hour, day or ever: how far back."`
}

// resolveReport carries out the outcome of a report, and then closes the report with a note. It is
// safe to repeat.
func (s *reports) resolveReport(ctx context.Context, c auth.Claims, id string, v verdict) error {
	r, where, err := s.reviewable(ctx, c, id)
	if err != nil {
		return err
	}
	note, err := checkText("note", v.Note, 0, maxReason)
	if err != nil {
		return err
	}
	if r.State == store.ReportResolved {
		return chat.E(chat.CodeConflict, "that report is resolved already")
	}
	return s.auditLog.audit(ctx, s.reportAct(actReportResolve, r, because(v.Outcome, note)), func(ctx context.Context) error {
		switch v.Outcome {
		case outcomeDismiss:
		case outcomeDelete:
			err = s.deleteReported(ctx, c, r)
		case outcomeMute:
			err = s.mutes.mute(ctx, c, where, r.Author, v.Minutes, note)
		case outcomeBan:
			err = s.bans.ban(ctx, c, where, r.Author, note, v.Minutes)
		case outcomePurge:
			err = s.purges.purge(ctx, c, where, r.Author, purgeBody{Span: v.Span, Reason: note})
		default:
			err = chat.E(chat.CodeBadRequest, "outcome must be dismiss, delete, mute, ban or purge")
		}
		if err != nil {
			return err
		}
		r.State, r.Taker, r.TakerName, r.Outcome, r.Note, r.Resolved = store.ReportResolved, c.User, c.Name, v.Outcome, note, time.Now().UnixMilli()
		if err := s.moveReport(ctx, r, store.ReportOpen, store.ReportTaken); err != nil {
			return err
		}
		// The reporter hears that the report is resolved, and not who resolved it or what they
		// noted.
		err := s.changes.event(ctx, chat.Event{
			Type: chat.TypeModerated, Act: chat.ActResolved, Room: chat.UserRoom(r.Reporter), Target: r.Room, ID: r.ID, User: r.Reporter, Text: v.Outcome, TS: r.Resolved,
		})
		if err != nil {
			s.log.Warn("could not tell a reporter that the report is resolved", zap.Error(err))
		}
		return nil
	})
}

// deleteReported deletes the message of a report. It is no error if the message is gone already.
func (s *reports) deleteReported(ctx context.Context, c auth.Claims, r store.Report) error {
	_, err := historyapi.NewClient(s.bus).Apply(ctx, historyapi.ApplyRequest{Moderator: true, Event: chat.Event{
		Type: chat.TypeDeleted, Room: r.Room, ID: r.ID, User: c.User, Name: c.Name, Target: r.Message, Author: r.Author, TS: time.Now().UnixMilli(),
	}})
	if chat.CodeOf(err) == chat.CodeNotFound {
		return nil
	}
	return err
}

// removeReports removes reports that were resolved more than keepReports ago.
func (s *reports) removeReports(ctx context.Context) error {
	return s.store.DeleteReportsBefore(ctx, time.Now().Add(-keepReports).UnixMilli())
}
