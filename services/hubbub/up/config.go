// Package up runs all of Hubbub in one process: the bus, every service and the page. That is for
// trying it, and for teams for whom one machine is enough.
//
// It wires the services and owns the routes, and leaves their behaviour to them.
package up

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/alecthomas/kong"

	"hubbub.internal/libs/bus/busurl"
	"hubbub.internal/libs/bus/natsembed"
	"hubbub.internal/services/directory"
	"hubbub.internal/services/edge"
	"hubbub.internal/services/history"
	historystore "hubbub.internal/services/history/store/storeurl"
	"hubbub.internal/services/hubbub/backup"
	"hubbub.internal/services/hubbub/certificate"
	"hubbub.internal/services/notify"
	"hubbub.internal/services/presence"
)

// The URLs of the bus and the stores in the data folder.
const (
	embedded = "embedded:"
	sqlite   = "sqlite:"
)

// Config is the configuration of `hubbub up`.
type Config struct {
	Data  string `help:"Folder of everything that must outlive the process; made when missing." default:"data" type:"path" placeholder:"DIR"`
	Web   string `help:"Folder of the built page; none serves no page." default:"web/dist" placeholder:"DIR"`
	Store string `help:"Store of history and directory: sqlite: (files in the data folder), mongodb:// or mongodb+srv://." default:"sqlite:" placeholder:"URL"`

	TLS       certificate.Config `embed:""`
	Bus       busurl.Config      `embed:""`
	Edge      edge.Config        `embed:""`
	History   history.Config     `embed:"" prefix:"history-"`
	Presence  presence.Config    `embed:"" prefix:"presence-"`
	Notify    notify.Config      `embed:"" prefix:"notify-"`
	Directory directory.Config   `embed:"" prefix:"directory-"`
}

// Vars are the defaults that differ from those of the services' own programs.
func Vars() kong.Vars {
	// Presence answers once it has heard every edge's heartbeat: a short interval makes the start
	// faster.
	return kong.Vars{
		"bus": embedded, "edge_heartbeat": "1s", "listen": "",
		"listen_help": "Public address, for WebSockets and HTTP. Empty: " + plainListen + ", or " + secureListen + " with --tls.",
	}
}

// The default public ports.
const (
	plainListen  = ":9080"
	secureListen = ":443"
)

// pageURL returns the page's address on a server that speaks TLS: the first host of its
// certificate. Empty: the certificate has no host that a browser can open.
func (c *Config) pageURL() string {
	for _, name := range c.TLS.Names() {
		if strings.HasPrefix(name, "*") {
			continue
		}
		if _, port, err := net.SplitHostPort(c.Edge.Listen); err == nil && port != "443" && port != "0" {
			name = net.JoinHostPort(name, port)
		}
		return "https://" + name + c.Edge.Base() + "/"
	}
	return ""
}

// Validate sets the options that follow from the data folder, and returns what is wrong with the
// configuration.
func (c *Config) Validate() error {
	c.Bus.Embed = natsembed.InProcess
	if c.Bus.Bus == embedded {
		c.Bus.Bus += filepath.Join(c.Data, "bus")
	}
	if len(c.Directory.TrustedProxies) == 0 {
		// one listener, so one set of proxies in front of it
		c.Directory.TrustedProxies = c.Edge.TrustedProxies
	}
	if c.Directory.PushPrivate {
		c.Notify.PushPrivate = true // the directory accepts only devices that notify may push to
	}
	if c.Edge.Listen == "" {
		c.Edge.Listen = plainListen
		if c.TLS.TLS {
			c.Edge.Listen = secureListen
		}
	}
	if c.TLS.TLS && c.Directory.PageURL == "" {
		c.Directory.PageURL = c.pageURL()
	}
	errs := []error{
		c.TLS.Validate(), c.stores(), c.Bus.Validate(), c.Edge.Validate(),
		prefixed("history-", c.History.Validate()), prefixed("presence-", c.Presence.Validate()), prefixed("notify-", c.Notify.Validate()),
		prefixed("directory-", c.Directory.Validate()),
	}
	if c.Web != "" && c.Web != noPage {
		if _, err := os.Stat(filepath.Join(c.Web, "index.html")); err != nil {
			errs = append(errs, fmt.Errorf("--web is %s, where there is no page; it has to be a folder in which one is built (`make build`), or none", c.Web))
		}
	}
	return errors.Join(errs...)
}

// noPage, as Web, turns the page off.
const noPage = "none"

// stores returns what is wrong with the store. The URLs of history and directory differ only in the
// names of files.
func (c *Config) stores() error {
	history, directory := c.storeURLs()
	if history == directory && strings.HasPrefix(c.Store, sqlite) {
		return fmt.Errorf("--store is %s; it has to be sqlite: without a name, since the files are in the data folder: name another with --data", c.Store)
	}
	return (&historystore.Config{Store: history}).Validate()
}

// prefixed adds prefix to the flags, at the beginning of each line, in a service's error.
func prefixed(prefix string, err error) error {
	if err == nil {
		return nil
	}
	lines := strings.Split(err.Error(), "\n")
	for i, line := range lines {
		if flag, ok := strings.CutPrefix(line, "--"); ok {
			lines[i] = "--" + prefix + flag
		}
	}
	return errors.New(strings.Join(lines, "\n"))
}

// storeURLs returns the stores of history and directory.
func (c *Config) storeURLs() (history, directory string) {
	return backup.StoreURLs(c.Store, c.Data)
}
