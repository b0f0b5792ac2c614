package upgrade

import (
	"net/netip"
	"testing"
)

func TestProxies(t *testing.T) {
	p, err := ParseProxies([]string{"10.0.0.0/8", "::1", "192.0.2.7"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ peer, says, want string }{
		{"10.1.2.3", "203.0.113.9", "203.0.113.9"},
		{"::ffff:10.1.2.3", "203.0.113.9", "203.0.113.9"}, // how an IPv6 listener sees it
		{"::1", "2001:db8::1", "2001:db8::1"},
		{"192.0.2.7", "::ffff:203.0.113.9", "203.0.113.9"},
		{"192.0.2.8", "203.0.113.9", "192.0.2.8"},
		{"10.1.2.3", "", "10.1.2.3"},
	} {
		says, _ := netip.ParseAddr(tt.says)
		if got := p.Client(netip.MustParseAddr(tt.peer), says); got != netip.MustParseAddr(tt.want) {
			t.Errorf("%s saying %q is %s, want %s", tt.peer, tt.says, got, tt.want)
		}
	}
	if got := Proxies(nil).Client(netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("203.0.113.9")); got.String() != "127.0.0.1" {
		t.Errorf("without proxies the client is %s", got)
	}
	for _, bad := range []string{"", "proxy", "10.0.0.0/33", "10.0.0"} {
		if _, err := ParseProxies([]string{bad}); err == nil {
			t.Errorf("%q is taken for a network", bad)
		}
	}
}
