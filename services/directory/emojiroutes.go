package directory

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"hubbub.internal/libs/api/httpapi"
)

const (
	emojiPath   = "/v1/emoji/"
	emojiImages = emojiPath + "images/"
	// emojiTime is how long the image of an emoji may take to arrive.
	emojiTime = 30 * time.Second
)

// emojiUpload is what the routes take that is not JSON.
var emojiUpload = httpapi.Upload{Method: http.MethodPut, Below: emojiPath, Most: maxEmojiImage}

type emojiOutput struct {
	Emoji []emojiView `json:"emoji" nullable:"false" doc:"By name; at most 500."`
}

type emojiName struct {
	Name string `path:"name" doc:"2 to 32 of the characters a to z, 0 to 9, _, + and -."`
}

type emojiInput struct {
	Name    string `path:"name" doc:"2 to 32 of the characters a to z, 0 to 9, _, + and -."`
	RawBody []byte `contentType:"image/*"`
}

type emojiImage struct {
	Type  string `header:"Content-Type"`
	Cache string `header:"Cache-Control"`
	// what the image can do if somebody opens it in a tab, and which pages may show it
	Policy string `header:"Content-Security-Policy"`
	Pages  string `header:"Cross-Origin-Resource-Policy"`
	Body   []byte
}

func (s *customEmoji) emojiRoutes(api huma.API) {
	route(s.core, api, guarded(http.MethodGet, "/v1/emoji", "emoji", "The emoji of the server's own"),
		func(ctx context.Context, _ *struct{}) (out emojiOutput, err error) {
			out.Emoji, err = s.all(ctx)
			return out, err
		})
	put := guarded(http.MethodPut, emojiPath+"{name}", "put-emoji", "Add an emoji, or give the one of that name another image, which is the body: for operators")
	put.BodyReadTimeout = emojiTime
	route(s.core, api, put,
		limited(s.core, func(ctx context.Context, in *emojiInput) (emojiView, error) {
			c := httpapi.User(ctx)
			if err := s.mayChange(ctx, c.User, in.Name); err != nil {
				return emojiView{}, err
			}
			return s.put(ctx, c, in.Name, in.RawBody)
		}))
	route(s.core, api, guarded(http.MethodDelete, emojiPath+"{name}", "remove-emoji", "Remove an emoji: for operators"),
		limited(s.core, func(ctx context.Context, in *emojiName) (empty, error) {
			if err := s.mayChange(ctx, httpapi.User(ctx).User, in.Name); err != nil {
				return empty{}, err
			}
			return empty{}, s.remove(ctx, in.Name)
		}))
	// without a token, which browsers send for no image of a page
	show := public(http.MethodGet, emojiImages+"{sha256}", "emoji-image", "The image of an emoji, by its SHA-256")
	show.Responses = map[string]*huma.Response{"200": {Description: "The image.", Content: map[string]*huma.MediaType{"image/*": {}}}}
	huma.Register(api, show, func(ctx context.Context, in *struct {
		Hash string `path:"sha256" doc:"In hexadecimal digits."`
	}) (*emojiImage, error) {
		e, err := s.image(ctx, in.Hash)
		if err != nil {
			return nil, httpapi.Error(s.fail(ctx, err), nil)
		}
		return &emojiImage{
			Type: e.Type, Cache: "public, max-age=31536000, immutable", Policy: "default-src 'none'; sandbox", Pages: "cross-origin", Body: e.Image,
		}, nil
	})
}
