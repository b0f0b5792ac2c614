package directory

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/export"
	"hubbub.internal/services/directory/store"
)

// Actions of the audit log: each is there when a copy is begun, and once more when it is whole,
// with the hash of its last line.
const (
	actRoomExport   = "room.export"
	actPersonExport = "account.export"
)

// copying is a copy of a room, or of what a person has said, that is made part by part. It has a
// text form, with which a client asks for the next part.
type copying struct {
	Room   string `json:"room,omitempty"`
	Person string `json:"person,omitempty"`
	Hold   string `json:"hold,omitempty"`   // of what this hold has kept
	Begun  bool   `json:"begun,omitempty"`  // the head is written
	Member string `json:"member,omitempty"` // the last one that is written
	Said   bool   `json:"said,omitempty"`   // the members are written
	// of a room: the last message that is written
	Seq  uint64              `json:"seq,omitempty"`
	From historyapi.MineNext `json:"from,omitzero"` // of a person
	// the message of which more versions are to be written
	Versions *versionsAt `json:"versions,omitempty"`
	// since when the room shows earlier versions: see directoryapi.Versions
	Since int64        `json:"since,omitempty"`
	Ended bool         `json:"ended,omitempty"`
	Chain export.State `json:"chain"`

	size int // of the lines of this step, in bytes
}

// add adds a line.
func (c *copying) add(lines []json.RawMessage, kind string, content any) ([]json.RawMessage, error) {
	line, err := c.Chain.Add(kind, content)
	c.size += len(line)
	return append(lines, line), err
}

// copies writes copies of rooms, of what a user has said, and of what a hold keeps.
type copies struct {
	*core
	records  *records
	rights   *rights
	auditLog *auditLog
	holds    *holds

	exportRate *throttle // of all data, by user
}

// next returns the next lines of a copy, and none once it has ended.
func (s *copies) next(ctx context.Context, c *copying) ([]json.RawMessage, error) {
	c.size = 0
	switch {
	case c.Ended:
		return nil, nil
	case c.Hold != "":
		return s.copyHeld(ctx, c)
	case !c.Begun:
		return s.beginCopy(ctx, c)
	case c.Versions != nil:
		return s.copyVersions(ctx, c, nil)
	case c.Room == "":
		return s.copyPerson(ctx, c)
	case !c.Said:
		return s.copyMembers(ctx, c)
	}
	return s.copyMessages(ctx, c)
}

func (s *copies) beginCopy(ctx context.Context, c *copying) ([]json.RawMessage, error) {
	by := consoleOf(ctx)
	if by == "" {
		by = httpapi.User(ctx).Name
	}
	h := export.Head{Version: export.Version, At: time.Now().UnixMilli(), By: by}
	act := store.Act{Action: actRoomExport, Room: c.Room}
	if c.Room != "" {
		r, err := s.store.Room(ctx, c.Room)
		if err != nil {
			return nil, err
		}
		if h.Removed, err = s.removedOf(ctx, r.ID); err != nil {
			return nil, err
		}
		c.Since = r.VersionsSince
		h.Room = &export.Room{ID: r.ID, Name: r.Name, Topic: r.Topic, Private: r.Private, Direct: isTalk(r), Created: r.Created}
	} else {
		u, err := s.store.User(ctx, c.Person)
		if err != nil {
			return nil, err
		}
		h.Person = &export.Person{ID: u.ID, Name: u.Name}
		act = store.Act{Action: actPersonExport, Subject: u.ID, SubjectName: u.Name}
	}
	if err := s.auditLog.note(ctx, act); err != nil {
		return nil, err
	}
	c.Begun = true
	return c.add(nil, export.KindHead, h)
}

// removedOf returns what of a room is gone; nil: nothing.
func (s *copies) removedOf(ctx context.Context, room string) (*export.Removed, error) {
	req := historyapi.PageRequest{Room: room, Around: 1, Limit: 1, All: true}
	page, err := patiently(ctx, func() (historyapi.Page, error) { return historyapi.NewClient(s.bus).Page(ctx, req) })
	if err != nil || page.Removed == nil {
		return nil, err
	}
	return &export.Removed{Through: page.Removed.Through, Messages: page.Removed.Messages}, nil
}

// copyMembers adds some members. In a room for everybody these are those with a role.
func (s *copies) copyMembers(ctx context.Context, c *copying) (lines []json.RawMessage, err error) {
	all, err := s.store.Members(ctx, c.Room, c.Member, maxMembers)
	if err != nil {
		return nil, err
	}
	for _, m := range all {
		if lines, err = c.add(lines, export.KindMember, export.Member{User: m.User, Name: m.Name, Role: string(m.Role), Since: m.Since}); err != nil {
			return nil, err
		}
		c.Member = m.User
	}
	c.Said = len(all) < maxMembers
	return lines, nil
}

// copyMessages adds some messages, and the acts of moderation between them, by their seqs.
func (s *copies) copyMessages(ctx context.Context, c *copying) (lines []json.RawMessage, err error) {
	req := historyapi.PageRequest{Room: c.Room, After: c.Seq, Limit: historyapi.MaxLimit, All: true}
	if c.Seq == 0 {
		req.Around = 1 // After 0 asks for the last page
	}
	page, err := patiently(ctx, func() (historyapi.Page, error) { return historyapi.NewClient(s.bus).Page(ctx, req) })
	if err != nil {
		return nil, err
	}
	acts := page.Acts
	for _, m := range page.Messages {
		for ; len(acts) > 0 && acts[0].Seq < m.Seq; acts = acts[1:] {
			if lines, err = c.add(lines, export.KindAct, acts[0]); err != nil {
				return nil, err
			}
		}
		c.Seq = m.Seq
		var full bool
		if lines, full, err = s.copyMessage(ctx, c, lines, m); err != nil || full {
			return lines, err
		}
	}
	for _, a := range acts {
		if lines, err = c.add(lines, export.KindAct, a); err != nil {
			return nil, err
		}
	}
	if page.More && len(page.Messages) > 0 {
		return lines, nil
	}
	return s.endCopy(ctx, c, lines)
}

// copyPerson adds some messages of the person.
func (s *copies) copyPerson(ctx context.Context, c *copying) (lines []json.RawMessage, err error) {
	run, err := s.saidBy(ctx, c.Person, c.From)
	if err != nil {
		return nil, err
	}
	for _, m := range run.Messages {
		c.From = historyapi.MineNext{Room: m.Room, Seq: m.Seq}
		var full bool
		if lines, full, err = s.copyMessage(ctx, c, lines, m); err != nil || full {
			return lines, err
		}
	}
	if run.Next != nil {
		c.From = *run.Next
		return lines, nil
	}
	return s.endCopy(ctx, c, lines)
}

// endCopy adds the last line, and writes its hash down.
func (s *copies) endCopy(ctx context.Context, c *copying, lines []json.RawMessage) ([]json.RawMessage, error) {
	said := c.Chain.Lines[export.KindMessage]
	line, err := c.Chain.End()
	if err != nil {
		return nil, err
	}
	act := store.Act{Action: actRoomExport, Room: c.Room, Detail: fmt.Sprintf("%d messages, hash %s", said, c.Chain.Hash)}
	if c.Person != "" {
		act.Action, act.Subject = actPersonExport, c.Person
		if act.SubjectName, err = s.records.nameOf(ctx, c.Person); err != nil {
			return nil, err
		}
	}
	if c.Hold != "" {
		act.Action, act.Detail = actHoldExport, fmt.Sprintf("hold %s: %d entries, hash %s", c.Hold, c.Chain.Lines[export.KindHeld], c.Chain.Hash)
	}
	c.Ended = true
	return append(lines, line), s.auditLog.note(ctx, act)
}

// patiently asks history, and again after a while when history is busy or away for a moment.
func patiently[T any](ctx context.Context, ask func() (T, error)) (answer T, err error) {
	for try := range historyTries {
		answer, err = ask()
		if code := chat.CodeOf(err); err == nil || code != chat.CodeUnavailable && code != chat.CodeRateLimited {
			return answer, err
		}
		select {
		case <-ctx.Done():
			return answer, ctx.Err()
		case <-time.After(time.Duration(try+1) * time.Second):
		}
	}
	return answer, err
}

// saidBy returns the next run of a user's messages.
func (s *copies) saidBy(ctx context.Context, user string, from historyapi.MineNext) (historyapi.Mine, error) {
	return patiently(ctx, func() (historyapi.Mine, error) {
		return historyapi.NewClient(s.bus).Mine(ctx, historyapi.MineRequest{User: user, Room: from.Room, Seq: from.Seq})
	})
}

type copyInput struct {
	Room   string `path:"room" maxLength:"64"`
	Format string `query:"format" enum:"jsonl,html" default:"jsonl" doc:"jsonl: lines of JSON that hubbub verify-export checks; html: a page that opens offline."`
}

func (s *copies) copyRoute(api huma.API) {
	op := guarded(http.MethodGet, "/v1/rooms/{room}/export", "export-room", "A copy of a room: its members, messages and acts of moderation, oldest first")
	op.Responses = map[string]*huma.Response{"200": {
		Description: "An answer that is cut off is not whole.", Content: map[string]*huma.MediaType{"application/x-ndjson": {}, "text/html": {}},
	}}
	huma.Register(api, op, func(ctx context.Context, in *copyInput) (*huma.StreamResponse, error) {
		user := httpapi.User(ctx)
		r, _, err := s.rights.permitted(ctx, directoryapi.ActionExport, in.Room, user.User)
		if err == nil {
			err = s.exportRate.count(time.Now(), "copies", user.User)
		}
		c := &copying{Room: r.ID}
		var lines []json.RawMessage
		if err == nil {
			lines, err = s.next(ctx, c)
		}
		if err != nil {
			return nil, httpapi.Error(s.fail(ctx, err), nil)
		}
		return s.copyOut(ctx, c, lines, in.Format == "html"), nil
	})
}

// copyOut answers with a copy, whose first lines were read already.
func (s *copies) copyOut(ctx context.Context, c *copying, lines []json.RawMessage, html bool) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(out huma.Context) {
		w := out.BodyWriter()
		write := func(line json.RawMessage) error {
			_, err := w.Write(append(line, '\n'))
			return err
		}
		end := func() error { return nil }
		kind, file := "application/x-ndjson", "room.jsonl"
		if html {
			kind, file = "text/html; charset=utf-8", "room.html"
			page := export.NewPage(w)
			write = func(line json.RawMessage) error {
				l, err := export.Parse(line)
				if err != nil {
					return err
				}
				return page.Line(l)
			}
			end = func() error { return page.End(c.Chain.Hash) }
		}
		out.SetHeader("Content-Type", kind)
		out.SetHeader("Content-Disposition", `attachment; filename="`+file+`"`)
		err := s.writeCopy(ctx, c, lines, func() { extendWrite(w) }, write)
		if err == nil {
			err = end()
		}
		if err != nil {
			s.log.Warn("a copy of a room was cut off", zap.String("room", c.Room), zap.Error(err))
			panic(http.ErrAbortHandler)
		}
	}}
}

// writeCopy writes the lines that were read already, and then the rest of a copy in parts, of which
// one at a time is in memory. It calls extend before each part.
func (s *copies) writeCopy(ctx context.Context, c *copying, lines []json.RawMessage, extend func(), write func(json.RawMessage) error) (err error) {
	for {
		extend()
		for _, line := range lines {
			if err := write(line); err != nil {
				return err
			}
		}
		if c.Ended {
			return nil
		}
		if lines, err = s.next(ctx, c); err != nil {
			return err
		}
	}
}
