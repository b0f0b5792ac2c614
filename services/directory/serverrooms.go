package directory

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/httpapi"
)

type serverRoomsInput struct {
	Q        string `query:"q" maxLength:"64" doc:"What the name has in it, in any case, or as letters that look alike."`
	Sort     string `query:"sort" enum:"active,new,members" doc:"Those that somebody wrote in last come first (active, the default), the newest, or those with most members."`
	Archived bool   `query:"archived" doc:"Those that are archived, instead of those that are not."`
	Cursor   string `query:"cursor" maxLength:"128" doc:"The next of the page before, which had the same q, sort and archived."`
}

// serverRoom is a public room as who runs the server sees it.
type serverRoom struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Topic    string `json:"topic,omitempty"`
	Standing bool   `json:"standing,omitempty" doc:"A room for everybody, which stays."`
	Members  int    `json:"members,omitempty" doc:"As of a minute or so ago, counted up to 1000; absent: a room for everybody."`
	Active   int64  `json:"active,omitempty" doc:"When somebody last wrote there (UTC milliseconds), to a minute or so."`
	Created  int64  `json:"created,omitempty" doc:"UTC milliseconds; absent: a room for everybody."`
	By       string `json:"by,omitempty" doc:"Id of the user who made it."`
	ByName   string `json:"by_name,omitempty" doc:"That user's, as it is now; left out: nobody has it."`
	Archived int64  `json:"archived,omitempty" doc:"When it was archived (UTC milliseconds)."`
}

type serverRoomsOutput struct {
	Rooms []serverRoom `json:"rooms"`
	Next  string       `json:"next,omitempty" doc:"Cursor of the next page; absent: this is the last."`
}

func (s *publicRooms) serverRoomRoutes(api huma.API) {
	route(s.core, api, guarded(http.MethodGet, "/v1/server/rooms", "server-rooms", "All public rooms, by pages: for operators and auditors"),
		func(ctx context.Context, in *serverRoomsInput) (serverRoomsOutput, error) {
			return s.serverRooms(ctx, httpapi.User(ctx).User, *in)
		})
}

// serverRooms returns a page of the public rooms for operators and auditors, also of those that
// this user is banned from.
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
			v.Active = 0 // nobody is known to have written there
		}
		if v.Standing {
			v.Members, v.Created = 0, 0 // the time of these only says in which order they are
		}
		if v.ByName, err = names(ctx, r.Creator); err != nil {
			return out, err
		}
		out.Rooms = append(out.Rooms, v)
	}
	return out, nil
}
