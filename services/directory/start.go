package directory

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/auth"
)

// startOutput is what a client must know from the directory before it shows anything. One answer
// has all of it, because each further request costs a round trip.
type startOutput struct {
	Rooms        []roomView        `json:"rooms" doc:"As /v1/rooms lists them."`
	Requests     []requestView     `json:"requests" doc:"As /v1/requests lists them."`
	MoreRequests bool              `json:"more_requests,omitempty" doc:"There are older requests."`
	Invitations  []invitationView  `json:"invitations" doc:"As /v1/invitations lists them."`
	Blocks       []blockView       `json:"blocks" doc:"As /v1/blocks lists them."`
	Preferences  *preferences      `json:"preferences,omitempty" doc:"As /v1/preferences has them."`
	Role         directoryapi.Role `json:"role,omitempty" doc:"Your role on the server: operator or auditor; absent: neither."`
	GuestMay     []string          `json:"guest_may" doc:"As /v1/server says it."`
}

// overview returns everything that a client shows at its start in one answer.
type overview struct {
	*core
	serverRecord    *serverRecord
	views           *views
	blocks          *blocks
	directs         *directs
	invitations     *invitations
	userPreferences *userPreferences
}

func (s *overview) start(ctx context.Context, c auth.Claims) (out startOutput, err error) {
	if out.Rooms, err = s.views.rooms(ctx, c.User, c.Guest); err != nil {
		return out, err
	}
	requests, err := s.directs.myRequests(ctx, c, 0)
	if err != nil {
		return out, err
	}
	out.Requests, out.MoreRequests = requests.Requests, requests.More
	invitations, err := s.invitations.myInvitations(ctx, c)
	if err != nil {
		return out, err
	}
	out.Invitations = invitations.Invitations
	blocks, err := s.blocks.myBlocks(ctx, c)
	if err != nil {
		return out, err
	}
	out.Blocks = blocks.Blocks
	chosen, err := s.userPreferences.preferences(ctx, c.User)
	if err != nil {
		return out, err
	}
	out.Preferences = &chosen
	out.GuestMay = append([]string{}, s.cfg.GuestMay...)
	if !c.Guest {
		out.Role, err = s.serverRecord.serverRole(ctx, c.User)
	}
	return out, err
}

func (s *overview) startRoutes(api huma.API) {
	route(s.core, api, guarded(http.MethodGet, "/v1/start", "start", "Everything that a client shows at its start: my rooms and the public ones, requests, invitations, blocks, preferences"),
		func(ctx context.Context, _ *struct{}) (startOutput, error) { return s.start(ctx, httpapi.User(ctx)) })
}
