package presence

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hubbub.internal/libs/api/httpapi"
	presenceapi "hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/trace"
	"hubbub.internal/services/presence/roster"
)

// maxShared bounds the rooms in which a user who asks for another is looked for.
const maxShared = 32

// seenTimeout is how long an answer waits for when a user was last seen.
const seenTimeout = time.Second

type roomInput struct {
	Room  string `path:"room" pattern:"^[A-Za-z0-9_-]{1,64}$" doc:"Id of the room."`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"200" doc:"At most this many people."`
	After string `query:"after" maxLength:"1024" doc:"The next of the answer that this one goes on from; - for the first people."`
}

type roomOutput struct{ Body presenceapi.Who }

type userInput struct {
	User string `path:"user" pattern:"^[A-Za-z0-9_-]{1,64}$" doc:"Id of the user."`
}

type userOutput struct{ Body presenceapi.User }

func (s *Service) routes(v *auth.Verifier, slow time.Duration, tracer *trace.Tracer) http.Handler {
	api, mux := httpapi.New("presence", "1")
	api.UseMiddleware(httpapi.Authenticate(api, v, httpapi.Ended(s.access)))
	failed := func(ctx context.Context) func(error) {
		return func(err error) { httpapi.Log(ctx, s.log).Error("a request failed", zap.Error(err)) }
	}
	huma.Register(api, huma.Operation{
		OperationID: "room-presence", Method: http.MethodGet, Path: "/v1/rooms/{room}/presence", Security: httpapi.Bearer,
		Summary:     "Who is online in a room",
		Description: "Over the whole cluster, sorted by name; in a room with very many online how many, and who only on asking on with next. For who may read the room.",
	}, func(ctx context.Context, in *roomInput) (*roomOutput, error) {
		who, err := s.roomPresence(ctx, httpapi.User(ctx).User, in)
		if err != nil {
			return nil, httpapi.Error(err, failed(ctx))
		}
		return &roomOutput{who}, nil
	})
	huma.Register(api, huma.Operation{
		OperationID: "user-presence", Method: http.MethodGet, Path: "/v1/users/{user}/presence", Security: httpapi.Bearer,
		Summary:     "Whether a user is online",
		Description: "Who is offline is answered with when they were last seen. A user whom the asker shares no room with, and one who is invisible, is answered like one who is offline.",
	}, func(ctx context.Context, in *userInput) (*userOutput, error) {
		user, err := s.userPresence(ctx, httpapi.User(ctx).User, in.User)
		if err != nil {
			return nil, httpapi.Error(err, failed(ctx))
		}
		return &userOutput{user}, nil
	})
	return httpapi.Handler(mux, s.log, slow, tracer)
}

func (s *Service) roomPresence(ctx context.Context, asker string, in *roomInput) (presenceapi.Who, error) {
	access, err := s.access.Access(ctx, asker, in.Room)
	if err != nil {
		return presenceapi.Who{}, err
	}
	if !access.Read {
		s.hidden.note("room")
		return presenceapi.Who{}, chat.E(chat.CodeForbidden, "there is no such room for you")
	}
	return s.who(ctx, presenceapi.WhoRequest{Room: in.Room, Limit: in.Limit, After: in.After})
}

// userPresence answers what asker may know of a user: everything of themself, and of others what a
// room that both can read shows anyway. Nothing tells a stranger whether the user is there.
func (s *Service) userPresence(ctx context.Context, asker, user string) (presenceapi.User, error) {
	out, err := s.user(ctx, presenceapi.UserRequest{User: user})
	if err != nil {
		return out, err
	}
	if asker == user {
		s.replica.View(func(r *roster.Roster) { _, _, out.Status, out.Devices = r.User(user) })
	} else if out.Status != presenceapi.Offline {
		ok, err := s.maySee(ctx, asker, user)
		if err != nil {
			return presenceapi.User{}, err
		}
		if !ok {
			s.hidden.note("user")
			out = presenceapi.User{Status: presenceapi.Offline}
		}
	}
	if out.Status == presenceapi.Offline {
		out.LastSeen = s.lastSeen(ctx, asker, user)
	}
	return out, nil
}

// lastSeen returns when a user was last connected, or 0 if the directory does not say, or not to
// the asker: that is no reason to answer nothing.
func (s *Service) lastSeen(ctx context.Context, asker, user string) int64 {
	ctx, cancel := context.WithTimeout(ctx, seenTimeout)
	defer cancel()
	at, err := s.directory.Seen(ctx, asker, user)
	if err != nil {
		s.log.Debug("cannot ask the directory when a user was last seen", zap.Error(err))
	}
	return at
}

func (s *Service) maySee(ctx context.Context, asker, user string) (bool, error) {
	var share bool
	var rooms []string
	s.replica.View(func(r *roster.Roster) {
		if share = r.Share(asker, user); !share {
			rooms = r.RoomsOf(user, maxShared)
		}
	})
	for _, room := range rooms {
		access, err := s.access.Access(ctx, asker, room)
		if err != nil {
			return false, err
		}
		if access.Read {
			return true, nil
		}
	}
	return share, nil
}

// hidden counts what was asked for and may not be seen, and logs one of each kind a minute.
type hidden struct {
	log   *zap.Logger
	count *prometheus.CounterVec

	mu     sync.Mutex
	logged map[string]time.Time
}

func newHidden(log *zap.Logger, reg prometheus.Registerer) *hidden {
	h := &hidden{log: log, logged: make(map[string]time.Time), count: prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "hubbub", Subsystem: "presence", Name: "hidden_total", Help: "Questions about rooms or users whom the asker may not see.",
	}, []string{"what"})}
	if reg != nil {
		reg.MustRegister(h.count)
	}
	return h
}

func (h *hidden) note(what string) {
	h.count.WithLabelValues(what).Inc()
	h.mu.Lock()
	defer h.mu.Unlock()
	if now := time.Now(); now.Sub(h.logged[what]) >= time.Minute {
		h.logged[what] = now
		h.log.Info("refused to show somebody what they may not see; further refusals within a minute are only counted", zap.String("what", what))
	}
}
