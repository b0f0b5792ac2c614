package directory

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/clientaddr"
	"hubbub.internal/services/directory/store"
)

const (
	// maxNetworkBans limits the network bans, because each log-in checks all of them.
	maxNetworkBans = 1000
	// widestIPv4, widestIPv6 and narrowestIPv6 bound the prefix lengths of banned networks, in
	// bits. A client with one IPv6 address has all of its /64: see clientaddr.Network.
	widestIPv4    = 8
	widestIPv6    = 16
	narrowestIPv6 = 64
	// mappedIPv4 is the length of the prefix of an IPv4-mapped IPv6 address, in bits (RFC 4291,
	// section 2.5.5.2).
	mappedIPv4 = 96
	// scannedSessions is how many sessions endSessionsIn reads at a time.
	scannedSessions = 1000
)

// newcomer stands for a user who has no account yet.
var newcomer = store.User{}

// parseNetwork parses a network that may be banned. A single IPv4 address stands for itself, a
// single IPv6 address for its /64.
func parseNetwork(text string) (netip.Prefix, error) {
	bad := func(format string, args ...any) (netip.Prefix, error) {
		return netip.Prefix{}, chat.E(chat.CodeBadRequest, fmt.Sprintf(format, args...))
	}
	text = strings.TrimSpace(text)
	if a, err := netip.ParseAddr(text); err == nil {
		if a = a.Unmap(); a.Zone() != "" {
			return bad("%.60q has a zone, which only this machine knows: leave it out", text)
		} else if a.Is4() {
			return netip.PrefixFrom(a, a.BitLen()), nil
		}
		return netip.PrefixFrom(a, narrowestIPv6).Masked(), nil
	}
	n, err := netip.ParsePrefix(text)
	if err != nil {
		return bad("%.60q is not a network: write it like 192.0.2.0/24 or 2001:db8::/32", text)
	}
	if n.Addr().Is4In6() {
		if n.Bits() < mappedIPv4 {
			return bad("%.60q is more than all of IPv4", text)
		}
		n = netip.PrefixFrom(n.Addr().Unmap(), n.Bits()-mappedIPv4)
	}
	switch n = n.Masked(); {
	case n.Addr().Is4() && n.Bits() < widestIPv4, n.Addr().Is6() && n.Bits() < widestIPv6:
		return bad("%.60q is too large: the largest is a /%d, of IPv6 a /%d", text, widestIPv4, widestIPv6)
	case n.Addr().Is6() && n.Bits() > narrowestIPv6:
		return bad("%.60q is too small: a client with one address of an IPv6 /%d has all of them", text, narrowestIPv6)
	}
	return n, nil
}

func inNetwork(n netip.Prefix, address string) bool {
	a, err := netip.ParseAddr(address)
	return err == nil && n.Contains(a.Unmap())
}

// networks bans networks of clients, and knows which are banned now.
type networks struct {
	*core
	records      *records
	serverRecord *serverRecord
	changes      *changes
	rights       *rights
	auditLog     *auditLog
	logins       *logins

	cache   netCache
	proxies clientaddr.Proxies
}

// networkBans returns the network bans that have not expired.
func (s *networks) networkBans(ctx context.Context) ([]store.NetworkBan, error) {
	all, err := s.store.NetworkBans(ctx, maxNetworkBans)
	now, left := time.Now().UnixMilli(), all[:0]
	for _, b := range all {
		if b.Until == 0 || b.Until > now {
			left = append(left, b)
		}
	}
	return left, err
}

// checkNetwork returns an error if a user may not log in from an address. A ban that was made for a
// guest keeps out only guests and new accounts.
func (s *networks) checkNetwork(ctx context.Context, address string, u store.User) error {
	bans, err := s.bannedNetworks(ctx)
	if err != nil {
		return err
	}
	a, err := netip.ParseAddr(address)
	if err != nil {
		return nil //nolint:nilerr // a request without an address is in no network
	}
	now := time.Now().UnixMilli()
	for _, b := range bans {
		if !b.prefix.Contains(a.Unmap()) || b.User != "" && u.ID != newcomer.ID || b.Until != 0 && b.Until <= now {
			continue
		}
		text := "this server lets nobody in from your network"
		switch newcomers, forever := b.User != "", b.Until == 0; {
		case newcomers && forever:
			text = "this server lets in no guests and no new accounts from your network"
		case newcomers:
			text = fmt.Sprintf("this server lets in no guests and no new accounts from your network until %s", minuteOf(b.Until))
		case !forever:
			text = fmt.Sprintf("this server lets nobody in from your network until %s", minuteOf(b.Until))
		}
		return chat.E(chat.CodeForbidden, text)
	}
	return nil
}

// checkNetworkOf is checkNetwork for the address of ctx's request. Operators may log in from
// anywhere, so that no operator's mistake locks out another.
func (s *networks) checkNetworkOf(ctx context.Context, u store.User) error {
	err := s.checkNetwork(ctx, addressOf(ctx), u)
	if err == nil || chat.CodeOf(err) != chat.CodeForbidden {
		return err
	}
	if role, known := s.serverRecord.serverRole(ctx, u.ID); known != nil || role == directoryapi.RoleOperator {
		return known
	}
	return err
}

// banNetwork bans a network for this many minutes, or with 0 until somebody ends the ban, and ends
// the log-ins that were last used from it. It refuses the operator's own network unless own is
// true.
func (s *networks) banNetwork(ctx context.Context, c auth.Claims, network, reason string, minutes int64, own bool) (networkBanView, error) {
	if _, err := s.rights.permittedOnServer(ctx, directoryapi.ActionBan, c.User); err != nil {
		return networkBanView{}, err
	}
	n, err := parseNetwork(network)
	if err != nil {
		return networkBanView{}, err
	}
	if reason, err = checkText("reason", reason, 0, maxReason); err != nil {
		return networkBanView{}, err
	}
	until, err := banEnd(minutes)
	if err != nil {
		return networkBanView{}, err
	}
	if inNetwork(n, addressOf(ctx)) && !own {
		return networkBanView{}, chat.E(chat.CodeConflict, "you are in that network yourself: confirm the ban to keep out everybody there but operators")
	}
	for _, proxy := range s.proxies {
		if n.Overlaps(proxy) {
			return networkBanView{}, chat.E(chat.CodeBadRequest, "a proxy of this server is in that network: see --trusted-proxies")
		}
	}
	b := store.NetworkBan{Network: n.String(), Reason: reason, Actor: c.User, Created: time.Now().UnixMilli(), Until: until}
	return viewOfNetworkBan(b), s.auditLog.audit(ctx, store.Act{Action: actNetBan, Detail: strings.TrimSpace(b.Network + " " + reason)}, func(ctx context.Context) error {
		if err := s.putNetworkBan(ctx, b); err != nil {
			return err
		}
		return s.endSessionsIn(ctx, n, c.User)
	})
}

func (s *networks) putNetworkBan(ctx context.Context, b store.NetworkBan) error {
	all, err := s.store.NetworkBans(ctx, maxNetworkBans)
	if err != nil {
		return err
	}
	added := !slices.ContainsFunc(all, func(old store.NetworkBan) bool { return old.Network == b.Network })
	if len(all) >= maxNetworkBans && added {
		return chat.E(chat.CodeTooMany, fmt.Sprintf("at most %d networks can be banned: end a ban first", maxNetworkBans))
	}
	if err := s.store.PutNetworkBan(ctx, b); err != nil {
		return err
	}
	defer s.networksChanged(ctx)
	if all, err = s.store.NetworkBans(ctx, maxNetworkBans+1); err != nil {
		return err
	}
	if len(all) > maxNetworkBans && added { // other requests added bans in between
		return errors.Join(s.store.DeleteNetworkBan(ctx, b.Network), chat.E(chat.CodeTooMany, fmt.Sprintf("at most %d networks can be banned: end a ban first", maxNetworkBans)))
	}
	return nil
}

// endSessionsIn ends the log-ins that were last used from a network, except those of operators. If
// it fails half-way, the others end at their next refresh, or when somebody repeats the ban.
func (s *networks) endSessionsIn(ctx context.Context, n netip.Prefix, actor string) error {
	for after := ""; ; {
		sessions, err := s.store.SessionsAfter(ctx, after, scannedSessions)
		if err != nil {
			return err
		}
		for _, x := range sessions {
			if after = x.ID; !inNetwork(n, x.Address) || over(x, time.Now()) {
				continue
			}
			if role, err := s.serverRecord.serverRole(ctx, x.User); err == nil && role == directoryapi.RoleOperator {
				continue
			} else if err != nil {
				return err
			}
			if err := s.logins.endSession(ctx, store.User{ID: x.User}, x.ID, actor); err != nil {
				return err
			}
		}
		if len(sessions) < scannedSessions {
			return nil
		}
	}
}

// banNetworkOf keeps guests and new accounts out of the network of a guest who is banned from the
// server. It leaves alone the operator's own network, and one that somebody banned for itself.
func (s *networks) banNetworkOf(ctx context.Context, b store.Ban) error {
	if s.cfg.GuestNetwork == 0 {
		return nil
	}
	u, err := s.records.user(ctx, b.User)
	if err != nil || !u.Guest() {
		return err
	}
	sessions, err := s.store.SessionsOf(ctx, u.ID, 1)
	if err != nil || len(sessions) == 0 {
		return err
	}
	n, err := parseNetwork(sessions[0].Address)
	if err != nil || inNetwork(n, addressOf(ctx)) {
		return nil //nolint:nilerr // the session is from a release that kept no address
	}
	banned, err := s.networkBans(ctx)
	if err != nil {
		return err
	}
	for _, other := range banned {
		if other.Network == n.String() && other.User == "" {
			return nil
		}
	}
	until := time.Now().Add(s.cfg.GuestNetwork).UnixMilli()
	if b.Until != 0 {
		until = min(until, b.Until)
	}
	err = s.putNetworkBan(ctx, store.NetworkBan{
		Network: n.String(), Reason: b.Reason, Actor: b.Actor, User: b.User, Created: b.Created, Until: until,
	})
	if chat.CodeOf(err) == chat.CodeTooMany {
		s.log.Warn("banned a guest, but not the guest's network: the limit of network bans is reached", zap.String("network", n.String()))
		return nil
	}
	return err
}

// unbanNetworkOf ends the network ban that was made for a guest.
func (s *networks) unbanNetworkOf(ctx context.Context, user string) error {
	all, err := s.store.NetworkBans(ctx, maxNetworkBans)
	if err != nil {
		return err
	}
	for _, b := range all {
		if b.User != user {
			continue
		}
		err := s.store.DeleteNetworkBan(ctx, b.Network)
		if s.networksChanged(ctx); err != nil {
			return err
		}
	}
	return nil
}

// unbanNetwork ends a network ban. It is no error if there is none.
func (s *networks) unbanNetwork(ctx context.Context, c auth.Claims, network string) error {
	if _, err := s.rights.permittedOnServer(ctx, directoryapi.ActionUnban, c.User); err != nil {
		return err
	}
	n, err := parseNetwork(network)
	if err != nil {
		return err
	}
	return s.auditLog.audit(ctx, store.Act{Action: actNetUnban, Detail: n.String()}, func(ctx context.Context) error {
		defer s.networksChanged(ctx)
		return s.store.DeleteNetworkBan(ctx, n.String())
	})
}

// endNetworkBans removes expired network bans.
func (s *networks) endNetworkBans(ctx context.Context) error {
	all, err := s.store.NetworkBans(ctx, maxNetworkBans)
	if err != nil {
		return err
	}
	for _, b := range all {
		if b.Until == 0 || b.Until > time.Now().UnixMilli() {
			continue
		}
		if err := s.store.DeleteNetworkBan(ctx, b.Network); err != nil {
			return err
		}
	}
	return nil
}
