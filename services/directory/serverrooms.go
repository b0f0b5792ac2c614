package directory

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/httpapi"
)

type serverRoomsInput struct {
	Q        string `query:"q" maxLength:"64" doc:"A part of the name; case and letters that look alike do not matter."`
	Sort     string `query:"sort" enum:"active,new,members" doc:"active (the default): rooms with the latest messages first; the newest first; or the rooms with most members first."`
	Archived bool   `query:"archived" doc:"Archived rooms, instead of the others."`
	Cursor   string `query:"cursor" maxLength:"128" doc:"The field next of the page before, with the same q, sort and archived."`
}

// serverRoom is a public room as operators and auditors see it.
type serverRoom struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Topic    string `json:"topic,omitempty"`
	Standing bool   `json:"standing,omitempty" doc:"A default room, which cannot be deleted."`
	Members  int    `json:"members,omitempty" doc:"As of a minute or so ago, counted up to 1000; absent: a default room."`
	Active   int64  `json:"active,omitempty" doc:"When somebody last wrote there (UTC milliseconds), give or take a minute."`
	Created  int64  `json:"created,omitempty" doc:"UTC milliseconds; absent: a default room."`
	By       string `json:"by,omitempty" doc:"Id of the user who made it."`
	ByName   string `json:"by_name,omitempty" doc:"The current name of that user; absent: the account is gone."`
	Archived int64  `json:"archived,omitempty" doc:"When it was archived (UTC milliseconds)."`
}

type serverRoomsOutput struct {
	Rooms []serverRoom `json:"rooms"`
	Next  string       `json:"next,omitempty" doc:"Cursor of the next page; absent: this is the last."`
}

func (s *publicRooms) serverRoomRoutes(api huma.API) {
	route(s.core, api, guarded(http.MethodGet, "/v1/server/rooms", "server-rooms", "All public rooms, in pages: for operators and auditors"),
		func(ctx context.Context, in *serverRoomsInput) (serverRoomsOutput, error) {
			return s.serverRooms(ctx, httpapi.User(ctx).User, *in)
		})
}

// serverRooms returns a page of all public rooms for operators and auditors, including those that
// the user is banned from.
func (s *publicRooms) serverRooms(ctx context.Context, user string, in serverRoomsInput) (out serverRoomsOutput, err error) {
	out.Rooms = []serverRoom{}
	if _, err := s.rights.permittedOnServer(ctx, directoryapi.ActionListRooms, user); err != nil {
		return out, err
	}
	found, next, err := s.findPublic(ctx, browseInput{Q: in.Q, Sort: in.Sort, Cursor: in.Cursor}, in.Archived)
	if out.Next = next; err != nil {
		return out, err
	}
	names := s.records.namer()
	for _, r := range found {
		v := serverRoom{
			ID: r.ID, Name: r.Name, Topic: r.Topic, Standing: isDefault(r.ID), Members: r.Size, Active: r.Active, Created: r.Created, By: r.Creator,
			Archived: r.Archived,
		}
		if v.Active <= r.Created {
			v.Active = 0 // no message is known
		}
		if v.Standing {
			v.Members, v.Created = 0, 0 // the stored time of default rooms only gives their order
		}
		if v.ByName, err = names(ctx, r.Creator); err != nil {
			return out, err
		}
		out.Rooms = append(out.Rooms, v)
	}
	return out, nil
}
