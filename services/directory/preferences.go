package directory

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/attention"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// maxPreferences limits the preferences of a user, in bytes of JSON: enough for marks on some 500
// rooms.
const maxPreferences = 48 << 10

var (
	errPreferencesChanged = chat.E(chat.CodeConflict, "your preferences were changed elsewhere meanwhile: read them again")
	errPreferencesLong    = chat.E(chat.CodeTooMany, "your preferences are too long: they have at most 48 KiB")
)

// preferences are what a user has chosen. The server reads only notify and muted, which say what
// the user is told of (see package attention); the rest is for clients. A client leaves fields that
// it does not know as they are.
type preferences struct {
	Version int64          `json:"version" minimum:"0" doc:"Grows with each change; 0: none were stored yet."`
	Values  map[string]any `json:"values" doc:"An object that clients agree on, of at most 48 KiB. The page keeps favourites, sections, muted and looks in it. The server reads muted and notify, which says what you are told of while you are away: {level: everything, mentions or nothing; rooms: {id: level}; words: [up to 30]; quiet: {from, to: minutes since midnight; zone: such as Europe/Berlin}; paused: UTC milliseconds; mail: never, hourly, daily or weekly}."`
}

// userPreferences keeps the preferences of each user for all of their devices.
type userPreferences struct {
	*core
	changes *changes
	push    *push
}

func (s *userPreferences) preferences(ctx context.Context, user string) (preferences, error) {
	p, err := s.store.Preferences(ctx, user)
	out := preferences{Version: p.Version, Values: map[string]any{}}
	if err == nil && p.Values != "" {
		err = json.Unmarshal([]byte(p.Values), &out.Values)
	}
	return out, err
}

// putPreferences replaces the stored preferences if they have the given version, and tells the
// user's other devices.
func (s *userPreferences) putPreferences(ctx context.Context, user string, p preferences) (preferences, error) {
	values, err := json.Marshal(p.Values)
	if err != nil {
		return preferences{}, err
	}
	if len(values) > maxPreferences {
		return preferences{}, errPreferencesLong
	}
	if _, err := attention.Parse(values); err != nil {
		return preferences{}, chat.E(chat.CodeBadRequest, err.Error())
	}
	err = s.changes.changeList(ctx, user, user, chat.ListPreferences, func(ctx context.Context) error {
		err := s.store.PutPreferences(ctx, store.Preferences{User: user, Values: string(values), Version: p.Version})
		if errors.Is(err, store.ErrConflict) {
			// ErrNotFound: nothing changed, so nothing is announced
			return errors.Join(errPreferencesChanged, store.ErrNotFound)
		}
		return err
	})
	s.push.reachChanged(user)
	p.Version++
	return p, err
}

type preferencesInput struct{ Body preferences }

func (s *userPreferences) preferenceRoutes(api huma.API) {
	route(s.core, api, guarded(http.MethodGet, "/v1/preferences", "preferences", "Your preferences"),
		func(ctx context.Context, _ *struct{}) (preferences, error) {
			return s.preferences(ctx, httpapi.User(ctx).User)
		})
	route(s.core, api, guarded(http.MethodPut, "/v1/preferences", "put-preferences", "Replace your preferences of the given version; with another version it is a conflict"),
		limited(s.core, func(ctx context.Context, in *preferencesInput) (preferences, error) {
			return s.putPreferences(ctx, httpapi.User(ctx).User, in.Body)
		}))
}
