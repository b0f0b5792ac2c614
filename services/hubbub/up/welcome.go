package up

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
)

// welcome prints the page's address, what the process uses, and how to stop it.
func welcome(out io.Writer, cfg Config, addr net.Addr) error {
	what := "the chat is"
	if cfg.Web == "" || cfg.Web == noPage {
		what = "the API is"
	}
	history, directory := cfg.storeURLs()
	stores := shown(history)
	if directory != history {
		stores += " and " + shown(directory)
	}
	_, err := fmt.Fprintf(out, `Hubbub is up: %s at %s

  bus    %s
  store  %s
  data   %s

Ctrl-C stops it; nothing is lost, however it stops.
`, what, strings.TrimSuffix(cfg.address(addr), "/"), shown(cfg.Bus.Bus), stores, cfg.Data)
	return err
}

// address returns the page's address for a browser: on this machine at addr, or, with TLS, the
// certificate's host. It ends with a slash.
func (c *Config) address(addr net.Addr) string {
	scheme := "http://"
	if c.TLS.TLS {
		scheme = "https://"
		if c.Directory.PageURL != "" {
			return strings.TrimSuffix(c.Directory.PageURL, "/") + "/"
		}
	}
	where := addr.String()
	if host, port, err := net.SplitHostPort(where); err == nil {
		if ip := net.ParseIP(host); host == "" || ip != nil && (ip.IsUnspecified() || ip.IsLoopback()) {
			host = "localhost"
		}
		where = net.JoinHostPort(host, port)
	}
	return scheme + where + c.Edge.Base() + "/"
}

// shown returns a URL without its password.
func shown(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.User == nil {
		if i, j := strings.Index(text, "://"), strings.LastIndexByte(text, '@'); i >= 0 && j > i {
			return text[:i+3] + text[j+1:] // net/url does not parse several hosts
		}
		return text
	}
	return u.Redacted()
}
