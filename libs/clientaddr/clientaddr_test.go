package clientaddr

import (
	"net/netip"
	"strings"
	"testing"
)

func TestClient(t *testing.T) {
	p, err := Parse([]string{"10.0.0.0/8", "192.0.2.7", "fd00::/8", "::ffff:198.51.100.1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, peer, forwarded, real, want string }{
		{"direct", "203.0.113.9", "", "", "203.0.113.9"},
		{"direct, with headers that nobody believes", "203.0.113.9", "198.51.100.9", "198.51.100.9", "203.0.113.9"},
		{"direct, with a real IP that nobody believes", "203.0.113.9", "", "198.51.100.9", "203.0.113.9"},
		{"neighbour of a trusted address", "192.0.2.8", "203.0.113.9", "", "192.0.2.8"},
		{"one proxy", "10.1.2.3", "203.0.113.9", "", "203.0.113.9"},
		{"one proxy, mapped", "::ffff:10.1.2.3", "::ffff:203.0.113.9", "", "203.0.113.9"},
		{"one proxy, real IP", "10.1.2.3", "", "203.0.113.9", "203.0.113.9"},
		{"both: the client wrote the second", "10.1.2.3", "203.0.113.9", "1.1.1.1", "203.0.113.9"},
		{"two proxies", "10.1.2.3", "203.0.113.9, 192.0.2.7", "", "203.0.113.9"},
		{"two proxies, one of them not trusted", "10.1.2.3", "203.0.113.9, 198.51.100.7", "", "198.51.100.7"},
		{"the client wrote the first", "10.1.2.3", "1.1.1.1, 203.0.113.9, 10.9.9.9", "", "203.0.113.9"},
		{"the client claims to be a proxy", "10.1.2.3", "10.9.9.9, 203.0.113.9", "", "203.0.113.9"},
		{"everybody is trusted", "10.1.2.3", "10.4.4.4, 10.5.5.5", "", "10.4.4.4"},
		{"two headers", "10.1.2.3", "1.1.1.1,203.0.113.9", "", "203.0.113.9"},
		{"with a port", "10.1.2.3", "203.0.113.9:4711", "", "203.0.113.9"},
		{"IPv6", "fd00::1", "2001:db8::1", "", "2001:db8::1"},
		{"IPv6 with a port", "fd00::1", "[2001:db8::1]:4711", "", "2001:db8::1"},
		{"IPv6 in brackets", "fd00::1", "[2001:db8::1]", "", "2001:db8::1"},
		{"IPv6 with a zone", "fd00::1%eth0", "2001:db8::1%eth0", "", "2001:db8::1"},
		{"unknown", "10.1.2.3", "unknown", "", "10.1.2.3"},
		{"unknown behind a proxy", "10.1.2.3", "1.1.1.1, unknown, 10.9.9.9", "", "10.9.9.9"},
		{"nonsense", "10.1.2.3", ",,,", "", "10.1.2.3"},
		{"real IP is nonsense", "10.1.2.3", "", "x", "10.1.2.3"},
		{"trusted as a mapped address", "198.51.100.1", "203.0.113.9", "", "203.0.113.9"},
	} {
		if got := p.Client(netip.MustParseAddr(tt.peer), tt.forwarded, tt.real); got.String() != tt.want {
			t.Errorf("%s: %s", tt.name, got)
		}
	}
	if got := Proxies(nil).Client(netip.MustParseAddr("127.0.0.1"), "203.0.113.9", "203.0.113.9"); got.String() != "127.0.0.1" {
		t.Errorf("by default %s is believed", got)
	}
}

func TestParse(t *testing.T) {
	for _, s := range []string{"", "nginx", "10.0.0.0/33", "10.0.0", "10.0.0.0/8,::1"} {
		if p, err := Parse([]string{"10.0.0.0/8", s}); err == nil || !strings.Contains(err.Error(), s) {
			t.Errorf("%q: %v, %v", s, p, err)
		}
	}
}

func TestNetwork(t *testing.T) {
	for in, want := range map[string]string{
		"203.0.113.9": "203.0.113.9", "::ffff:203.0.113.9": "203.0.113.9",
		"2001:db8::1": "2001:db8::", "2001:db8:0:0:ffff::2": "2001:db8::", "2001:db8:0:1::1": "2001:db8:0:1::",
		"fe80::1%eth0": "fe80::",
	} {
		if got := Network(netip.MustParseAddr(in)); got.String() != want {
			t.Errorf("%s: %s", in, got)
		}
	}
}

func FuzzClient(f *testing.F) {
	p, _ := Parse([]string{"10.0.0.0/8"})
	f.Add("1.1.1.1, 10.0.0.1", "")
	f.Add("[::1]:1,,", "x")
	f.Fuzz(func(t *testing.T, forwarded, realIP string) {
		if got := p.Client(netip.MustParseAddr("10.0.0.1"), forwarded, realIP); !got.IsValid() || got.Zone() != "" {
			t.Errorf("%q, %q: %v", forwarded, realIP, got)
		}
	})
}
