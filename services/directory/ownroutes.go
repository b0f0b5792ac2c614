package directory

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/auth"
)

type sessionsOutput struct {
	Sessions []sessionView `json:"sessions" doc:"The most recently used comes first."`
}

type endedOutput struct {
	Ended int `json:"ended" doc:"How many log-ins this ended."`
}

type sessionInput struct {
	Session string `path:"session" maxLength:"64"`
}

type changePasswordInput struct {
	Body struct {
		Current   string `json:"current" doc:"The current password."`
		Password  string `json:"password" doc:"The new one: at least 8 characters."`
		EndOthers bool   `json:"end_others,omitempty" doc:"End all log-ins but this one."`
	}
}

type resetLinkInput struct {
	User string `path:"user" maxLength:"64"`
}

type resetInput struct {
	Body struct {
		Secret   string `json:"secret" doc:"The secret that the link carries." maxLength:"128"`
		Password string `json:"password" doc:"The new one: at least 8 characters."`
	}
}

type deleteInput struct {
	Body struct {
		Password string `json:"password" doc:"Your password, again, because this cannot be undone; a guest has none."`
		Messages string `json:"messages,omitempty" enum:"keep,remove" doc:"keep (the default): your messages stay; remove: they are deleted in all rooms, in the background."`
	}
}

type settingsInput struct{ Body choices }

// ownAccount shows users their own account and lets them change it.
type ownAccount struct {
	*core
	records         *records
	privacy         *privacy
	views           *views
	logins          *logins
	passwords       *passwords
	copies          *copies
	departures      *departures
	userPreferences *userPreferences
}

// ownRoutes registers the routes by which users manage their own accounts.
func (s *ownAccount) ownRoutes(api huma.API) {
	route(s.core, api, guarded(http.MethodGet, "/v1/sessions", "sessions", "Your log-ins"),
		func(ctx context.Context, _ *struct{}) (out sessionsOutput, err error) {
			out.Sessions, err = s.logins.mySessions(ctx, httpapi.User(ctx))
			return out, err
		})
	route(s.core, api, guarded(http.MethodDelete, "/v1/sessions/{session}", "end-session", "End one of your log-ins"),
		func(ctx context.Context, in *sessionInput) (empty, error) {
			return empty{}, s.logins.endMine(ctx, httpapi.User(ctx), in.Session)
		})
	route(s.core, api, guarded(http.MethodDelete, "/v1/sessions", "end-other-sessions", "End all of your log-ins except this one"),
		limited(s.core, func(ctx context.Context, _ *struct{}) (out endedOutput, err error) {
			c := httpapi.User(ctx)
			u, err := s.records.user(ctx, c.User)
			if err == nil {
				out.Ended, err = s.logins.endOthers(ctx, u, c.Session)
			}
			return out, err
		}))
	route(s.core, api, guarded(http.MethodPost, "/v1/password", "change-password", "Change your password"),
		limited(s.core, func(ctx context.Context, in *changePasswordInput) (out endedOutput, err error) {
			out.Ended, err = s.passwords.changePassword(ctx, httpapi.User(ctx), in.Body.Current, in.Body.Password, in.Body.EndOthers)
			return out, err
		}))
	route(s.core, api, guarded(http.MethodPost, "/v1/users/{user}/reset", "reset-link", "Make a link with which somebody chooses a new password: for operators"),
		limited(s.core, func(ctx context.Context, in *resetLinkInput) (resetOutput, error) {
			return s.passwords.resetLink(ctx, httpapi.User(ctx), in.User)
		}))
	route(s.core, api, public(http.MethodPost, "/v1/reset", "reset", "Choose a new password by a link; all log-ins end"),
		func(ctx context.Context, in *resetInput) (empty, error) {
			return empty{}, s.passwords.reset(ctx, in.Body.Secret, in.Body.Password)
		})
	route(s.core, api, guarded(http.MethodGet, "/v1/settings", "settings", "Your account's settings"),
		func(ctx context.Context, _ *struct{}) (settings, error) {
			return s.privacy.settings(ctx, httpapi.User(ctx).User)
		})
	route(s.core, api, guarded(http.MethodPatch, "/v1/settings", "change-settings", "Change what others may know of you, and who may add you and write to you"),
		limited(s.core, func(ctx context.Context, in *settingsInput) (settings, error) {
			return s.privacy.changeSettings(ctx, httpapi.User(ctx).User, in.Body)
		}))
	s.dataRoute(api)
	s.copies.copyRoute(api)
	route(s.core, api, guarded(http.MethodPost, "/v1/me/delete", "delete-account", "Delete your account, for good"),
		limited(s.core, func(ctx context.Context, in *deleteInput) (empty, error) {
			return empty{}, s.departures.deleteMine(ctx, httpapi.User(ctx), in.Body.Password, in.Body.Messages == removeMessages)
		}))
}

// collectData returns the data of the token's user, without messages.
func (s *ownAccount) collectData(ctx context.Context, c auth.Claims) (d myData, err error) {
	u, err := s.records.user(ctx, c.User)
	if err != nil {
		return d, err
	}
	d = myData{Account: accountOf(u), Created: u.Created, Memberships: []roomOfMine{}}
	if d.LastSeen, err = s.store.Seen(ctx, u.ID); err != nil {
		return d, err
	}
	a, err := s.store.Account(ctx, u.ID)
	if err != nil {
		return d, err
	}
	d.Mail, d.Settings = a.Mail, settingsOf(a)
	if d.Preferences, err = s.userPreferences.preferences(ctx, u.ID); err != nil {
		return d, err
	}
	if d.Sessions, err = s.logins.mySessions(ctx, c); err != nil {
		return d, err
	}
	mine, err := s.store.MembershipsOf(ctx, u.ID, 2*maxRooms)
	if err != nil {
		return d, err
	}
	listed, err := s.views.rooms(ctx, u.ID, u.Guest())
	if err != nil {
		return d, err
	}
	called := map[string]string{}
	for _, r := range listed {
		called[r.ID] = r.Name
	}
	for _, m := range mine {
		d.Memberships = append(d.Memberships, roomOfMine{Room: m.Room, Name: called[m.Room], Role: m.Role, Since: m.Since})
	}
	return d, nil
}
