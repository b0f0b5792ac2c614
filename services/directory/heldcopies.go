package directory

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/export"
	"hubbub.internal/services/directory/store"
)

func (s *copies) holdRoutes(api huma.API) {
	route(s.core, api, guarded(http.MethodGet, "/v1/server/holds", "holds", "The legal holds: for operators"),
		func(ctx context.Context, _ *struct{}) (out holdsOutput, err error) {
			if _, err := s.rights.permittedOnServer(ctx, directoryapi.ActionHold, httpapi.User(ctx).User); err != nil {
				return out, err
			}
			out.Holds, err = s.holds.holds(ctx)
			return out, err
		})
	route(s.core, api, guarded(http.MethodPost, "/v1/server/holds", "make-hold", "Keep what is said in a room, or by somebody, from being removed: for operators"),
		limited(s.core, func(ctx context.Context, in *holdInput) (holdView, error) {
			c := httpapi.User(ctx)
			if _, err := s.rights.permittedOnServer(ctx, directoryapi.ActionHold, c.User); err != nil {
				return holdView{}, err
			}
			return s.holds.hold(ctx, historyapi.Hold{Room: in.Body.Room, User: in.Body.User, Reason: in.Body.Reason, Actor: c.User, Name: c.Name})
		}))
	route(s.core, api, guarded(http.MethodDelete, "/v1/server/holds/{hold}", "lift-hold", "End a legal hold, and remove what only it has kept: for operators"),
		limited(s.core, func(ctx context.Context, in *heldInput) (empty, error) {
			if _, err := s.rights.permittedOnServer(ctx, directoryapi.ActionHold, httpapi.User(ctx).User); err != nil {
				return empty{}, err
			}
			return empty{}, s.holds.lift(ctx, in.Hold)
		}))
	op := guarded(http.MethodGet, "/v1/server/holds/{hold}/export", "export-hold", "A copy of what a legal hold has kept of removed and replaced texts: for operators")
	op.Responses = map[string]*huma.Response{"200": {Description: "An answer that is cut off is not whole.", Content: map[string]*huma.MediaType{"application/x-ndjson": {}}}}
	huma.Register(api, op, func(ctx context.Context, in *heldInput) (*huma.StreamResponse, error) {
		_, err := s.rights.permittedOnServer(ctx, directoryapi.ActionHold, httpapi.User(ctx).User)
		if err == nil {
			err = s.exportRate.count(time.Now(), "copies", httpapi.User(ctx).User)
		}
		c := &copying{Hold: in.Hold}
		var lines []json.RawMessage
		if err == nil {
			lines, err = s.next(ctx, c)
		}
		if err != nil {
			return nil, httpapi.Error(s.fail(ctx, err), nil)
		}
		return s.copyOut(ctx, c, lines, false), nil
	})
}

// copyHeld adds the head of a copy of what a hold has kept, or some entries.
func (s *copies) copyHeld(ctx context.Context, c *copying) (lines []json.RawMessage, err error) {
	if !c.Begun {
		return s.beginHeld(ctx, c)
	}
	run, err := patiently(ctx, func() (historyapi.Held, error) {
		return historyapi.NewClient(s.bus).Held(ctx, historyapi.HeldRequest{ID: c.Hold, Room: c.From.Room, Seq: c.From.Seq})
	})
	if err != nil {
		return nil, err
	}
	for _, e := range run.Entries {
		if lines, err = c.add(lines, export.KindHeld, e); err != nil {
			return nil, err
		}
		c.From = historyapi.MineNext{Room: e.Room, Seq: e.Seq}
	}
	if run.More {
		return lines, nil
	}
	return s.endCopy(ctx, c, lines)
}

func (s *copies) beginHeld(ctx context.Context, c *copying) ([]json.RawMessage, error) {
	h, err := s.holds.heldBy(ctx, c.Hold)
	if err != nil {
		return nil, err
	}
	by := consoleOf(ctx)
	if by == "" {
		by = httpapi.User(ctx).Name
	}
	head := export.Head{Version: export.Version, At: time.Now().UnixMilli(), By: by, Hold: &export.Hold{ID: h.ID, Reason: h.Reason, By: h.Name, Created: h.Created}}
	if h.Room != "" {
		r, _, err := s.records.roomThere(ctx, h.Room)
		if err != nil {
			return nil, err
		}
		head.Room = &export.Room{ID: h.Room, Name: r.Name, Topic: r.Topic, Private: r.Private, Direct: r.Direct, Created: r.Created}
	} else {
		name, err := s.records.nameOf(ctx, h.User)
		if err != nil {
			return nil, err
		}
		head.Person = &export.Person{ID: h.User, Name: name}
	}
	if err := s.auditLog.note(ctx, store.Act{Action: actHoldExport, Room: h.Room, Subject: h.User, Detail: "hold " + h.ID}); err != nil {
		return nil, err
	}
	c.Begun = true
	return c.add(nil, export.KindHead, head)
}
