package redisbus

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const (
	defaultPort  = "6379"
	sentinelPort = "26379"
)

// endpoint is the parsed URL of a bus.
type endpoint struct {
	kind     kind
	seeds    []string       // host:port of the server, of Sentinels, or of nodes of the cluster
	master   string         // the Sentinels' name for the master
	options  *redis.Options // for a server, without the address
	sentinel *redis.Options // for a Sentinel, without the address
}

type kind uint8

const (
	oneServer kind = iota
	withSentinels
	onCluster
)

// schemes are the schemes of the URLs of a bus. Those with rediss use TLS.
var schemes = map[string]kind{
	"redis": oneServer, "rediss": oneServer,
	"redis+sentinel": withSentinels, "rediss+sentinel": withSentinels,
	"redis+cluster": onCluster, "rediss+cluster": onCluster,
}

// Schemes returns the schemes of the URLs that Open takes.
func Schemes() []string {
	var all []string
	for s := range schemes {
		all = append(all, s)
	}
	slices.Sort(all)
	return all
}

func badURL(format string, args ...any) error {
	return &problem{kind: ErrURL, text: fmt.Sprintf(format, args...)}
}

// CheckURL returns what is wrong with the URL of a bus, without asking any server. The error wraps
// ErrURL and does not repeat the URL, which may hold a password.
func CheckURL(text string) error {
	_, err := parseURL(Config{URL: text})
	return err
}

// parseURL reads the URL of a bus: scheme://user:password@host:port,host:port/path?options. Its
// errors do not repeat the URL, which may hold a password.
func parseURL(cfg Config) (endpoint, error) {
	scheme, rest, ok := strings.Cut(cfg.URL, "://")
	kind, known := schemes[scheme]
	if !ok || !known {
		return endpoint{}, badURL("the Redis driver does not know the scheme %.20q: it is one of %s", scheme, strings.Join(Schemes(), " "))
	}
	e := endpoint{kind: kind}
	hosts, path := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		hosts, path = rest[:i], rest[i:]
	}
	login := ""
	if i := strings.LastIndexByte(hosts, '@'); i >= 0 {
		login, hosts = hosts[:i+1], hosts[i+1:]
	}
	port := defaultPort
	if kind == withSentinels {
		port = sentinelPort
	}
	for host := range strings.SplitSeq(hosts, ",") {
		addr, err := address(host, port)
		if err != nil {
			return e, err
		}
		e.seeds = append(e.seeds, addr)
	}
	if kind == oneServer && len(e.seeds) > 1 {
		return e, badURL("%s:// names one server, and this names %d: write redis+cluster:// for a cluster, redis+sentinel:// for Sentinels",
			scheme, len(e.seeds))
	}
	secure, _, _ := strings.Cut(scheme, "+")
	base := secure + "://" + login + e.seeds[0]
	u, err := url.Parse(base + path)
	if err != nil {
		return e, badURL("the URL of the bus cannot be read: a password in it has to be percent-encoded")
	}
	if kind == oneServer {
		base += path // its options are the client library's
	}
	if e.options, err = redis.ParseURL(base); err != nil {
		return e, badURL("the URL of the bus is not one of a Redis server: write it like redis://:password@127.0.0.1:6379/0")
	}
	e.secure(cfg.TLS)
	e.settings(cfg)
	switch kind {
	case withSentinels:
		err = e.readSentinel(u)
	case onCluster:
		if u.Path != "" && u.Path != "/" && u.Path != "/0" || u.RawQuery != "" {
			err = badURL("a Redis Cluster has no databases, and its URL no options: write it like %s://host1:6379,host2:6379", scheme)
		}
	}
	return e, err
}

// address returns the host and port of one of a URL's hosts. The port has a default.
func address(host, port string) (string, error) {
	if h, p, err := net.SplitHostPort(host); err == nil {
		host, port = h, p
	} else {
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || host == "" || strings.ContainsAny(host, " []@/") {
		return "", badURL("the URL of the bus names a host that cannot be read: write hosts like 10.0.0.1:6379,10.0.0.2:6379, and a password before them percent-encoded")
	}
	return net.JoinHostPort(host, port), nil
}

// secure adds the configuration's TLS options to those of the URL.
func (e *endpoint) secure(extra *tls.Config) {
	o := e.options
	if o.TLSConfig == nil {
		return
	}
	if extra != nil {
		name := o.TLSConfig.ServerName
		o.TLSConfig = extra.Clone()
		if o.TLSConfig.ServerName == "" {
			o.TLSConfig.ServerName = name
		}
	}
	if e.kind != oneServer && (extra == nil || extra.ServerName == "") {
		// the library takes each server's name from its address
		o.TLSConfig.ServerName = ""
	}
	o.TLSConfig.MinVersion = max(o.TLSConfig.MinVersion, tls.VersionTLS12)
}

// settings applies the settings that are the same for every server.
func (e *endpoint) settings(cfg Config) {
	o := e.options
	o.ClientName = cfg.Name
	o.Protocol = 2
	o.MaxRetries = -1 // the library's retries would reorder appends, and hide a lost connection
	o.DialerRetries = 1
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = dialTimeout, attemptTimeout, attemptTimeout
	o.ContextTimeoutEnabled = true
	o.PoolSize = poolSize
	o.PoolTimeout = attemptTimeout
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	if e.kind == withSentinels {
		o.OnConnect = mustBeMaster
	}
}

// readSentinel reads a Sentinel's URL: the name of the master, which is the path, and the options.
func (e *endpoint) readSentinel(u *url.URL) error {
	e.master = strings.Trim(u.Path, "/")
	if e.master == "" || strings.Contains(e.master, "/") {
		return badURL("the URL of Sentinels names no master: write it like redis+sentinel://host1:26379,host2:26379/mymaster")
	}
	s := *e.options
	s.Username, s.Password, s.OnConnect, s.DB, s.PoolSize = "", "", nil, 0, 2
	for name, values := range u.Query() {
		switch name {
		case "sentinel_username":
			s.Username = values[0]
		case "sentinel_password":
			s.Password = values[0]
		case "db":
			db, err := strconv.Atoi(values[0])
			if err != nil || db < 0 {
				return badURL("db in the URL of Sentinels is no number of a database")
			}
			e.options.DB = db
		default:
			return badURL("the URL of Sentinels has the unknown option %.20q: it is one of db sentinel_username sentinel_password", name)
		}
	}
	e.sentinel = &s
	return nil
}
