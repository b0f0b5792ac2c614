package directory

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/httpapi"
)

type setupInput struct {
	Body struct {
		Link     string `json:"link" maxLength:"128" doc:"The secret at the end of the set-up link."`
		Name     string `json:"name" doc:"Name of a new or an existing account."`
		Password string `json:"password"`
	}
}

type serverUsersInput struct {
	Q     string `query:"q" maxLength:"64" doc:"Only users whose name contains this."`
	Show  string `query:"show" enum:"all,registered,guests,disabled,staff" doc:"Only these users; staff are operators and auditors."`
	After string `query:"after" maxLength:"256" doc:"The field next of the page before, with the same q and show."`
}

type serverUserInput struct {
	User string `path:"user" maxLength:"64"`
}

type serverRoleInput struct {
	User string `path:"user" maxLength:"64"`
	Body struct {
		Role directoryapi.Role `json:"role" doc:"operator, auditor, or empty for neither."`
	}
}

type disableInput struct {
	User string `path:"user" maxLength:"64"`
	Body struct {
		Disabled bool `json:"disabled"`
	}
}

type deleteUserInput struct {
	User string `path:"user" maxLength:"64"`
	Body struct {
		Messages string `json:"messages,omitempty" enum:"keep,remove" doc:"keep (the default): the user's messages stay; remove: they are deleted in all rooms, in the background."`
	}
}

type admissionInput struct {
	Body struct {
		Registration *string   `json:"registration,omitempty" doc:"open, invited (with an invitation link only) or closed."`
		Guests       *string   `json:"guests,omitempty" doc:"on, rooms (only into some rooms) or off. A change signs out the guests who are here."`
		GuestRooms   *[]string `json:"guest_rooms,omitempty" doc:"The public rooms that guests may enter when guests is rooms."`
	}
}

type invitationLinkInput struct {
	Body struct {
		Uses    int64  `json:"uses" doc:"How many may register with it (1 to 10000)."`
		Minutes int64  `json:"minutes,omitempty" minimum:"0" maximum:"525600" doc:"How long the link works; absent: a week."`
		Note    string `json:"note,omitempty" doc:"One line of up to 128 characters, for readers of the list."`
	}
}

func (s *commands) serverRoutes(api huma.API) {
	entry(s.core, api, public(http.MethodPost, "/v1/setup", "setup", "Become the operator of a server that has none, with its set-up link"),
		func(ctx context.Context, in *setupInput) (c credentials, err error) {
			u, err := s.setup.setUp(ctx, in.Body.Link, in.Body.Name, in.Body.Password, addressOf(ctx))
			if err == nil {
				c, err = s.sessions.open(ctx, u)
			}
			s.sessions.counted("setup", err)
			return c, err
		})
	route(s.core, api, public(http.MethodGet, "/v1/server", "server", "Who may come in"),
		func(ctx context.Context, in *struct {
			Invite string `query:"invite" maxLength:"160" doc:"An invitation link to check."`
		}) (serverView, error) {
			return s.admissions.door(ctx, in.Invite)
		})
	route(s.core, api, guarded(http.MethodPatch, "/v1/server", "admission", "Change who may come in: for operators"),
		limited(s.core, func(ctx context.Context, in *admissionInput) (admission, error) {
			if err := s.invitationLinks.mayAdmit(ctx, httpapi.User(ctx).User); err != nil {
				return admission{}, err
			}
			return s.admissions.setAdmission(ctx, in.Body.Registration, in.Body.Guests, in.Body.GuestRooms)
		}))
	route(s.core, api, guarded(http.MethodGet, "/v1/server/invitations", "invitations", "The invitation links: for operators"),
		func(ctx context.Context, in *struct {
			Before string `query:"before" maxLength:"64" doc:"Only links older than the one with this id."`
		}) (invitationLinksOutput, error) {
			if err := s.invitationLinks.mayAdmit(ctx, httpapi.User(ctx).User); err != nil {
				return invitationLinksOutput{}, err
			}
			return s.invitationLinks.list(ctx, in.Before)
		})
	route(s.core, api, guarded(http.MethodPost, "/v1/server/invitations", "invite-people", "Make a link with which people may register: for operators"),
		limited(s.core, func(ctx context.Context, in *invitationLinkInput) (invitationLinkView, error) {
			c := httpapi.User(ctx)
			if err := s.invitationLinks.mayAdmit(ctx, c.User); err != nil {
				return invitationLinkView{}, err
			}
			return s.invitationLinks.makeLink(ctx, c, in.Body.Uses, time.Duration(in.Body.Minutes)*time.Minute, in.Body.Note)
		}))
	route(s.core, api, guarded(http.MethodDelete, "/v1/server/invitations/{invitation}", "revoke-invitation", "End an invitation link: for operators"),
		limited(s.core, func(ctx context.Context, in *struct {
			Invitation string `path:"invitation" maxLength:"64"`
		}) (empty, error) {
			if err := s.invitationLinks.mayAdmit(ctx, httpapi.User(ctx).User); err != nil {
				return empty{}, err
			}
			return empty{}, s.invitationLinks.revoke(ctx, in.Invitation)
		}))
	route(s.core, api, guarded(http.MethodGet, "/v1/server/me", "server-me", "Your role on this server"),
		func(ctx context.Context, _ *struct{}) (out struct {
			Role directoryapi.Role `json:"role" doc:"operator, auditor, or empty for neither."`
		}, err error) {
			out.Role, err = s.serverRecord.serverRole(ctx, httpapi.User(ctx).User)
			return out, err
		})
	route(s.core, api, guarded(http.MethodGet, "/v1/server/users", "server-users", "All accounts: for operators and auditors"),
		func(ctx context.Context, in *serverUsersInput) (serverUsersOutput, error) {
			if _, err := s.rights.permittedOnServer(ctx, directoryapi.ActionListUsers, httpapi.User(ctx).User); err != nil {
				return serverUsersOutput{}, err
			}
			return s.users.serverUsers(ctx, in.Q, in.Show, in.After)
		})
	route(s.core, api, guarded(http.MethodGet, "/v1/server/users/{user}", "server-user", "An account: for operators and auditors"),
		func(ctx context.Context, in *serverUserInput) (personView, error) {
			return s.users.person(ctx, httpapi.User(ctx).User, in.User)
		})
	route(s.core, api, guarded(http.MethodPost, "/v1/server/users/{user}/delete", "delete-user", "Delete somebody's account, for good: for operators"),
		limited(s.core, func(ctx context.Context, in *deleteUserInput) (empty, error) {
			return empty{}, s.users.deleteUser(ctx, httpapi.User(ctx).User, in.User, in.Body.Messages == removeMessages)
		}))
	route(s.core, api, guarded(http.MethodPut, "/v1/server/users/{user}/role", "server-role", "Give or take the role of operator or auditor: for operators"),
		limited(s.core, func(ctx context.Context, in *serverRoleInput) (empty, error) {
			return empty{}, s.operators.setServerRole(ctx, httpapi.User(ctx).User, in.User, in.Body.Role)
		}))
	route(s.core, api, guarded(http.MethodPost, "/v1/server/users/{user}/sign-out", "sign-out", "End all log-ins of somebody: for operators"),
		limited(s.core, func(ctx context.Context, in *serverUserInput) (empty, error) {
			return empty{}, s.users.signOut(ctx, httpapi.User(ctx).User, in.User)
		}))
	route(s.core, api, guarded(http.MethodPut, "/v1/server/users/{user}/disabled", "disable", "Disable or enable an account: for operators"),
		limited(s.core, func(ctx context.Context, in *disableInput) (empty, error) {
			return empty{}, s.users.setDisabled(ctx, httpapi.User(ctx).User, in.User, in.Body.Disabled)
		}))
}
