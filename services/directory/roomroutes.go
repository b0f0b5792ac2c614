package directory

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/services/directory/store"
)

type roomInput struct {
	Room string `path:"room" maxLength:"64"`
}

type createInput struct {
	Body struct {
		Name    string `json:"name" doc:"1 to 64 characters."`
		Topic   string `json:"topic,omitempty" doc:"Up to 256 characters."`
		Private bool   `json:"private,omitempty" doc:"Only members know that the room exists."`
	}
}

type patchInput struct {
	Room string `path:"room" maxLength:"64"`
	Body struct {
		Name    *string `json:"name,omitempty"`
		Topic   *string `json:"topic,omitempty"`
		Private *bool   `json:"private,omitempty"`

		Slow     *int    `json:"slow,omitempty" doc:"Seconds between two messages of a member, 0 to 21600; moderators may change it."`
		Guests   *bool   `json:"guests,omitempty" doc:"false: guests may not enter, and guests who are in the room leave it. Owners may change it."`
		Keep     *string `json:"keep,omitempty" maxLength:"64" doc:"How long messages are kept: forever, an age such as 30 days, a number such as 1000 messages; empty: the server's rule. Owners may change it."`
		Versions *bool   `json:"versions,omitempty" doc:"false: nobody sees earlier versions of edited messages; true: readers see those of messages written from now on. Owners may change it."`
		Announce *string `json:"announce,omitempty" doc:"Who may send. empty: every member; react: moderators and owners, and members may react; silent: moderators and owners, and members read."`
	}
}

type membersInput struct {
	Room  string `path:"room" maxLength:"64"`
	After string `query:"after" maxLength:"64" doc:"Only members whose user id is greater."`
}

type addMemberInput struct {
	Room string `path:"room" maxLength:"64"`
	Body struct {
		User string            `json:"user"`
		Role directoryapi.Role `json:"role,omitempty" doc:"reader, member, moderator or owner; absent: a new member becomes member, and an existing one keeps their role."`
	}
}

type addedOutput struct {
	Invited bool `json:"invited,omitempty" doc:"The user is not a member yet, but was invited."`
}

type memberInput struct {
	Room string `path:"room" maxLength:"64"`
	User string `path:"user" maxLength:"64"`
}

type removeInput struct {
	Room   string `path:"room" maxLength:"64"`
	User   string `path:"user" maxLength:"64"`
	Reason string `query:"reason" maxLength:"1024" doc:"The reason, which the room and the user see."`
}

type directInput struct {
	Body struct {
		User  string   `json:"user,omitempty" doc:"Id of the other user."`
		Users []string `json:"users,omitempty" maxItems:"64" doc:"Ids of the others, up to 19, for a group. The same people always get the same group."`
	}
}

type roomsOutput struct {
	Rooms []roomView `json:"rooms"`
}

func (s *rooms) roomRoutes(api huma.API) {
	route(s.core, api, guarded(http.MethodGet, "/v1/rooms", "rooms", "My rooms, and the public ones"),
		func(ctx context.Context, _ *struct{}) (out roomsOutput, err error) {
			c := httpapi.User(ctx)
			out.Rooms, err = s.views.rooms(ctx, c.User, c.Guest)
			return out, err
		})
	route(s.core, api, guarded(http.MethodPost, "/v1/rooms", "create-room", "Make a room"),
		limited(s.core, func(ctx context.Context, in *createInput) (roomView, error) {
			return s.createRoom(ctx, httpapi.User(ctx), in.Body.Name, in.Body.Topic, in.Body.Private)
		}))
	route(s.core, api, guarded(http.MethodGet, "/v1/rooms/{room}", "room", "A room"),
		func(ctx context.Context, in *roomInput) (browsedView, error) {
			return s.views.room(ctx, httpapi.User(ctx), in.Room)
		})
	route(s.core, api, guarded(http.MethodPatch, "/v1/rooms/{room}", "patch-room", "Change a room's name, topic or rules"),
		limited(s.core, func(ctx context.Context, in *patchInput) (roomView, error) {
			p := store.RoomPatch{Name: in.Body.Name, Topic: in.Body.Topic, Private: in.Body.Private, Slow: in.Body.Slow, Announce: in.Body.Announce, Keep: in.Body.Keep}
			if in.Body.Guests != nil {
				p.NoGuests = new(!*in.Body.Guests)
			}
			if in.Body.Versions != nil {
				p.VersionsSince = new(versionsSince(*in.Body.Versions))
			}
			return s.patchRoom(ctx, httpapi.User(ctx), in.Room, p)
		}))
	route(s.core, api, guarded(http.MethodPost, "/v1/rooms/{room}/join", "join-room", "Become a member of a public room"),
		limited(s.core, func(ctx context.Context, in *roomInput) (roomView, error) {
			return s.members.join(ctx, httpapi.User(ctx), in.Room)
		}))
	route(s.core, api, guarded(http.MethodPost, "/v1/rooms/{room}/leave", "leave-room", "Leave a room"),
		limited(s.core, func(ctx context.Context, in *roomInput) (empty, error) {
			return empty{}, s.members.leave(ctx, httpapi.User(ctx), in.Room)
		}))
	route(s.core, api, guarded(http.MethodGet, "/v1/rooms/{room}/members", "members", "The members of a room"),
		func(ctx context.Context, in *membersInput) (membersOutput, error) {
			return s.members.members(ctx, httpapi.User(ctx), in.Room, in.After)
		})
	route(s.core, api, guarded(http.MethodPost, "/v1/rooms/{room}/members", "add-member", "Add somebody to a room, or change a member's role"),
		limited(s.core, func(ctx context.Context, in *addMemberInput) (out addedOutput, err error) {
			out.Invited, err = s.members.addMember(ctx, httpapi.User(ctx), in.Room, in.Body.User, in.Body.Role)
			return out, err
		}))
	route(s.core, api, guarded(http.MethodDelete, "/v1/rooms/{room}/members/{user}", "remove-member", "Remove somebody from a room"),
		limited(s.core, func(ctx context.Context, in *removeInput) (empty, error) {
			return empty{}, s.members.removeMember(ctx, httpapi.User(ctx), in.Room, in.User, in.Reason)
		}))
	route(s.core, api, guarded(http.MethodPost, "/v1/direct", "direct", "The direct room with somebody, or with several"),
		limited(s.core, func(ctx context.Context, in *directInput) (roomView, error) {
			return s.groups.talk(ctx, httpapi.User(ctx), in.Body.User, in.Body.Users)
		}))
}
