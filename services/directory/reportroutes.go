package directory

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/services/directory/store"
)

type reportInput struct {
	Room string `path:"room" maxLength:"64"`
	Body struct {
		Author  string `json:"author" doc:"Id of the message's author."`
		Message string `json:"message" doc:"Id of the message."`
		Reason  string `json:"reason" doc:"spam, abuse, harm, illegal or other."`
		Text    string `json:"text,omitempty" doc:"What the reporter says of it: up to 512 characters."`
	}
}

type reportsInput struct {
	Room     string `path:"room" maxLength:"64"`
	Resolved bool   `query:"resolved" doc:"Those that are resolved, instead of those that are not."`
	Newest   bool   `query:"newest" doc:"The newest comes first, and not the oldest."`
	After    string `query:"after" maxLength:"64" doc:"Only reports that come after this one."`
}

type serverReportsInput struct {
	Resolved bool   `query:"resolved" doc:"Those that are resolved, instead of those that are not."`
	Newest   bool   `query:"newest" doc:"The newest comes first, and not the oldest."`
	After    string `query:"after" maxLength:"64" doc:"Only reports that come after this one."`
}

type takeInput struct {
	Report string `path:"report" maxLength:"64"`
}

type resolveInput struct {
	Report string `path:"report" maxLength:"64"`
	Body   verdict
}

func (s *reports) reportRoutes(api huma.API) {
	route(s.core, api, guarded(http.MethodPost, "/v1/rooms/{room}/reports", "report", "Report a message to the room's moderators and owners and to operators"),
		limited(s.core, func(ctx context.Context, in *reportInput) (empty, error) {
			b := in.Body
			return empty{}, s.report(ctx, httpapi.User(ctx), in.Room, b.Author, b.Message, b.Reason, b.Text)
		}))
	route(s.core, api, guarded(http.MethodGet, "/v1/rooms/{room}/reports", "room-reports", "Reports about a room: moderators and owners"),
		func(ctx context.Context, in *reportsInput) (reportsOutput, error) {
			return s.reports(ctx, httpapi.User(ctx), store.ReportQuery{Room: in.Room, Resolved: in.Resolved, Newest: in.Newest, After: in.After})
		})
	route(s.core, api, guarded(http.MethodGet, "/v1/reports", "reports", "Reports about all rooms: for operators"),
		func(ctx context.Context, in *serverReportsInput) (reportsOutput, error) {
			return s.reports(ctx, httpapi.User(ctx), store.ReportQuery{Resolved: in.Resolved, Newest: in.Newest, After: in.After})
		})
	route(s.core, api, guarded(http.MethodGet, "/v1/reports/{report}/context", "report-context", "The messages before and after the one of a report"),
		limited(s.core, func(ctx context.Context, in *takeInput) (contextOutput, error) {
			return s.reportContext(ctx, httpapi.User(ctx), in.Report)
		}))
	route(s.core, api, guarded(http.MethodPost, "/v1/reports/{report}/take", "take-report", "Take a report, so that others know that you look at it"),
		limited(s.core, func(ctx context.Context, in *takeInput) (empty, error) {
			return empty{}, s.claimReport(ctx, httpapi.User(ctx), in.Report)
		}))
	route(s.core, api, guarded(http.MethodPost, "/v1/reports/{report}/resolve", "resolve-report", "Resolve a report with an outcome"),
		limited(s.core, func(ctx context.Context, in *resolveInput) (empty, error) {
			return empty{}, s.resolveReport(ctx, httpapi.User(ctx), in.Report, in.Body)
		}))
}
