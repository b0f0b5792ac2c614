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
	// dataHour is how often an hour a user takes all data along: it reads all that the user has
	// ever said.
	dataHour = 10
	// historyTries is how often history is asked for messages that it cannot give right now, a
	// while apart.
	historyTries = 5
)

// ownData is what a user takes along. The messages, which may be many, are written one run after
// the other: only one is in memory.
type ownData struct {
	copies *copies
	data   myData
	user   string
	first  historyapi.Mine
}

// startExport returns what there is of the user of a token. Messages are read when it is written,
// but for the first.
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

// write writes one JSON object: the data, and last messages, a message a line. extend is called
// before each run of messages.
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
	op := guarded(http.MethodGet, "/v1/me/data", "my-data", "What there is of you: account, log-ins, rooms, and all that you have said")
	op.Responses = map[string]*huma.Response{"200": {
		Description: "One object: account, created, last_seen, mail, settings, preferences, sessions, memberships, saved, and messages, which are as those of a page and have their earlier versions. An answer that is cut off is not whole.",
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
				s.log.Warn("an export of a user's data was cut off", zap.Error(err))
				panic(http.ErrAbortHandler)
			}
		}}, nil
	})
}
