package directory

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"go.uber.org/zap"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
)

const (
	// dataHour is how many exports a user gets an hour: each reads everything that the user ever
	// said.
	dataHour = 10
	// historyTries is how often an export asks history for the same messages, with a pause, while
	// history does not answer.
	historyTries = 5
)

// ownData is the export of a user's own data. It may have very many messages, so only one run of
// them is in memory at a time.
type ownData struct {
	copies *copies
	data   myData
	user   string
	first  historyapi.Mine
}

// startExport collects the data of the token's user and the first run of messages; write reads the
// others.
func (s *ownAccount) startExport(ctx context.Context, c auth.Claims) (*ownData, error) {
	if err := s.copies.exportRate.count(time.Now(), "copies of your data", c.User); err != nil {
		return nil, err
	}
	d, err := s.collectData(ctx, c)
	if err != nil {
		return nil, err
	}
	first, err := historyapi.NewClient(s.bus).Mine(ctx, historyapi.MineRequest{User: c.User})
	if err != nil {
		return nil, err
	}
	d.Saved = first.Saved
	return &ownData{copies: s.copies, data: d, user: c.User, first: first}, nil
}

// write writes one JSON object: the data, and then the messages, one a line. It calls extend before
// each run of messages.
func (e *ownData) write(ctx context.Context, w io.Writer, extend func()) error {
	head, err := json.Marshal(e.data)
	if err != nil {
		return err
	}
	head = append(head[:len(head)-1], `,"messages":[`...) // in place of the last brace
	if _, err := w.Write(head); err != nil {
		return err
	}
	separator := "\n"
	for run := e.first; ; {
		extend()
		for _, m := range run.Messages {
			if err := e.writeMessage(ctx, w, separator, m); err != nil {
				return err
			}
			separator = ",\n"
		}
		if run.Next == nil {
			_, err := io.WriteString(w, "\n]}\n")
			return err
		}
		if run, err = e.copies.saidBy(ctx, e.user, *run.Next); err != nil {
			return err
		}
	}
}

// writeMessage writes a message, with its earlier versions if it was edited.
func (e *ownData) writeMessage(ctx context.Context, w io.Writer, separator string, m chat.Message) error {
	line, err := json.Marshal(m)
	if err != nil {
		return err
	}
	line = append([]byte(separator), line...)
	if m.EditedTS == 0 {
		_, err := w.Write(line)
		return err
	}
	line = append(line[:len(line)-1], `,"versions":[`...) // in place of the last brace
	comma := ""
	for at := (&versionsAt{Room: m.Room, Author: m.User, ID: m.ID}); at != nil; {
		var earlier []historyapi.Version
		if earlier, at, err = e.copies.versions(ctx, *at, 0); err != nil {
			return err
		}
		for _, v := range earlier {
			encoded, err := json.Marshal(v)
			if err != nil {
				return err
			}
			line, comma = append(append(line, comma...), encoded...), ","
		}
		if _, err := w.Write(line); err != nil {
			return err
		}
		line = nil
	}
	_, err = io.WriteString(w, "]}")
	return err
}

func (s *ownAccount) dataRoute(api huma.API) {
	op := guarded(http.MethodGet, "/v1/me/data", "my-data", "All your data: account, log-ins, rooms, and everything that you have said")
	op.Responses = map[string]*huma.Response{"200": {
		Description: "One object: account, created, last_seen, mail, settings, preferences, sessions, memberships, saved, and messages, in the form of those of a page, with their earlier versions. If the connection breaks off, the answer is not complete.",
		Content:     map[string]*huma.MediaType{"application/json": {}},
	}}
	huma.Register(api, op, func(ctx context.Context, _ *struct{}) (*huma.StreamResponse, error) {
		e, err := s.startExport(ctx, httpapi.User(ctx))
		if err != nil {
			return nil, httpapi.Error(s.fail(ctx, err), nil)
		}
		return &huma.StreamResponse{Body: func(ctx huma.Context) {
			ctx.SetHeader("Content-Type", "application/json")
			ctx.SetHeader("Content-Disposition", `attachment; filename="hubbub.json"`)
			w := ctx.BodyWriter()
			if err := e.write(ctx.Context(), w, func() { extendWrite(w) }); err != nil {
				s.log.Warn("could not finish an export of a user's data", zap.Error(err))
				panic(http.ErrAbortHandler)
			}
		}}, nil
	})
}
