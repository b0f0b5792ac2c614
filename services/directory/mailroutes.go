package directory

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"hubbub.internal/libs/api/httpapi"
)

type forgotInput struct {
	Body struct {
		Who string `json:"who" maxLength:"254" doc:"The name or the mail address of the account."`
	}
}

type mailInput struct {
	Body struct {
		Address  string `json:"address" maxLength:"254" doc:"Such as ann@example.org."`
		Password string `json:"password" doc:"Again: whoever reads this mail can choose a new one."`
	}
}

type confirmInput struct {
	Body struct {
		Secret string `json:"secret" doc:"What stands in the link." maxLength:"128"`
	}
}

type provenInput struct {
	Body struct {
		Password string `json:"password"`
	}
}

// mailRoutes are the routes of mail addresses, and of what is sent there.
func (s *Service) mailRoutes(api huma.API) {
	route(s, api, public(http.MethodPost, "/v1/forgot", "forgot", "Have a link for a new password sent; the answer is the same whether there is such an account"),
		func(ctx context.Context, in *forgotInput) (empty, error) {
			return empty{}, s.forgot(ctx, in.Body.Who, addressOf(ctx))
		})
	route(s, api, guarded(http.MethodGet, "/v1/mail", "mail", "Your mail address"),
		func(ctx context.Context, _ *struct{}) (mailView, error) {
			return s.myMail(ctx, httpapi.User(ctx))
		})
	route(s, api, guarded(http.MethodPut, "/v1/mail", "change-mail", "Give your account a mail address: a link is sent there to confirm it"),
		limited(s, func(ctx context.Context, in *mailInput) (empty, error) {
			return empty{}, s.askMail(ctx, httpapi.User(ctx), in.Body.Password, in.Body.Address)
		}))
	route(s, api, public(http.MethodPost, "/v1/mail/confirm", "confirm-mail", "Confirm a mail address by the link that was sent there"),
		func(ctx context.Context, in *confirmInput) (mailView, error) {
			return s.confirmMail(ctx, in.Body.Secret)
		})
	route(s, api, guarded(http.MethodPost, "/v1/mail/remove", "remove-mail", "Take the mail address from your account"),
		limited(s, func(ctx context.Context, in *provenInput) (empty, error) {
			return empty{}, s.removeMail(ctx, httpapi.User(ctx), in.Body.Password)
		}))
}
