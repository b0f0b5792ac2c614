package upgrade

import (
	"fmt"
	"net/netip"
)

// Proxies are the networks of the proxies whose X-Real-IP is believed.
type Proxies []netip.Prefix

// ParseProxies reads networks in CIDR notation; an address alone stands for itself.
func ParseProxies(list []string) (Proxies, error) {
	var p Proxies
	for _, s := range list {
		if a, err := netip.ParseAddr(s); err == nil {
			p = append(p, netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()))
			continue
		}
		n, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("%.80q is no network; one is written like 10.0.0.0/8", s)
		}
		p = append(p, n.Masked())
	}
	return p, nil
}

// Client returns the address of the client behind a connection from peer: what a trusted proxy says in X-Real-IP, else
// peer itself.
func (p Proxies) Client(peer, realIP netip.Addr) netip.Addr {
	if peer = peer.Unmap(); !realIP.IsValid() {
		return peer
	}
	for _, n := range p {
		if n.Contains(peer) {
			return realIP.Unmap()
		}
	}
	return peer
}
