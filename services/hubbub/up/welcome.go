package up

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
)

// welcome tells a person where to go, what the process uses, and how to stop it.
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
`, what, address(addr)+cfg.Edge.Base(), shown(cfg.Bus.Bus), stores, cfg.Data)
	return err
}

// address is where a browser on this machine finds addr.
func address(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && (ip.IsUnspecified() || ip.IsLoopback()) {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// shown is a URL without its password.
func shown(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.User == nil {
		if i, j := strings.Index(text, "://"), strings.LastIndexByte(text, '@'); i >= 0 && j > i {
			return text[:i+3] + text[j+1:] // several hosts are no URL
		}
		return text
	}
	return u.Redacted()
}
