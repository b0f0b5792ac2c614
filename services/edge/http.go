package edge

import (
	"context"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/protocol"
	"hubbub.internal/services/edge/internal/session"
)

// answerWithin is how long a request may take once its body is here. It is less than proxies wait.
const answerWithin = 20 * time.Second

// web answers the HTTP routes of the edge: what users say over no connection. Each becomes the
// command that it is on the socket, and goes the same way.
type web struct{ hub *protocol.Hub }

// newWeb returns the handler of the edge's routes.
func newWeb(deps Deps, hub *protocol.Hub) http.Handler {
	w := &web{hub}
	api, mux := httpapi.New("edge", "1")
	// Only whoever has a good token gets so far that a body is read.
	api.UseMiddleware(httpapi.Authenticate(api, deps.Verifier, httpapi.Ended(deps.Directory), func(ctx context.Context, claims auth.Claims) error { return hub.Admit(ctx, claims.User) }))
	w.routes(api)
	return httpapi.Handler(mux, deps.Log, deps.SlowRequest, deps.Trace)
}

// About is the message that a request is about. The framework sets only fields that are exported.
type About struct {
	Room   string `path:"room" doc:"Id of the room."`
	Author string `path:"author" doc:"Id of the user who sent the message."`
	ID     string `path:"id" doc:"The message's id: its msg_id."`
}

func (a *About) outside(kind wire.Kind) wire.Outside {
	return wire.Outside{Kind: kind, Room: []byte(a.Room), Target: []byte(a.ID), Author: []byte(a.Author)}
}

type messageBody struct {
	Text        string      `json:"text" doc:"1 byte to limits.text, in bytes of UTF-8."`
	MsgID       string      `json:"msg_id,omitempty" doc:"The message's id. A repeat of any age with the same is answered with the first seq. If absent the server makes one."`
	ReplyTo     string      `json:"reply_to,omitempty" doc:"Id of the message that this one answers."`
	ReplyAuthor string      `json:"reply_author,omitempty" doc:"Id of the user who sent that."`
	Thread      *threadBody `json:"thread,omitempty" doc:"The message is an answer in a thread: the thread's root."`
	Broadcast   bool        `json:"broadcast,omitempty" doc:"The answer in a thread is shown in its room, too."`
	Retry       bool        `json:"retry,omitempty" doc:"false: no attempt with this msg_id was made before, so nobody looks for one."`
}

type threadBody struct {
	Author string `json:"author" doc:"Id of the user who sent the root."`
	ID     string `json:"id" doc:"Id of the root."`
}

type textBody struct {
	Text  string `json:"text" doc:"The message's new text."`
	MsgID string `json:"msg_id,omitempty" doc:"Names the edit, as msg_id does a message."`
}

type postInput struct {
	Room    string `path:"room" doc:"Id of the room."`
	RawBody []byte
}

type editInput struct {
	About
	RawBody []byte
}

type reactionInput struct {
	About
	Emoji string `path:"emoji" doc:"One emoji."`
}

type sentOutput struct {
	Status int
	Body   struct {
		Room string `json:"room"`
		ID   string `json:"id" doc:"The message's id: its msg_id."`
		User string `json:"user" doc:"Who sent it: you."`
		Seq  uint64 `json:"seq" doc:"Where it stands in the room's log."`
		TS   int64  `json:"ts" doc:"UTC milliseconds."`
	}
}

type appliedOutput struct {
	Body struct {
		Seq uint64 `json:"seq" doc:"Where it stands in the room's log."`
	}
}

func (w *web) routes(api huma.API) {
	const one = "/v1/rooms/{room}/messages/{author}/{id}"
	body := func(v reflect.Type) *huma.RequestBody {
		schema := api.OpenAPI().Components.Schemas.Schema(v, true, "")
		return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}
	}
	operation := func(id, method, path, summary string) huma.Operation {
		return huma.Operation{OperationID: id, Method: method, Path: path, Summary: summary, Security: httpapi.Bearer, SkipValidateBody: true}
	}
	post := operation("send", http.MethodPost, "/v1/rooms/{room}/messages", "Send a message")
	post.RequestBody, post.DefaultStatus = body(reflect.TypeFor[messageBody]()), http.StatusCreated
	post.Responses = map[string]*huma.Response{"200": {Description: "The log had the message already."}}
	huma.Register(api, post, w.send)

	edit := operation("edit", http.MethodPatch, one, "Give your message another text")
	edit.RequestBody = body(reflect.TypeFor[textBody]())
	huma.Register(api, edit, func(ctx context.Context, in *editInput) (*appliedOutput, error) {
		return w.amend(ctx, in.RawBody, in.outside(wire.Edit))
	})
	huma.Register(api, operation("delete", http.MethodDelete, one, "Delete a message"), func(ctx context.Context, in *About) (*appliedOutput, error) {
		return w.amend(ctx, nil, in.outside(wire.Delete))
	})
	for method, on := range map[string]bool{http.MethodPut: true, http.MethodDelete: false} {
		does, un := "Put", ""
		if !on {
			does, un = "Take back", "un"
		}
		huma.Register(api, operation(un+"react", method, one+"/reactions/{emoji}", does+" a reaction"), func(ctx context.Context, in *reactionInput) (*appliedOutput, error) {
			out := in.outside(wire.React)
			out.Emoji, out.On = []byte(in.Emoji), on
			return w.amend(ctx, nil, out)
		})
		huma.Register(api, operation(un+"pin", method, one+"/pin", does+" a pin"), func(ctx context.Context, in *About) (*appliedOutput, error) {
			out := in.outside(wire.Pin)
			out.On = on
			return w.amend(ctx, nil, out)
		})
	}
}

// sender is who has sent a request.
func sender(ctx context.Context) session.Sender {
	claims := httpapi.User(ctx)
	return session.Sender{User: claims.User, Name: claims.Name, Guest: claims.Guest}
}

// command reads what a request says.
func command(body []byte, out wire.Outside) (*wire.Command, error) {
	out.MsgID = []byte(chat.NewID())
	c := &wire.Command{}
	return c, c.DecodeBody(body, out)
}

func (w *web) send(ctx context.Context, in *postInput) (*sentOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	from := sender(ctx)
	c, err := command(in.RawBody, wire.Outside{Kind: wire.Send, Room: []byte(in.Room)})
	if err != nil {
		return nil, httpapi.Error(err, nil)
	}
	sent, err := w.hub.Post(ctx, from, c)
	if err != nil {
		return nil, httpapi.Error(err, nil)
	}
	out := &sentOutput{Status: http.StatusCreated}
	if sent.Repeat {
		out.Status = http.StatusOK
	}
	out.Body.Room, out.Body.ID, out.Body.User, out.Body.Seq, out.Body.TS = in.Room, string(c.MsgID), from.User, sent.Seq, sent.TS
	return out, nil
}

func (w *web) amend(ctx context.Context, body []byte, out wire.Outside) (*appliedOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	c, err := command(body, out)
	if err != nil {
		return nil, httpapi.Error(err, nil)
	}
	applied, err := w.hub.Amend(ctx, sender(ctx), c)
	if err != nil {
		return nil, httpapi.Error(err, nil)
	}
	reply := &appliedOutput{}
	reply.Body.Seq = applied.Seq
	return reply, nil
}
