package history

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// versions says what the texts of messages were.
type versions struct {
	directory *directoryapi.Client
	records   *records
}

// list answers historyapi.ServiceVersions.
func (v *versions) list(ctx context.Context, req historyapi.VersionsRequest) (out historyapi.Versions, err error) {
	if err := checkListRequest(req.Room, req.Before, req.Limit, historyapi.MaxVersions); err != nil {
		return out, err
	}
	if !chat.ValidID(req.Author) || !chat.ValidID(req.ID) {
		return out, chat.E(chat.CodeBadRequest, "a message is named by its author and its id")
	}
	limit := cmp.Or(req.Limit, historyapi.DefaultVersions)
	r, err := v.records.of(ctx, req.Room)
	if err != nil {
		return out, err
	}
	found, err := r.versions(ctx, store.Name{Sender: req.Author, ID: req.ID}, cmp.Or(req.Before, everything), limit+1)
	if err != nil {
		return out, err
	}
	if len(found) > limit {
		found, out.More = found[:limit], true
	}
	out.Versions = []historyapi.Version{}
	size := 0
	for i, e := range found {
		event, err := chat.DecodeEntry(e.Data, e.Seq, 0)
		if err != nil {
			return out, fmt.Errorf("entry %d of room %s: %w", e.Seq, e.Room, err)
		}
		if present := i == 0 && req.Before == 0; !present && event.TS < req.Since {
			out.Hidden, out.More = true, false
			break
		}
		version := historyapi.Version{Seq: e.Seq, TS: event.TS, Text: event.Text, Lost: event.Text == ""}
		encoded, err := json.Marshal(version)
		if err != nil {
			return out, fmt.Errorf("encode a version: %w", err)
		}
		if size += len(encoded) + 1; size > store.PageBytes && len(out.Versions) > 0 {
			out.More = true
			break
		}
		out.Versions = append(out.Versions, version)
	}
	return out, nil
}

// versions returns the entries that gave a message its texts, those before a Seq, the last first.
func (r *record) versions(ctx context.Context, name store.Name, before uint64, limit int) ([]store.Entry, error) {
	m, ok, err := r.find(ctx, name.Sender, name.ID)
	if err != nil {
		return nil, err
	}
	if !ok || m.Type != chat.TypeMsg || m.Seq < r.floor {
		return nil, errNoMessage
	}
	deleted, err := r.about(ctx, []store.Name{name}, chat.TypeDeleted)
	if err != nil {
		return nil, err
	}
	if len(deleted) > 0 {
		return nil, errNoMessage
	}
	var found []store.Entry
	for _, e := range slices.Backward(r.tail) {
		edit := e.Type == chat.TypeEdited && e.Author == name.Sender && e.Target == name.ID
		if e.Seq < before && (edit || e.Seq == m.Seq && e.Name() == name) {
			found = append(found, e)
		}
	}
	if len(found) >= limit {
		return found[:limit], nil
	}
	// What was stored since the tail was read is in the tail, too.
	stored, err := r.store.Versions(ctx, r.room, name, min(before, r.last.Seq+1), limit-len(found))
	return append(found, stored...), err
}

type versionsInput struct {
	Room   string `path:"room" maxLength:"64"`
	Author string `path:"author" maxLength:"64" doc:"Id of the user who wrote the message."`
	ID     string `path:"id" maxLength:"64" doc:"Id of the message."`
	Before uint64 `query:"before" doc:"Only versions before this seq."`
	Limit  int    `query:"limit" doc:"1 to 100; 25 if absent."`
}

// versionRoute is the route to the versions of a message.
func (s *Service) versionRoute(api huma.API) {
	list := inTurn(s.reads, func(r historyapi.VersionsRequest) string { return r.User }, sizeOfVersions, s.versions.list)
	route(s, api, guarded(http.MethodGet, "/v1/rooms/{room}/versions/{author}/{id}", "versions", "What the text of a message was before it was edited, the present text first"),
		func(ctx context.Context, user string, in *versionsInput) (out historyapi.Versions, err error) {
			if err := s.guard.mayRead(ctx, user, in.Room); err != nil {
				return out, err
			}
			since, err := s.versions.directory.VersionsSince(ctx, in.Room)
			if err != nil {
				return out, fmt.Errorf("which versions a room shows: %w", err)
			}
			return list(ctx, historyapi.VersionsRequest{User: user, Room: in.Room, Author: in.Author, ID: in.ID, Before: in.Before, Limit: in.Limit, Since: since})
		})
}

// sizeOfVersions returns about how many bytes an answer has.
func sizeOfVersions(out historyapi.Versions) (size int) {
	for _, v := range out.Versions {
		size += len(v.Text) + overhead
	}
	return size
}
