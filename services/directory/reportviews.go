package directory

import (
	"context"
	"slices"

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// contextLimit is how many messages show with a report: the reported one and half of the others on
// each side.
const contextLimit = 11

type reportView struct {
	ID           string `json:"id"`
	Room         string `json:"room"`
	RoomName     string `json:"room_name,omitempty" doc:"The current name; absent: a direct room, or one that is gone."`
	Direct       bool   `json:"direct,omitempty" doc:"The room is a direct one."`
	Author       string `json:"author" doc:"Who wrote the message."`
	AuthorName   string `json:"author_name"`
	Message      string `json:"message"`
	Text         string `json:"text" doc:"The message's text when it was reported, up to 4096 bytes."`
	Sent         int64  `json:"sent" doc:"UTC milliseconds."`
	Reporter     string `json:"reporter"`
	ReporterName string `json:"reporter_name"`
	Reason       string `json:"reason"`
	Words        string `json:"words,omitempty" doc:"What the reporter says of it."`
	Created      int64  `json:"created" doc:"UTC milliseconds."`
	State        string `json:"state" doc:"open, taken or resolved."`
	Taker        string `json:"taker,omitempty" doc:"Who took it, or resolved it."`
	TakerName    string `json:"taker_name,omitempty"`
	Outcome      string `json:"outcome,omitempty" doc:"dismiss, delete, mute, ban or purge."`
	Note         string `json:"note,omitempty"`
	Resolved     int64  `json:"resolved,omitempty" doc:"UTC milliseconds."`
}

func viewOfReport(r store.Report, room store.Room) reportView {
	v := reportView{
		ID: r.ID, Room: r.Room, Direct: isTalk(room), Author: r.Author, AuthorName: r.AuthorName, Message: r.Message, Text: r.Text, Sent: r.Sent,
		Reporter: r.Reporter, ReporterName: r.ReporterName, Reason: r.Reason, Words: r.Words, Created: r.Created, State: r.State, Taker: r.Taker,
		TakerName: r.TakerName, Outcome: r.Outcome, Note: r.Note, Resolved: r.Resolved,
	}
	if !isTalk(room) {
		v.RoomName = room.Name
	}
	return v
}

type reportsOutput struct {
	Reports []reportView `json:"reports" doc:"Oldest first, unless the newest were asked for."`
	More    bool         `json:"more,omitempty" doc:"There are more after the last one."`
}

// reports lists the reports about a room, or about all rooms. It leaves out those about the user's
// own messages.
func (s *reports) reports(ctx context.Context, c auth.Claims, q store.ReportQuery) (reportsOutput, error) {
	out := reportsOutput{Reports: []reportView{}}
	if _, err := s.rights.permittedIn(ctx, directoryapi.ActionReview, q.Room, c.User); err != nil {
		return out, err
	}
	if err := checkAfter(q.After, "report"); err != nil {
		return out, err
	}
	q.Limit = maxReports + 1
	all, err := s.store.Reports(ctx, q)
	if err != nil {
		return out, err
	}
	all, out.More = page(all, maxReports)
	rooms, err := s.roomsOf(ctx, all)
	if err != nil {
		return out, err
	}
	var names []named
	for i := range all {
		r := &all[i]
		names = append(names, named{r.Author, &r.AuthorName}, named{r.Reporter, &r.ReporterName}, named{r.Taker, &r.TakerName})
	}
	err = s.records.unname(ctx, names)
	for _, r := range all {
		if r.Author != c.User {
			out.Reports = append(out.Reports, viewOfReport(r, rooms[r.Room]))
		}
	}
	return out, err
}

// roomsOf returns the rooms of reports by id, without those that are gone.
func (s *reports) roomsOf(ctx context.Context, reports []store.Report) (map[string]store.Room, error) {
	rooms := map[string]store.Room{}
	for _, r := range reports {
		rooms[r.Room] = store.Room{}
	}
	ids := make([]string, 0, len(rooms))
	for id := range rooms {
		ids = append(ids, id)
	}
	known, err := s.store.Rooms(ctx, ids)
	for _, r := range known {
		rooms[r.ID] = r
	}
	return rooms, err
}

type contextMessage struct {
	ID       string `json:"id"`
	User     string `json:"user"`
	Name     string `json:"name"`
	Text     string `json:"text"`
	Sent     int64  `json:"sent" doc:"UTC milliseconds."`
	Deleted  bool   `json:"deleted,omitempty"`
	Edited   bool   `json:"edited,omitempty"`
	Reported bool   `json:"reported,omitempty" doc:"It is the message of the report."`
}

type contextOutput struct {
	Messages []contextMessage `json:"messages" doc:"Oldest first; empty: the message is gone."`
}

// reportContext returns the messages before and after the one of a report, as they are now. If the
// user's right is not from the room itself, the audit log gets the access, because it shows a room
// that is not theirs.
func (s *reports) reportContext(ctx context.Context, c auth.Claims, id string) (out contextOutput, err error) {
	out.Messages = []contextMessage{}
	r, where, err := s.reviewable(ctx, c, id)
	if err != nil {
		return out, err
	}
	read := func(ctx context.Context) (err error) {
		out.Messages, err = s.around(ctx, c.User, r)
		return err
	}
	if where != wholeServer {
		return out, read(ctx)
	}
	return out, s.auditLog.audit(ctx, s.reportAct(actReportContext, r, ""), read)
}

func (s *reports) around(ctx context.Context, user string, r store.Report) ([]contextMessage, error) {
	views := []contextMessage{}
	history := historyapi.NewClient(s.bus)
	at, err := history.Sent(ctx, historyapi.SentRequest{Room: r.Room, User: r.Author, ID: r.Message})
	if err != nil || at.Seq == 0 {
		return views, err
	}
	ask := historyapi.PageRequest{User: user, Room: r.Room, Around: at.Seq, Limit: contextLimit}
	page, err := history.Page(ctx, ask)
	if err == nil && !slices.ContainsFunc(page.Messages, func(m chat.Message) bool { return m.Seq == at.Seq }) {
		ask.Thread = chat.Thread{Author: r.Author, ID: r.Message} // an answer is only in its thread
		page, err = history.Page(ctx, ask)
	}
	for _, m := range page.Messages {
		if m.Type != chat.TypeMsg {
			continue
		}
		views = append(views, contextMessage{
			ID: m.ID, User: m.User, Name: m.Name, Text: chat.FirstBytes(m.Text, maxEvidence), Sent: m.TS, Deleted: m.Deleted, Edited: m.EditedTS > 0,
			Reported: m.User == r.Author && m.ID == r.Message,
		})
	}
	return views, err
}
