package directory

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/await"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// networksFresh is how old what is known of banned networks may be. Other replicas tell of changes
// by the control log within a second while the bus is healthy; this bounds it where they cannot.
const networksFresh = 10 * time.Second

// followAgain is how long to wait after the control log could not be followed.
const followAgain = time.Second

// netBan is a ban of a network, with the network as it is compared.
type netBan struct {
	store.NetworkBan
	prefix netip.Prefix
}

// netCache is the bans of networks, which each log-in asks for.
type netCache struct {
	fresh time.Duration

	mu      sync.Mutex
	at      time.Time // when it was read; zero: it has to be read
	changes int       // how often it was forgotten: what was read meanwhile may be from before
	bans    []netBan
}

// forget drops the cache, so that the next question reads the store.
func (c *netCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = time.Time{}
	c.changes++
}

// bannedNetworks returns the bans of networks that had not ended when they were read; they are not
// to be changed.
func (s *networks) bannedNetworks(ctx context.Context) ([]netBan, error) {
	c := &s.cache
	c.mu.Lock()
	bans, at, changes, fresh := c.bans, c.at, c.changes, c.fresh
	c.mu.Unlock()
	now := time.Now()
	if !at.IsZero() && now.Sub(at) < fresh {
		return bans, nil
	}
	all, err := s.networkBans(ctx)
	if err != nil {
		return nil, err
	}
	bans = make([]netBan, 0, len(all))
	for _, b := range all {
		if n, err := netip.ParsePrefix(b.Network); err == nil { // else nobody is in it
			bans = append(bans, netBan{b, n})
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changes == changes {
		c.bans, c.at = bans, now
	}
	return bans, nil
}

// networksChanged tells all replicas that the bans of networks are others now. Where that fails,
// they know within networksFresh.
func (s *networks) networksChanged(ctx context.Context) {
	s.cache.forget()
	if err := s.changes.control(ctx, directoryapi.Change{Kind: directoryapi.ChangeNetworks}); err != nil {
		s.log.Warn("could not tell other replicas of a network ban; they will read it from the store", zap.Duration("within", networksFresh), zap.Error(err))
	}
}

// followNetworks follows the control log for the changes of other replicas, until ctx ends.
func (s *networks) followNetworks(ctx context.Context) {
	for {
		_, sub, err := s.bus.Follow(ctx, chat.ControlRoom, (*netFollower)(s))
		if err == nil {
			<-ctx.Done()
			sub.Stop()
			return
		}
		if await.Sleep(ctx, followAgain) != nil {
			return
		}
	}
}

// netFollower is networks as the bus sees it.
type netFollower networks

var _ bus.Follower = (*netFollower)(nil)

// Entry takes a change in.
func (f *netFollower) Entry(e bus.Entry) {
	if c, err := directoryapi.DecodeChange(e.Data); err == nil && c.Kind == directoryapi.ChangeNetworks {
		f.cache.forget()
	}
}

// Rewound forgets the bans: a change may be missing.
func (f *netFollower) Rewound(string, uint64) { f.cache.forget() }

// Missed does the same.
func (f *netFollower) Missed(string, uint64) { f.cache.forget() }
