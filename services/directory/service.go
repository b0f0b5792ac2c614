package directory

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hubbub.internal/libs/api"
	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

const (
	// housekeepingEvery is how often what a crash left untold is told, and old sessions and keys are removed.
	housekeepingEvery = 5 * time.Second
	// retryStore is how long a client waits when the store does not work.
	retryStore = 2 * time.Second
)

// Deps is what the service works with. The caller owns all of it, and closes it after Run has returned.
type Deps struct {
	Bus     bus.Bus
	Store   store.Store
	Log     *zap.Logger
	Metrics prometheus.Registerer
}

// Service is the directory service. Its methods are safe for concurrent use.
type Service struct {
	cfg      Config
	bus      bus.Bus
	store    store.Store
	log      *zap.Logger
	metrics  *metrics
	keys     *keys
	verifier *auth.Verifier
	hashing  chan struct{} // a place for each password that may be hashed now
	params   argon2id.Params
	decoy    string // a hash that is compared with when there is no user
	failures *throttle
	proxies  []netip.Prefix
	handler  http.Handler
}

// New returns the service, with its signing key and the default rooms in the store. It starts nothing.
func New(ctx context.Context, cfg Config, deps Deps) (*Service, error) {
	proxies, err := cfg.proxies()
	if err != nil {
		return nil, err
	}
	s := &Service{
		cfg: cfg, bus: deps.Bus, store: deps.Store, log: deps.Log, metrics: newMetrics(deps.Metrics), proxies: proxies,
		hashing: make(chan struct{}, cfg.HashParallel), failures: newThrottle(cfg.LoginAttempts, time.Minute),
		params: argon2id.Params{Memory: cfg.HashMemory, Iterations: cfg.HashTime, Parallelism: 1, SaltLength: 16, KeyLength: 32},
		keys:   &keys{store: deps.Store, life: cfg.KeyLife, keep: cfg.TokenLife + time.Hour},
	}
	s.verifier = auth.NewVerifier(s.keys.publicSet)
	if s.decoy, err = argon2id.CreateHash("nobody's password", &s.params); err != nil {
		return nil, fmt.Errorf("hash a password: %w", err)
	}
	if err := s.keys.refresh(ctx); err != nil {
		return nil, fmt.Errorf("signing keys: %w", err)
	}
	if err := s.createDefaultRooms(ctx); err != nil {
		return nil, err
	}
	humaAPI, mux := httpapi.New("directory", "1")
	humaAPI.UseMiddleware(httpapi.Authenticate(humaAPI, s.verifier), s.withAddress)
	s.accountRoutes(humaAPI, mux)
	s.roomRoutes(humaAPI)
	s.handler = httpapi.Handler(mux, s.log)
	return s, nil
}

// Handler returns the public HTTP routes.
func (s *Service) Handler() http.Handler { return s.handler }

// Run serves requests on the bus and keeps house until ctx ends, when it returns nil.
func (s *Service) Run(ctx context.Context) error {
	access, err := api.Handle(ctx, s.bus, directoryapi.ServiceAccess, s.failed, s.answerAccess)
	if err != nil {
		return fmt.Errorf("serve %s: %w", directoryapi.ServiceAccess, err)
	}
	defer access.Stop()
	keys, err := s.bus.Serve(ctx, directoryapi.ServiceKeys, func(ctx context.Context, _ []byte) ([]byte, error) {
		return s.keys.publicSet(ctx)
	})
	if err != nil {
		return fmt.Errorf("serve %s: %w", directoryapi.ServiceKeys, err)
	}
	defer keys.Stop()

	tick := time.NewTicker(housekeepingEvery)
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

func (s *Service) keepHouse(ctx context.Context) {
	if err := s.keys.refresh(ctx); err != nil && ctx.Err() == nil {
		s.log.Warn("signing keys cannot be looked after; trying again", zap.Error(err))
	}
	if err := s.store.DeleteSessionsBefore(ctx, time.Now().UnixMilli()); err != nil && ctx.Err() == nil {
		s.log.Warn("old sessions cannot be removed; trying again", zap.Error(err))
	}
	if err := s.tellUntold(ctx); err != nil && ctx.Err() == nil {
		s.log.Warn("changes cannot be told on the bus; trying again", zap.Error(err))
	}
}

func (s *Service) failed(service string, err error) {
	s.log.Error("a request failed", zap.String("service", service), zap.Error(err))
}

// fail returns what a client is told for err: as it is if it has a code, else that the store does not work.
func (s *Service) fail(err error) error {
	if err == nil {
		return nil
	}
	if chat.CodeOf(err) == chat.CodeInternal {
		s.log.Error("the store failed", zap.Error(err))
		s.metrics.storeErrors.Inc()
		err = chat.Unavailable("the directory's store does not answer", retryStore)
	}
	return httpapi.Error(err, nil)
}

type addressKey struct{}

// withAddress keeps the client's address: what a trusted proxy says it is, else the connection's.
func (s *Service) withAddress(ctx huma.Context, next func(huma.Context)) {
	next(huma.WithValue(ctx, addressKey{}, clientAddress(ctx.RemoteAddr(), ctx.Header("X-Real-IP"), s.proxies)))
}

func clientAddress(remote, realIP string, proxies []netip.Prefix) string {
	peer, err := netip.ParseAddrPort(remote)
	if err != nil {
		return remote
	}
	addr := peer.Addr().Unmap()
	for _, p := range proxies {
		if p.Contains(addr) {
			if a, err := netip.ParseAddr(realIP); err == nil {
				return a.Unmap().String()
			}
		}
	}
	return addr.String()
}
