package directory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alexedwards/argon2id"
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
	"hubbub.internal/services/directory/password"
	"hubbub.internal/services/directory/store"
)

const (
	// housekeepingEvery is how often what a crash left untold is told, and old sessions and keys
	// are removed.
	housekeepingEvery = 5 * time.Second
	// prepareEvery is how often the start is tried while the store does not work.
	prepareEvery = time.Second
	// retryStore is how long a client waits when the store does not work.
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
	// Setup is told the secret of a set-up link, for SetupPath, and how long it is good for. nil:
	// the log is.
	Setup func(secret string, life time.Duration)
	// SlowRequest is the time after which a request is logged as slow; 0: none is.
	SlowRequest time.Duration
	Trace       *trace.Tracer // nil: nothing is traced
}

// Service is the directory service. Its methods are safe for concurrent use.
type Service struct {
	cfg         Config
	bus         bus.Interface
	store       store.Store
	log         *zap.Logger
	slow        time.Duration // from which on requests are logged as slow; 0: none is
	metrics     *metrics
	keys        *keys
	pushKey     pushKey
	verifier    *auth.Verifier
	hasher      *password.Hasher
	decoy       string // a hash that is compared with when there is no user
	guessing    *guessing
	logins      *throttle // log-ins that succeed, by user
	setups      *throttle // set-up links that are not good, by address
	entries     *throttle // new accounts, by address
	daily       *throttle // new accounts of a day, by address
	exports     *throttle // of all data, by user
	changes     *throttle // changes of rooms, by user
	mailing     *mailing  // nil: the server sends no mail
	proxies     clientaddr.Proxies
	announce    func(secret string, life time.Duration)
	recent      recent
	networks    netCache
	guestsEnded progress // of endGuests
	unfit       error    // why the store can never be prepared; set before Run returns
	// ownersWarned is done when the warning was given that Config.Owners makes nobody an operator.
	ownersWarned sync.Once
	handler      http.Handler
	actIDs       actIDs
	every        time.Duration // between rounds of housekeeping
	// when it was last seen which public rooms are active (UTC milliseconds)
	swept    atomic.Int64
	prepared atomic.Bool // there is a signing key, and there are the default rooms
}

// New returns the service, which answers that it is unavailable before Run. cfg has been validated.
func New(cfg Config, deps Deps) (*Service, error) {
	proxies, err := clientaddr.Parse(cfg.TrustedProxies)
	if err != nil {
		return nil, fmt.Errorf("--trusted-proxies: %w", err)
	}
	seals, err := parseSeals(cfg.KeySecrets)
	if err != nil {
		return nil, err
	}
	s := &Service{
		cfg: cfg, bus: deps.Bus, store: deps.Store, log: deps.Log, slow: deps.SlowRequest, metrics: newMetrics(deps.Metrics), proxies: proxies,
		hasher: password.NewHasher(cfg.HashParallel, argon2id.Params{
			Memory: cfg.HashMemory, Iterations: cfg.HashTime, Parallelism: 1, SaltLength: 16, KeyLength: 32,
		}),
		guessing: newGuessing(cfg.LoginAttempts, time.Minute),
		logins:   newThrottle(cfg.LoginAttempts*successFactor, time.Minute),
		entries:  newThrottle(cfg.AccountRate, time.Minute),
		setups:   newThrottle(cfg.LoginAttempts, time.Minute),
		daily:    newThrottle(cfg.AccountDay, 24*time.Hour),
		exports:  newThrottle(dataHour, time.Hour),
		changes:  newThrottle(cfg.ChangeRate, time.Minute),
		every:    housekeepingEvery,
		networks: netCache{fresh: networksFresh},
		announce: deps.Setup,
		keys:     &keys{store: deps.Store, life: cfg.KeyLife, keep: cfg.TokenLife + time.Hour, seals: seals},
	}
	if s.mailing, err = newMailing(cfg, deps.Log, s.metrics); err != nil {
		return nil, err
	}
	s.verifier = auth.NewVerifier(s.keys.publicSet)
	if s.decoy, err = s.hasher.Hash("nobody's password"); err != nil {
		return nil, fmt.Errorf("hash a password: %w", err)
	}
	humaAPI, mux := httpapi.New("directory", "1")
	humaAPI.UseMiddleware(httpapi.Authenticate(humaAPI, s.verifier, s.checkSession), s.withAddress, withBrowser)
	s.accountRoutes(humaAPI, mux)
	s.startRoutes(humaAPI)
	s.roomRoutes(humaAPI)
	s.banRoutes(humaAPI)
	s.networkRoutes(humaAPI)
	s.auditRoutes(humaAPI)
	s.blockRoutes(humaAPI)
	s.preferenceRoutes(humaAPI)
	s.pushRoutes(humaAPI)
	s.browseRoutes(humaAPI)
	s.muteRoutes(humaAPI)
	s.ownRoutes(humaAPI)
	s.mailRoutes(humaAPI)
	s.requestRoutes(humaAPI)
	s.inviteRoutes(humaAPI)
	s.purgeRoutes(humaAPI)
	s.archiveRoutes(humaAPI)
	s.reportRoutes(humaAPI)
	s.serverRoutes(humaAPI)
	s.serverRoomRoutes(humaAPI)
	s.retentionRoutes(humaAPI)
	s.resetRoomRoute(humaAPI)
	s.holdRoutes(humaAPI)
	s.handler = httpapi.Handler(s.whenPrepared(mux), s.log, deps.SlowRequest, deps.Trace)
	return s, nil
}

// Handler returns the public HTTP routes.
func (s *Service) Handler() http.Handler { return s.handler }

// Ready returns why the service cannot answer right now: its store does not.
func (s *Service) Ready(ctx context.Context) error {
	if !s.prepared.Load() {
		return errStarting
	}
	_, err := s.store.Room(ctx, chat.DefaultRooms[0])
	return err
}

// Run prepares the store, for as long as that takes, then serves requests on the bus and keeps
// house until ctx ends, when it returns nil.
func (s *Service) Run(ctx context.Context) error {
	if !s.prepare(ctx) {
		return s.unfit
	}
	stop, err := api.Serve(ctx, api.LogSlow(s.bus, s.log, s.slow), s.failed, s.methods()...)
	if err != nil && ctx.Err() != nil {
		return nil // which is why it could not serve
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
	if s.mailing != nil {
		rest.Go(func() { s.deliver(ctx) })
	}
	rest.Go(func() { s.followNetworks(ctx) })
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
		api.Answer(directoryapi.ServiceAccess, s.answerAccess),
		api.Answer(directoryapi.ServiceKeys, s.answerKeys),
		api.Answer(directoryapi.ServiceAsk, s.answerAsk),
		api.Answer(directoryapi.ServiceSaw, s.saw),
		api.Answer(directoryapi.ServiceSeen, s.seen),
		api.Answer(directoryapi.ServiceAdmin, s.answerAdmin),
		api.Answer(directoryapi.ServiceDeparted, s.answerDeparted),
		api.Answer(directoryapi.ServiceSessions, s.answerSessions),
		api.Answer(directoryapi.ServiceMemberships, s.answerMemberships),
		api.Answer(directoryapi.ServiceMentions, s.answerMentions),
		api.Answer(directoryapi.ServiceLookup, s.answerLookup),
		api.Answer(directoryapi.ServiceRetention, s.answerRetention),
		api.Answer(directoryapi.ServiceRemoved, s.answerRemoved),
		api.Answer(directoryapi.ServiceReachable, s.answerReachable),
		api.Answer(directoryapi.ServiceReach, s.answerReach),
		api.Answer(directoryapi.ServiceDevices, s.answerDevices),
		api.Answer(directoryapi.ServicePushKey, s.answerPushKey),
		api.Answer(directoryapi.ServiceLapsed, s.answerLapsed),
	}
}

// answerKeys answers directoryapi.ServiceKeys.
func (s *Service) answerKeys(ctx context.Context, _ directoryapi.KeysRequest) (json.RawMessage, error) {
	return s.keys.publicSet(ctx)
}

// prepare sees to it that the store has what the service cannot do without. False: ctx has ended.
func (s *Service) prepare(ctx context.Context) bool {
	for {
		err := s.keys.refresh(ctx)
		if err == nil {
			err = s.preparePushKey(ctx)
		}
		if err == nil {
			err = s.createDefaultRooms(ctx)
		}
		if err == nil {
			err = s.beginServer(ctx)
		}
		if err == nil {
			err = s.offerSetup(ctx)
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

// keepHouse does what nobody asks for. What fails is tried again the next time.
func (s *Service) keepHouse(ctx context.Context) {
	for _, task := range []struct {
		what string
		run  func(context.Context) error
	}{
		{"look after the signing keys", s.keys.refresh},
		{"remove what has ended", s.removeEnded},
		{"remove links that nobody used", s.removeOldTickets},
		{"see which public rooms are active", s.sweepActivity},
		{"end bans", s.endBans},
		{"end bans of networks", s.endNetworkBans},
		{"end requests", s.endRequests},
		{"end invitations", s.endInvites},
		{"appoint owners", s.appointOwners},
		{"remove what the audit log has kept for long enough", s.removeOldActs},
		{"remove old invitations", s.removeOldInvitations},
		{"sign out guests of other rules", s.endGuests},
		{"tell what is untold", s.tellUntold},
		{"remove mutes that have ended", s.removeMutes},
		{"remove old reports", s.removeReports},
		{"send what other processes left", s.claimLetters},
	} {
		if err := task.run(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("housekeeping failed; trying again", zap.String("task", task.what), zap.Error(err))
		}
	}
}

func (s *Service) failed(service string, err error) {
	s.log.Error("a request failed", zap.String("service", service), zap.Error(err))
}
