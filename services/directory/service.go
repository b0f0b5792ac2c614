package directory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hubbub.internal/libs/api"
	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/await"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/clientaddr"
	"hubbub.internal/libs/trace"
	"hubbub.internal/services/directory/store"
)

const (
	// housekeepingEvery is the pause between rounds of keepHouse.
	housekeepingEvery = 5 * time.Second
	// prepareEvery is the pause between tries to prepare the store.
	prepareEvery = time.Second
	// retryStore is how long a client should wait when the store does not answer.
	retryStore = 2 * time.Second
)

var (
	errStore    = chat.Unavailable("the directory's store does not answer", retryStore)
	errStarting = chat.Unavailable("the directory is starting", retryStore)
)

// Deps is what the service works with. The caller owns all of it, and closes it after Run has
// returned.
type Deps struct {
	Bus     bus.Interface
	Store   store.Store
	Log     *zap.Logger
	Metrics prometheus.Registerer // nil: no metrics
	// Setup gets the secret of a set-up link, for SetupPath, and how long it works. nil: the secret
	// is logged.
	Setup func(secret string, life time.Duration)
	// SlowRequest is the duration from which a request is logged as slow; 0: never.
	SlowRequest time.Duration
	Trace       *trace.Tracer // nil: no tracing
}

// Service is the directory service: it wires the parts, runs them and serves their requests. Its
// methods are safe for concurrent use.
type Service struct {
	*core
	*parts

	slow     time.Duration // the duration from which a request is logged as slow; 0: never
	keys     *keys
	verifier *auth.Verifier
	unfit    error // why the service can never use this store; set before Run returns
	handler  http.Handler
	every    time.Duration // between rounds of housekeeping
	prepared atomic.Bool   // the store has a signing key and the default rooms
}

// New returns the service. Until Run it answers that it is unavailable. The caller has validated
// cfg.
func New(cfg Config, deps Deps) (*Service, error) {
	proxies, err := clientaddr.Parse(cfg.TrustedProxies)
	if err != nil {
		return nil, fmt.Errorf("--trusted-proxies: %w", err)
	}
	seals, err := parseSeals(cfg.KeySecrets)
	if err != nil {
		return nil, err
	}
	c := &core{
		cfg: cfg, bus: deps.Bus, store: deps.Store, log: deps.Log, metrics: newMetrics(deps.Metrics), changeRate: newThrottle(cfg.ChangeRate, time.Minute),
	}
	s := &Service{
		core: c, slow: deps.SlowRequest, every: housekeepingEvery,
		keys: &keys{store: deps.Store, life: cfg.KeyLife, keep: cfg.TokenLife + time.Hour, seals: seals},
	}
	if s.parts, err = newParts(c, s.keys, proxies, deps.Setup); err != nil {
		return nil, err
	}
	s.verifier = auth.NewVerifier(s.keys.publicSet)
	humaAPI, mux := httpapi.New("directory", "1")
	humaAPI.UseMiddleware(httpapi.Authenticate(humaAPI, s.verifier, s.sessions.checkSession), s.withAddress, withBrowser)
	s.accounts.accountRoutes(humaAPI, mux)
	s.overview.startRoutes(humaAPI)
	s.rooms.roomRoutes(humaAPI)
	s.bans.banRoutes(humaAPI)
	s.networks.networkRoutes(humaAPI)
	s.auditLog.auditRoutes(humaAPI)
	s.blocks.blockRoutes(humaAPI)
	s.userPreferences.preferenceRoutes(humaAPI)
	s.push.pushRoutes(humaAPI)
	s.publicRooms.browseRoutes(humaAPI)
	s.mutes.muteRoutes(humaAPI)
	s.ownAccount.ownRoutes(humaAPI)
	s.addresses.mailRoutes(humaAPI)
	s.digests.digestRoutes(humaAPI)
	s.directs.requestRoutes(humaAPI)
	s.invitations.invitationRoutes(humaAPI)
	s.purges.purgeRoutes(humaAPI)
	s.rooms.archiveRoutes(humaAPI)
	s.reports.reportRoutes(humaAPI)
	s.commands.serverRoutes(humaAPI)
	s.publicRooms.serverRoomRoutes(humaAPI)
	s.retentions.retentionRoutes(humaAPI)
	s.rooms.resetRoomRoute(humaAPI)
	s.copies.holdRoutes(humaAPI)
	s.customEmoji.emojiRoutes(humaAPI)
	s.handler = httpapi.Handler(s.whenPrepared(mux), s.log, deps.SlowRequest, deps.Trace, emojiUpload)
	return s, nil
}

// Handler returns the public HTTP routes.
func (s *Service) Handler() http.Handler { return s.handler }

// Ready returns an error while the service cannot answer because its store does not.
func (s *Service) Ready(ctx context.Context) error {
	if !s.prepared.Load() {
		return errStarting
	}
	_, err := s.store.Room(ctx, chat.DefaultRooms[0])
	return err
}

// Run prepares the store, for as long as that takes, and then serves requests on the bus and runs
// keepHouse until ctx ends. It returns nil then.
func (s *Service) Run(ctx context.Context) error {
	if !s.prepare(ctx) {
		return s.unfit
	}
	stop, err := api.Serve(ctx, api.LogSlow(s.bus, s.log, s.slow), s.failed, s.methods()...)
	if err != nil && ctx.Err() != nil {
		return nil // serving failed because ctx has ended
	}
	if err != nil {
		return err
	}
	defer stop()
	if ctx.Err() != nil {
		return nil
	}
	var rest sync.WaitGroup
	defer rest.Wait()
	if s.letters.mailing != nil {
		rest.Go(func() { s.letters.deliver(ctx) })
		rest.Go(func() { s.digests.run(ctx, s.every) })
	}
	rest.Go(func() { s.networks.followNetworks(ctx) })
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	for {
		s.keepHouse(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// methods are the requests that directory answers.
func (s *Service) methods() []api.Method {
	return []api.Method{
		api.Answer(directoryapi.ServiceAccess, s.rights.answerAccess),
		api.Answer(directoryapi.ServiceKeys, s.answerKeys),
		api.Answer(directoryapi.ServiceAsk, s.directs.answerAsk),
		api.Answer(directoryapi.ServiceSaw, s.privacy.saw),
		api.Answer(directoryapi.ServiceSeen, s.privacy.seen),
		api.Answer(directoryapi.ServiceAdmin, s.commands.answerAdmin),
		api.Answer(directoryapi.ServiceDeparted, s.records.answerDeparted),
		api.Answer(directoryapi.ServiceSessions, s.sessions.answerSessions),
		api.Answer(directoryapi.ServiceMemberships, s.lookup.answerMemberships),
		api.Answer(directoryapi.ServiceMentions, s.lookup.answerMentions),
		api.Answer(directoryapi.ServiceLookup, s.lookup.answerLookup),
		api.Answer(directoryapi.ServiceVersions, s.rooms.answerVersions),
		api.Answer(directoryapi.ServiceRetention, s.retentions.answerRetention),
		api.Answer(directoryapi.ServiceRemoved, s.retentions.answerRemoved),
		api.Answer(directoryapi.ServiceReachable, s.reach.answerReachable),
		api.Answer(directoryapi.ServiceReach, s.reach.answerReach),
		api.Answer(directoryapi.ServiceDevices, s.reach.answerDevices),
		api.Answer(directoryapi.ServicePushKey, s.push.answerPushKey),
		api.Answer(directoryapi.ServiceLapsed, s.reach.answerLapsed),
	}
}

// answerKeys answers directoryapi.ServiceKeys.
func (s *Service) answerKeys(ctx context.Context, _ directoryapi.KeysRequest) (json.RawMessage, error) {
	return s.keys.publicSet(ctx)
}

// prepare stores what the service cannot work without. False: ctx has ended, or the store is unfit.
func (s *Service) prepare(ctx context.Context) bool {
	for {
		err := s.keys.refresh(ctx)
		if err == nil {
			err = s.push.preparePushKey(ctx)
		}
		if err == nil {
			err = s.rooms.createDefaultRooms(ctx)
		}
		if err == nil {
			err = s.operators.beginServer(ctx)
		}
		if err == nil {
			err = s.setup.offerSetup(ctx)
		}
		if err == nil {
			s.prepared.Store(true)
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		if errors.Is(err, errKeySecret) || errors.Is(err, errNoSecret) {
			s.unfit = err
			return false
		}
		s.log.Warn("the store does not work; trying again", zap.Error(err), zap.Duration("after", prepareEvery))
		if await.Sleep(ctx, prepareEvery) != nil {
			return false
		}
	}
}

// keepHouse runs the tasks that no request starts. A task that fails runs again the next time.
func (s *Service) keepHouse(ctx context.Context) {
	for _, task := range []struct {
		what string
		run  func(context.Context) error
	}{
		{"look after the signing keys", s.keys.refresh},
		{"remove expired log-ins", s.departures.removeEnded},
		{"remove links that nobody used", s.tickets.removeOldTickets},
		{"find out which public rooms are active", s.publicRooms.sweepActivity},
		{"end bans", s.bans.endBans},
		{"end network bans", s.networks.endNetworkBans},
		{"end requests", s.directs.endRequests},
		{"end invitations", s.invitations.endInvitations},
		{"appoint owners", s.operators.appointOwners},
		{"remove old acts from the audit log", s.auditLog.removeOldActs},
		{"remove old invitation links", s.invitationLinks.removeOld},
		{"sign out guests under earlier rules", s.admissions.endGuests},
		{"announce changes that were not announced", s.changes.tellUntold},
		{"remove mutes that have ended", s.mutes.removeMutes},
		{"remove old reports", s.reports.removeReports},
		{"send letters that other processes left", s.letters.claimLetters},
	} {
		if err := task.run(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("housekeeping failed; trying again", zap.String("task", task.what), zap.Error(err))
		}
	}
}

func (s *Service) failed(service string, err error) {
	s.log.Error("a request failed", zap.String("service", service), zap.Error(err))
}

// AdminHandler answers AdminRequests over HTTP, for a socket that only the account of this process
// can reach.
func (s *Service) AdminHandler() http.Handler {
	return s.whenPrepared(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in directoryapi.AdminRequest
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAdminRequest)).Decode(&in); err != nil {
			httpapi.WriteStatus(w, http.StatusBadRequest, "this is not an AdminRequest: use the hubbub admin of the same release")
			return
		}
		reply, err := s.commands.answerAdmin(r.Context(), in)
		if err != nil {
			problem := httpapi.Error(err, nil)
			status := http.StatusInternalServerError
			if p, ok := errors.AsType[*httpapi.Problem](problem); ok {
				status = p.Status
			}
			httpapi.WriteError(w, status, problem)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(reply) // fails only if the client is gone
	}))
}

// whenPrepared answers that the service is unavailable until the store is prepared.
func (s *Service) whenPrepared(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.prepared.Load() {
			httpapi.WriteError(w, http.StatusServiceUnavailable, httpapi.Error(errStarting, nil))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// withAddress adds the client's address to the context: the one that a trusted proxy gives, or else
// the connection's.
func (s *Service) withAddress(ctx huma.Context, next func(huma.Context)) {
	var forwardedFor []string
	ctx.EachHeader(func(name, value string) {
		if name == "X-Forwarded-For" {
			forwardedFor = append(forwardedFor, value)
		}
	})
	peer := peerAddress(ctx.RemoteAddr(), strings.Join(forwardedFor, ","), ctx.Header("X-Real-IP"), s.networks.proxies)
	ctx = huma.WithValue(huma.WithValue(ctx, addressKey{}, networkOf(peer)), peerKey{}, peer)
	ctx = huma.WithValue(ctx, agentKey{}, cutAgent(ctx.Header("User-Agent")))
	next(huma.WithValue(ctx, secureKey{}, ctx.TLS() != nil || ctx.Header("X-Forwarded-Proto") == "https"))
}
