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

// networksFresh is the greatest age of the cached network bans. While the bus is healthy, replicas
// hear of each other's changes on the control log within a second; this is the bound while it is
// not.
const networksFresh = 10 * time.Second

// followAgain is the pause before the next try to follow the control log.
const followAgain = time.Second

// netBan is a network ban with its network parsed.
type netBan struct {
	store.NetworkBan
	prefix netip.Prefix
}

// netCache caches the network bans, because each log-in reads them.
type netCache struct {
	fresh time.Duration

	mu      sync.Mutex
	at      time.Time // when the bans were read; zero: never
	changes int       // calls of forget: a read that began before the last is stale
	bans    []netBan
}

// forget drops the cache, so that the next request reads the store.
func (c *netCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = time.Time{}
	c.changes++
}

// bannedNetworks returns the network bans that had not expired when they were read. Callers must
// not change them.
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
		if n, err := netip.ParsePrefix(b.Network); err == nil { // a damaged one bans nobody
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

// networksChanged tells all replicas that network bans have changed. If that fails, they find out
// within networksFresh.
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

// Entry handles a change.
func (f *netFollower) Entry(e bus.Entry) {
	if c, err := directoryapi.DecodeChange(e.Data); err == nil && c.Kind == directoryapi.ChangeNetworks {
		f.cache.forget()
	}
}

// Rewound forgets the bans: a change may be missing.
func (f *netFollower) Rewound(string, uint64) { f.cache.forget() }

// Missed does the same.
func (f *netFollower) Missed(string, uint64) { f.cache.forget() }
