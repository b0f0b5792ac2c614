package doctor

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"hubbub.internal/libs/buildinfo"
	"hubbub.internal/services/hubbub/certificate"
)

// maxMetrics bounds the size of a process's metrics, in bytes.
const maxMetrics = 8 << 20

// services checks the ops ports of the services.
func (c *Config) services(ctx context.Context, r *report) {
	const check = "services"
	versions := map[string][]string{} // addresses by version
	for _, ops := range c.Ops {
		host, port, err := net.SplitHostPort(ops)
		if err != nil {
			r.fail(check, "give it like edge:9090", "--ops %s: %v", ops, err)
			continue
		}
		soon, cancel := context.WithTimeout(ctx, c.Timeout)
		addrs, err := net.DefaultResolver.LookupHost(soon, host)
		cancel()
		if err != nil {
			r.fail(check, "check the name, and run this where the services run", "%s: %v", ops, err)
			continue
		}
		for _, addr := range addrs {
			where := ops
			if len(addrs) > 1 {
				where += " (" + addr + ")"
			}
			if v := c.service(ctx, r, where, net.JoinHostPort(addr, port)); v != "" {
				versions[v] = append(versions[v], where)
			}
		}
	}
	if len(versions) == 0 {
		return
	}
	const versionCheck = "versions"
	all := slices.Sorted(maps.Keys(versions))
	own := buildinfo.Get()
	switch {
	case len(all) > 1:
		var each []string
		for _, v := range all {
			each = append(each, v+" at "+strings.Join(versions[v], ", "))
		}
		r.warn(versionCheck, "finish the upgrade: a release works beside the one before, and no longer than it has to", "different releases run: %s", strings.Join(each, "; "))
	case all[0] != own.Version+" ("+own.Commit+")":
		r.warn(versionCheck, "run the doctor of that release", "the services are of release %s, and this program of %s (%s)", all[0], own.Version, own.Commit)
	default:
		r.ok(versionCheck, "all services are of one release, %s", all[0])
	}
}

// service checks one process, and returns its version; empty: unknown.
func (c *Config) service(ctx context.Context, r *report, where, addr string) (version string) {
	const check = "services"
	before := time.Now()
	status, head, text, err := c.get(ctx, "http://"+addr+"/readyz")
	if err != nil {
		r.fail(check, "see that it runs, that --ops-listen lets others in (:9090), and that no firewall is between", "%s does not answer: %v", where, err)
		return ""
	}
	if at, err := http.ParseTime(head.Get("Date")); err == nil {
		// the header has whole seconds only
		clock(r, where, at.Add(time.Second/2), before.Add(-time.Second), time.Now().Add(time.Second))
	}
	if status != http.StatusOK {
		r.fail(check, "mend that; docs/operate.md says what each means", "%s is not ready: %s", where, strings.TrimSpace(text))
	} else {
		r.ok(check, "%s is ready", where)
	}
	if _, _, text, err = c.get(ctx, "http://"+addr+"/metrics"); err != nil {
		r.warn(check, "", "%s shows no metrics: %v", where, err)
		return ""
	}
	lines := bufio.NewScanner(strings.NewReader(text))
	lines.Buffer(nil, maxMetrics)
	for lines.Scan() {
		line := lines.Text()
		if m := build.FindStringSubmatch(line); m != nil {
			version = label(m[1], "version") + " (" + label(m[1], "commit") + ")"
		}
		for _, w := range watched {
			if value, ok := strings.CutPrefix(line, w.metric+" "); ok {
				if n, err := strconv.ParseFloat(value, 64); err == nil && n > w.most {
					r.warn(check, w.do, "%s: %s is %s", where, w.what, value)
				}
			}
		}
	}
	return version
}

// watched are metrics that are 0 unless something is wrong.
var watched = []struct {
	metric string
	most   float64
	what   string
	do     string
}{
	{"hubbub_clock_others_ahead_seconds", 1, "the clock of another process is ahead, by seconds, which", "set the clocks by NTP"},
	{"hubbub_history_conflicts_total", 0, "the number of entries with the place of another one, since the log was rewound,", "look into history's log"},
}

var build = regexp.MustCompile(`^hubbub_build_info\{(.*)\} 1$`)

func label(labels, name string) string {
	m := regexp.MustCompile(`(?:^|,)` + name + `="([^"]*)"`).FindStringSubmatch(labels)
	if m == nil {
		return "unknown"
	}
	return m[1]
}

// get requests a URL. It accepts any certificate, because certificate checks those.
func (c *Config) get(ctx context.Context, url string) (status int, head http.Header, text string, err error) {
	client := &http.Client{Timeout: c.Timeout, Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // see certificate
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, nil, "", err
	}
	answer, err := client.Do(req)
	if err != nil {
		return 0, nil, "", err
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(io.LimitReader(answer.Body, maxMetrics))
	return answer.StatusCode, answer.Header, string(b), err
}

// pages checks the page, and a path of each service behind it.
func (c *Config) pages(ctx context.Context, r *report) {
	const check = "page"
	for _, at := range c.URLs {
		at = strings.TrimSuffix(at, "/")
		if strings.HasPrefix(at, "https://") {
			c.certificate(ctx, r, at)
		}
		for path, want := range map[string]struct {
			status int
			who    string
		}{
			"/.well-known/jwks.json": {http.StatusOK, "the directory"},
			"/v1/ws":                 {http.StatusUpgradeRequired, "an edge"},
		} {
			status, _, _, err := c.get(ctx, at+path)
			switch {
			case err != nil:
				r.fail(check, "see that nginx, or hubbub up, runs, and what is between here and there", "%s%s does not answer: %v", at, path, err)
			case status != want.status:
				r.fail(check, "see that it runs and is ready, and that the proxy in front passes everything on, WebSockets too", "%s%s is not answered by %s: status %d", at, path, want.who, status)
			default:
				r.ok(check, "%s%s is answered by %s", at, path, want.who)
			}
		}
	}
}

// certificate checks the certificate of an address.
func (c *Config) certificate(ctx context.Context, r *report, at string) {
	const check = "certificate"
	u, err := url.Parse(at)
	if err != nil {
		r.fail(check, "", "%s: %v", at, err)
		return
	}
	addr := u.Host
	if u.Port() == "" {
		addr = net.JoinHostPort(u.Hostname(), "443")
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	// The handshake must succeed with a bad certificate, too, so that its expiry is known.
	d := tls.Dialer{Config: &tls.Config{ServerName: u.Hostname(), InsecureSkipVerify: true}} //nolint:gosec // checked below
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		r.fail(check, "check that a TLS server listens there", "%s: %v", at, err)
		return
	}
	defer conn.Close()
	state := conn.(*tls.Conn).ConnectionState()
	checkChain(r, at, u.Hostname(), state.PeerCertificates, nil, time.Now())
}

// checkChain checks whether browsers accept a certificate, and for how long. roots nil: the
// system's.
func checkChain(r *report, at, host string, chain []*x509.Certificate, roots *x509.CertPool, now time.Time) {
	const check = "certificate"
	leaf := chain[0]
	left := leaf.NotAfter.Sub(now)
	if left <= 0 {
		r.fail(check, "renew it", "that of %s ended on %s", at, leaf.NotAfter.Format(time.DateOnly))
		return
	}
	between := x509.NewCertPool()
	for _, cert := range chain[1:] {
		between.AddCert(cert)
	}
	_, err := leaf.Verify(x509.VerifyOptions{DNSName: host, Intermediates: between, Roots: roots, CurrentTime: now})
	unknown := new(x509.UnknownAuthorityError)
	switch {
	case errors.As(err, unknown):
		r.warn(check, "browsers refuse it unless they know who signed it; intermediates belong into the file behind it", "that of %s is signed by somebody whom this machine does not know", at)
	case err != nil:
		r.fail(check, "get one for this name", "that of %s is not good: %v", at, err)
	case left < certificate.RenewedBefore(leaf):
		r.warn(check, "see why it is not renewed", "that of %s ends on %s", at, leaf.NotAfter.Format(time.DateOnly))
	default:
		r.ok(check, "that of %s is good until %s", at, leaf.NotAfter.Format(time.DateOnly))
	}
}
