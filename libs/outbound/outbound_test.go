package outbound_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"hubbub.internal/libs/outbound"
)

func TestAddressesOfTheInternet(t *testing.T) {
	for _, addr := range []string{"8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8"} {
		if !outbound.Public(netip.MustParseAddr(addr)) {
			t.Errorf("%s is of the Internet", addr)
		}
	}
	for _, addr := range []string{
		"127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "0.1.2.3", "224.0.0.1", "255.255.255.255",
		"198.18.0.1", "::1", "::", "fe80::1", "fd00::1", "fe80::1%eth0", "ff02::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::",
	} {
		if outbound.Public(netip.MustParseAddr(addr)) {
			t.Errorf("%s is taken for one of the Internet", addr)
		}
	}
}

func TestURLsThatAreNotCalled(t *testing.T) {
	for _, u := range []string{
		"", "x", "http://push.example/a", "https://", "https:///a", "ftp://push.example/a", "https://u:p@push.example/a", "https://push.example/#a",
		"https://127.0.0.1/a", "https://[::1]/a", "https://localhost/a", "https://LOCALHOST./a", "https://a.localhost", "https://169.254.169.254/latest",
		"https://push.example/" + strings.Repeat("x", 1024),
	} {
		if outbound.Check(u, false) == nil {
			t.Errorf("%.60s is called", u)
		}
	}
	for _, u := range []string{"https://push.example/a?b=c", "https://push.example:8443/a"} {
		if err := outbound.Check(u, false); err != nil {
			t.Errorf("%s: %v", u, err)
		}
	}
	if err := outbound.Check("https://127.0.0.1:1/a", true); err != nil {
		t.Error(err)
	}
	if outbound.Check("http://127.0.0.1:1/a", true) == nil {
		t.Error("an operator who allows private addresses does not allow http")
	}
}

// TestPrivateAddressIsNotConnectedTo although its name passes: what counts is where it leads.
func TestPrivateAddressIsNotConnectedTo(t *testing.T) {
	called := false
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		called = true
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(http.StatusFound)
	}))
	defer s.Close()
	c := outbound.Client(false, time.Minute, nil)
	if res, err := c.Get(s.URL); !errors.Is(err, outbound.ErrPrivate) || called {
		if err == nil {
			_ = res.Body.Close()
		}
		t.Errorf("called: %v, %v", called, err)
	}
	c = outbound.Client(true, time.Minute, nil)
	defer c.CloseIdleConnections()
	res, err := c.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusFound {
		t.Errorf("a redirect was followed to %d", res.StatusCode)
	}
}
