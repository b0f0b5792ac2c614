package up

import (
	"strings"
	"testing"
)

// TestPageURL: the page's address is the first host of the certificate that a browser can open, at
// the port that people reach.
func TestPageURL(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		names, listen, base, want string
	}{
		{"chat.example.org,example.org", ":443", "", "https://chat.example.org/"},
		{"chat.example.org", ":0", "", "https://chat.example.org/"}, // whichever is free
		{"chat.example.org", "127.0.0.1:8443", "", "https://chat.example.org:8443/"},
		{"chat.example.org", "nonsense", "", "https://chat.example.org/"},
		{"*.example.org,chat.example.org", ":443", "", "https://chat.example.org/"},
		{"*.example.org", ":443", "", ""},
		{"2001:db8::1", ":8443", "", "https://[2001:db8::1]:8443/"},
		{"chat.example.org", ":8443", "/talk", "https://chat.example.org:8443/talk/"},
	} {
		var cfg Config
		cfg.TLS.ACME.Domains, cfg.Edge.Listen, cfg.Edge.BasePath = strings.Split(tt.names, ","), tt.listen, tt.base
		if got := cfg.pageURL(); got != tt.want {
			t.Errorf("%s at %s%s: %q, want %q", tt.names, tt.listen, tt.base, got, tt.want)
		}
	}
	if got := new(Config).pageURL(); got != "" {
		t.Errorf("without a certificate: %q", got)
	}
}

// TestWhatFollows: options that are not given follow from others, and those that are given stay.
func TestWhatFollows(t *testing.T) {
	t.Parallel()
	acme := []string{"--tls", "--tls-domains", "chat.example.org", "--tls-acme-agree"}
	for _, tt := range []struct {
		args         []string
		listen, page string
		private      bool // pushes to private addresses
	}{
		{nil, plainListen, "", false},
		{[]string{"--listen", ":1"}, ":1", "", false},
		{acme, secureListen, "https://chat.example.org/", false},
		{append([]string{"--listen", ":8443"}, acme...), ":8443", "https://chat.example.org:8443/", false},
		{append([]string{"--directory-page-url", "https://other.example.org/"}, acme...), secureListen, "https://other.example.org/", false},
		{[]string{"--directory-push-private"}, plainListen, "", true},
		{[]string{"--notify-push-private"}, plainListen, "", true},
	} {
		cfg, err := parsed(t, append([]string{"--data", t.TempDir(), "--web", "none"}, tt.args...)...)
		if err != nil {
			t.Errorf("%v: %v", tt.args, err)
		}
		if cfg.Edge.Listen != tt.listen || cfg.Directory.PageURL != tt.page || cfg.Notify.PushPrivate != tt.private {
			t.Errorf("%v: listens at %s, the page is %q, and pushes to private addresses are allowed: %t",
				tt.args, cfg.Edge.Listen, cfg.Directory.PageURL, cfg.Notify.PushPrivate)
		}
	}
}
