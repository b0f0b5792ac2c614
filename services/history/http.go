package history

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"hubbub.internal/libs/api/httpapi"
)

const jsonType = "application/json"

// body is a response with a JSON body.
type body[T any] struct{ Body T }

// encoded is a response whose body is JSON already.
type encoded struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

// guarded is an operation for whoever is logged in.
func guarded(method, path, id, summary string) huma.Operation {
	return huma.Operation{OperationID: id, Method: method, Path: path, Summary: summary, Security: httpapi.Bearer}
}

// route registers an operation that returns an Out, on behalf of a user.
func route[In, Out any](s *Service, api huma.API, op huma.Operation, handle func(ctx context.Context, user string, in *In) (Out, error)) {
	huma.Register(api, op, func(ctx context.Context, in *In) (*body[Out], error) {
		out, err := handle(ctx, httpapi.User(ctx).User, in)
		if err != nil {
			return nil, httpapi.Error(s.code(err), nil)
		}
		return &body[Out]{out}, nil
	})
}

// command registers an operation that returns nothing.
func command[In any](s *Service, api huma.API, op huma.Operation, handle func(ctx context.Context, user string, in *In) error) {
	huma.Register(api, op, func(ctx context.Context, in *In) (*struct{}, error) {
		if err := handle(ctx, httpapi.User(ctx).User, in); err != nil {
			return nil, httpapi.Error(s.code(err), nil)
		}
		return nil, nil //nolint:nilnil // huma: no content
	})
}

// encodedRoute registers an operation that returns the JSON of an Out.
func encodedRoute[In, Out any](s *Service, api huma.API, op huma.Operation, handle func(ctx context.Context, user string, in *In) (json.RawMessage, error)) {
	schema := api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Out](), true, "")
	op.Responses = map[string]*huma.Response{"200": {Description: http.StatusText(http.StatusOK), Content: map[string]*huma.MediaType{jsonType: {Schema: schema}}}}
	huma.Register(api, op, func(ctx context.Context, in *In) (*encoded, error) {
		out, err := handle(ctx, httpapi.User(ctx).User, in)
		if err != nil {
			return nil, httpapi.Error(s.code(err), nil)
		}
		return &encoded{jsonType, out}, nil
	})
}
