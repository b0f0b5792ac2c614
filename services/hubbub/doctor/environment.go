package doctor

import (
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hubbub.internal/libs/daemon"
	"hubbub.internal/services/directory"
	"hubbub.internal/services/edge"
	"hubbub.internal/services/history"
	"hubbub.internal/services/hubbub/up"
	"hubbub.internal/services/notify"
	"hubbub.internal/services/presence"
)

// programs returns the configuration of each service's program, in a fixed order.
func programs() []struct {
	name string
	cfg  any
} {
	return []struct {
		name string
		cfg  any
	}{
		{"edge", &edge.Program{}}, {"history", &history.Program{}}, {"presence", &presence.Program{}}, {"notify", &notify.Program{}}, {"directory", &directory.Program{}},
	}
}

// elsewhere are prefixes of variables that no program of Hubbub reads, but compose files, nginx and
// tests do (docs/operate.md).
var elsewhere = []string{
	"PORT", "NOFILE", "EDGE_MEMORY", "BUS_MEMORY", "MONGO_MEMORY", "GRAFANA_", "PROMETHEUS_", "METRICS_", "REGISTRY", "VERSION", "PULL",
	"DELVE", "COMMIT", "DATE", "BUILD_", "SECRETS", "CONFIGS", "PROXY_PROTOCOL", "IPV6", "TEST_", "MAKE_", "CLIENTS_",
}

// environment checks the services' options in the environment.
func (c *Config) environment(r *report) {
	const check = "options"
	known := map[string]bool{}
	good := true
	for _, p := range programs() {
		options, err := daemon.Options(p.name, p.cfg)
		if err != nil {
			r.fail(check, "report this bug", "%s: %v", p.name, err)
			continue
		}
		for _, o := range options {
			known[o.Env] = true
		}
		if err := daemon.CheckEnvironment(p.name, p.cfg); err != nil {
			good = false
			r.fail(check, "correct it where the service gets it from", "%s would not start: %v", p.name, err)
		}
	}
	for _, o := range c.upOptions() {
		known[o] = true
	}
	var unknown []string
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		rest, ours := strings.CutPrefix(name, "HUBBUB_")
		if !ours || known[name] || known[strings.TrimSuffix(name, "_FILE")] ||
			slices.ContainsFunc(elsewhere, func(p string) bool { return strings.HasPrefix(rest, p) }) {
			continue
		}
		unknown = append(unknown, name)
	}
	slices.Sort(unknown)
	for _, name := range unknown {
		good = false
		r.warn(check, "see the list in docs/configuration.md", "no service has an option %s", name)
	}
	if good {
		r.ok(check, "those in the environment can be meant, for each service")
	}
	c.secrets(r)
}

// upOptions returns the variables of a `hubbub up`, and those of this command.
func (c *Config) upOptions() (names []string) {
	type upConfig struct {
		daemon.Config
		Up     up.Config `embed:""`
		Doctor struct {
			HistoryStore, DirectoryStore string
			Ops                          []string
			URL                          []string `name:"url"`
			JSON                         bool     `name:"json"`
			Timeout                      string
		} `embed:""`
	}
	options, err := daemon.Options("hubbub", &upConfig{})
	if err != nil {
		return nil // a test checks that there is none
	}
	for _, o := range options {
		names = append(names, o.Env)
	}
	return names
}

// weak are common passwords.
var weak = []string{
	"password", "secret", "hubbub", "changeme", "change-me", "admin", "root", "guest", "redis", "nats", "mongo", "mongodb", "example", "test", "sesame", "123456", "12345678",
}

// secrets checks that secrets are strong, and that nobody else can read them.
func (c *Config) secrets(r *report) {
	const check = "secrets"
	before := len(r.all)
	historyURL, directoryURL := c.Stores()
	for _, s := range []struct{ flag, url string }{{"--bus", c.Bus.Bus}, {"--history-store", historyURL}, {"--directory-store", directoryURL}} {
		login, host, ok := loginOf(s.url)
		if !ok {
			continue
		}
		user, password := login.Username(), ""
		if login != nil {
			password, _ = login.Password()
		}
		switch {
		case password == "" && !isLocal(host):
			r.warn(check, "give the server a password, and put it into the URL", "the server of %s, which is not on this machine, lets in whoever reaches it", s.flag)
		case password != "" && (slices.Contains(weak, strings.ToLower(password)) || password == user || len(password) < 8):
			r.warn(check, "make another, such as with `openssl rand -hex 24`", "the password in %s is one that others guess", s.flag)
		}
	}
	for _, pair := range os.Environ() {
		name, path, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "HUBBUB_") && strings.HasSuffix(name, "_FILE") && path != "" {
			secretFile(r, name, path)
		}
	}
	if len(r.all) == before {
		r.ok(check, "none is one that others guess, or that others can read")
	}
}

// secretFile checks a file with a secret.
func secretFile(r *report, name, path string) {
	const check = "secrets"
	info, err := os.Stat(path)
	if err != nil {
		r.fail(check, "make the file, or unset "+name, "%s cannot be read: %v", name, err)
		return
	}
	if strings.HasPrefix(path, "/run/secrets/") || !readable(info.Mode(), path) {
		return
	}
	r.warn(check, "chmod 600 "+path, "everybody on this machine can read %s, of %s", path, name)
}

// readable reports whether users outside the owner's group can read a file, through its folder.
func readable(mode fs.FileMode, path string) bool {
	if mode.Perm()&0o004 == 0 {
		return false
	}
	dir, err := os.Stat(filepath.Dir(path))
	return err != nil || dir.Mode().Perm()&0o001 != 0
}

// loginOf returns the login and the first host of a server's URL; false: this is not one.
func loginOf(text string) (login *url.Userinfo, host string, ok bool) {
	scheme, rest, found := strings.Cut(text, "://")
	if !found || scheme == "sqlite" || scheme == "embedded" {
		return nil, "", false
	}
	// net/url does not parse several hosts
	hosts, tail, _ := strings.Cut(rest, "/")
	if i := strings.IndexByte(hosts, ','); i >= 0 {
		hosts = hosts[:i]
	}
	u, err := url.Parse("x://" + hosts + "/" + tail)
	if err != nil {
		return nil, "", false
	}
	return u.User, u.Hostname(), true
}

func isLocal(host string) bool {
	return host == "localhost" || host == "::1" || strings.HasPrefix(host, "127.")
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
