// Package clientaddr finds the address of the client behind proxies, and the network that limits
// count it by.
//
// Headers are written by anybody, so they count only where the connection comes from a proxy that
// the operator trusts.
package clientaddr

import (
	"fmt"
	"net/netip"
	"strings"
)

// ipv6Network is the length of an IPv6 network, in bits: whoever has one address of it has all of
// them (RFC 6177).
const ipv6Network = 64

// Proxies are the networks of the proxies whose headers count. The zero value trusts nobody.
type Proxies []netip.Prefix

// Parse reads networks in CIDR notation; an address alone stands for itself.
func Parse(list []string) (Proxies, error) {
	var p Proxies
	for _, s := range list {
		if a, err := netip.ParseAddr(s); err == nil {
			p = append(p, netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()))
			continue
		}
		n, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("%.80q is not a network: write it like 10.0.0.0/8", s)
		}
		p = append(p, n.Masked())
	}
	return p, nil
}

// Trust reports whether a proxy with this address is trusted.
func (p Proxies) Trust(addr netip.Addr) bool {
	for _, n := range p {
		if n.Contains(addr) {
			return true
		}
	}
	return false
}

// Client returns the address of the client behind a connection from peer. forwardedFor is the value
// of X-Forwarded-For, several of them joined by commas in the order of the request; realIP is that
// of X-Real-IP; both may be empty.
//
// Each proxy appends to X-Forwarded-For the address that it was called from, so the client is the
// last address that is not a trusted proxy's: what stands before it, the client may have written.
// X-Real-IP counts only without X-Forwarded-For. A trusted proxy must therefore set or remove both.
func (p Proxies) Client(peer netip.Addr, forwardedFor, realIP string) netip.Addr {
	addr := peer.Unmap().WithZone("")
	if !p.Trust(addr) {
		return addr
	}
	if forwardedFor == "" {
		if a, ok := parse(realIP); ok {
			addr = a
		}
		return addr
	}
	for rest := forwardedFor; p.Trust(addr) && rest != ""; {
		var last string
		if i := strings.LastIndexByte(rest, ','); i >= 0 {
			rest, last = rest[:i], rest[i+1:]
		} else {
			rest, last = "", rest
		}
		a, ok := parse(last)
		if !ok {
			break // "unknown", or nonsense: the proxy that wrote it is the last that is known
		}
		addr = a
	}
	return addr
}

// parse reads an address as proxies write it: alone, in brackets, or with a port.
func parse(s string) (netip.Addr, bool) {
	s = strings.TrimSpace(s)
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	if inner, ok := strings.CutPrefix(s, "["); ok {
		s = strings.TrimSuffix(inner, "]")
	}
	a, err := netip.ParseAddr(s)
	return a.Unmap().WithZone(""), err == nil
}

// Network returns the address that a client is counted by: that of its /64 for IPv6, else its own.
func Network(addr netip.Addr) netip.Addr {
	addr = addr.Unmap()
	if addr.Is6() {
		if n, err := addr.WithZone("").Prefix(ipv6Network); err == nil {
			return n.Addr()
		}
	}
	return addr
}
