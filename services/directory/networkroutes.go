package directory

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/services/directory/store"
)

type networkBanInput struct {
	Body struct {
		Network string `json:"network" maxLength:"64" doc:"Such as 192.0.2.0/24 or 2001:db8::/32. A single IPv4 address bans itself, a single IPv6 address its /64."`
		banBody
		Own bool `json:"own,omitempty" doc:"Ban the network even if you are in it. Operators can still log in from it; nobody else there can."`
	}
}

type networkUnbanInput struct {
	Network string `query:"network" maxLength:"64" doc:"The network, as the list has it." required:"true"`
}

type networkBanView struct {
	Network string `json:"network"`
	Reason  string `json:"reason,omitempty"`
	By      string `json:"by" doc:"Id of the user who banned."`
	ByName  string `json:"by_name,omitempty" doc:"The current name of that user; absent: the account is gone."`
	Guest   string `json:"guest,omitempty" doc:"Id of the banned guest: the network's ban then keeps out only guests and new accounts."`
	Since   int64  `json:"since" doc:"UTC milliseconds."`
	Until   int64  `json:"until,omitempty" doc:"UTC milliseconds; absent: until somebody ends it."`
}

type networkBansOutput struct {
	Networks []networkBanView `json:"networks"`
}

func viewOfNetworkBan(b store.NetworkBan) networkBanView {
	return networkBanView{Network: b.Network, Reason: b.Reason, By: b.Actor, Guest: b.User, Since: b.Created, Until: b.Until}
}

func (s *networks) networkRoutes(api huma.API) {
	route(s.core, api, guarded(http.MethodGet, "/v1/network-bans", "network-bans", "Banned networks: for operators and auditors"),
		func(ctx context.Context, _ *struct{}) (out networkBansOutput, err error) {
			out.Networks = []networkBanView{}
			if _, err := s.rights.permittedOnServer(ctx, directoryapi.ActionListBans, httpapi.User(ctx).User); err != nil {
				return out, err
			}
			all, err := s.networkBans(ctx)
			names := s.records.namer()
			for _, b := range all {
				v := viewOfNetworkBan(b)
				if v.ByName, err = names(ctx, b.Actor); err != nil {
					return out, err
				}
				out.Networks = append(out.Networks, v)
			}
			return out, err
		})
	route(s.core, api, guarded(http.MethodPost, "/v1/network-bans", "ban-network", "Ban a network and end the log-ins from it: for operators"),
		limited(s.core, func(ctx context.Context, in *networkBanInput) (networkBanView, error) {
			return s.banNetwork(ctx, httpapi.User(ctx), in.Body.Network, in.Body.Reason, in.Body.Minutes, in.Body.Own)
		}))
	route(s.core, api, guarded(http.MethodDelete, "/v1/network-bans", "unban-network", "End a network ban: for operators"),
		limited(s.core, func(ctx context.Context, in *networkUnbanInput) (empty, error) {
			return empty{}, s.unbanNetwork(ctx, httpapi.User(ctx), in.Network)
		}))
}
