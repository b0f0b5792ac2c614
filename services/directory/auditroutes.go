package directory

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"go.uber.org/zap"

	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/services/directory/store"
)

type actsInput struct {
	Actor   string `query:"actor" maxLength:"64" doc:"Only what this user did."`
	Subject string `query:"subject" maxLength:"64" doc:"Only what was done to this user."`
	Room    string `query:"room" maxLength:"64" doc:"Only what was done in this room."`
	Action  string `query:"action" maxLength:"64" doc:"Only this action, such as server.ban."`
	Since   int64  `query:"since" doc:"Only from this time on (UTC milliseconds)."`
	Until   int64  `query:"until" doc:"Only before this time (UTC milliseconds)."`
	Before  string `query:"before" maxLength:"64" doc:"Only what is older than the act with this id."`
	Limit   int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most; an export has all."`
}

func (f *actsInput) filter() store.ActFilter {
	return store.ActFilter{Actor: f.Actor, Subject: f.Subject, Room: f.Room, Action: f.Action, Since: f.Since, Until: f.Until, Before: f.Before}
}

// String returns the filter as it stands in a URL; empty: all.
func (f *actsInput) String() string {
	v := url.Values{}
	for name, value := range map[string]string{
		"actor": f.Actor, "subject": f.Subject, "room": f.Room, "action": f.Action, "before": f.Before,
		"since": strconv.FormatInt(f.Since, 10), "until": strconv.FormatInt(f.Until, 10),
	} {
		if value != "" && value != "0" {
			v.Set(name, value)
		}
	}
	return v.Encode()
}

// exportInterval is how long an export waits for a client that does not read.
const exportInterval = 30 * time.Second

// extendWrite gives an answer that is written in parts exportInterval for its next part.
func extendWrite(w io.Writer) {
	if w, ok := w.(http.ResponseWriter); ok {
		// not every writer has deadlines
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(exportInterval))
	}
}

func (s *auditLog) auditRoutes(api huma.API) {
	route(s.core, api, guarded(http.MethodGet, "/v1/audit", "audit", "Who did what to whom: for operators and auditors"),
		func(ctx context.Context, in *actsInput) (actsOutput, error) {
			return s.acts(ctx, httpapi.User(ctx), in.filter(), in.Limit)
		})
	export := guarded(http.MethodGet, "/v1/audit/export", "export-audit", "The audit log, newest first, as JSON, one act a line: for operators and auditors")
	export.Responses = map[string]*huma.Response{"200": {
		Description: "An answer that is cut off is not whole.", Content: map[string]*huma.MediaType{"application/x-ndjson": {}},
	}}
	huma.Register(api, export, func(ctx context.Context, in *actsInput) (*huma.StreamResponse, error) {
		f := in.filter()
		err := s.mayAudit(ctx, httpapi.User(ctx), f)
		if err == nil {
			err = s.noteExport(ctx, in)
		}
		if err != nil {
			return nil, httpapi.Error(s.fail(ctx, err), nil)
		}
		return &huma.StreamResponse{Body: s.streamActs(f)}, nil
	})
}

// streamActs writes the acts as lines of JSON. If it cannot read all of them, it breaks the
// connection off, so that the client sees that the answer is not complete (RFC 9112, section 8).
func (s *auditLog) streamActs(f store.ActFilter) func(huma.Context) {
	return func(ctx huma.Context) {
		ctx.SetHeader("Content-Type", "application/x-ndjson")
		ctx.SetHeader("Content-Disposition", `attachment; filename="audit.jsonl"`)
		lines := json.NewEncoder(ctx.BodyWriter())
		n := 0
		err := s.exportActs(ctx.Context(), f, func(a actView) error {
			if n++; n%maxActs == 1 {
				extendWrite(ctx.BodyWriter())
			}
			return lines.Encode(a)
		})
		if err != nil {
			s.log.Warn("an export of the audit log was cut off", zap.Error(err))
			panic(http.ErrAbortHandler)
		}
	}
}
