package history

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/chat"
)

const jsonType = "application/json"

type pageInput struct {
	Room   string `path:"room" maxLength:"64"`
	Before uint64 `query:"before" doc:"Only messages before this seq."`
	After  uint64 `query:"after" doc:"Only messages after this seq."`
	Around uint64 `query:"around" doc:"Messages on both sides of this seq."`
	Limit  int    `query:"limit" doc:"1 to 200; 50 if absent."`
}

// pageOutput has a historyapi.Page in JSON.
type pageOutput struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

type readsOutput struct {
	Body struct {
		Reads map[string]uint64 `json:"reads" doc:"How far you have read each room: room to seq."`
	}
}

func (s *Service) routes(api huma.API) {
	page := api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[historyapi.Page](), true, "")
	huma.Register(api, huma.Operation{
		OperationID: "messages", Method: http.MethodGet, Path: "/v1/rooms/{room}/messages", Summary: "A page of a room's messages", Security: httpapi.Bearer,
		Responses: map[string]*huma.Response{"200": {Description: http.StatusText(http.StatusOK), Content: map[string]*huma.MediaType{jsonType: {Schema: page}}}},
	},
		func(ctx context.Context, in *pageInput) (*pageOutput, error) {
			a, err := s.cache.Access(ctx, httpapi.User(ctx).User, in.Room)
			if err == nil && !a.Read {
				err = chat.E(chat.CodeForbidden, "you may not read that room")
			}
			var page json.RawMessage
			if err == nil {
				page, err = s.pageOf(ctx, historyapi.PageRequest{User: httpapi.User(ctx).User, Room: in.Room, Before: in.Before, After: in.After, Around: in.Around, Limit: in.Limit})
			}
			if err != nil {
				return nil, httpapi.Error(s.code(err), nil)
			}
			return &pageOutput{jsonType, page}, nil
		})
	huma.Register(api, huma.Operation{OperationID: "reads", Method: http.MethodGet, Path: "/v1/reads", Summary: "How far you have read each room", Security: httpapi.Bearer},
		func(ctx context.Context, _ *struct{}) (*readsOutput, error) {
			reads, err := s.store.Reads(ctx, httpapi.User(ctx).User)
			if err != nil {
				return nil, httpapi.Error(s.code(err), nil)
			}
			out := &readsOutput{}
			out.Body.Reads = reads
			return out, nil
		})
}
