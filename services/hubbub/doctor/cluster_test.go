package doctor

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/bus/membus"
	"hubbub.internal/libs/bus/natsembed"
	"hubbub.internal/libs/certtest"
	"hubbub.internal/libs/mongotest"
	directorymongo "hubbub.internal/services/directory/store/mongo"
)

// TestCluster looks at buses and stores that are right, and wrong.
func TestCluster(t *testing.T) {
	mongo := mongotest.URL(t)
	redis := bustest.Redis(t, "--appendonly", "yes").URL()
	look := func(args ...string) *report {
		t.Helper()
		c, r := parse(t, append([]string{"--bus-timeout", "1s"}, args...)...), &report{}
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		c.examinePlace(t.Context(), r)
		return r
	}
	d, err := directorymongo.Open(t.Context(), mongo, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	r := look("--bus", redis, "--store", mongo)
	r.has(t, "bus", OK, "messages come")
	r.has(t, "log", OK, "history is not behind")
	r.has(t, "clocks", OK, "that of MongoDB is ours")
	r.has(t, "clocks", OK, "that of Redis is ours")
	r.has(t, "store", OK, "the store of directory answers")
	r.has(t, "store", Warn, "the store of history has a schema of version 0")
	if !mongotest.Real() {
		r.has(t, "store", OK, "runs as one server; a replica set goes on without one")
	}
	reader := mongotest.NewProxy(t, mongo)
	for _, command := range []string{"update", "delete"} {
		reader.Refuse(command)
		look("--bus", redis, "--store", reader.URL).has(t, "store", Fail, "directory cannot write")
	}
	reader.Refuse()
	look("--bus", redis, "--store", reader.URL).has(t, "store", OK, "the store of directory answers")
	r = look("--bus", "redis://127.0.0.1:1", "--store", "mongodb://127.0.0.1:1/x?serverSelectionTimeoutMS=100")
	r.has(t, "bus", Fail, "cannot be reached")
	r.has(t, "store", Fail, "cannot be reached")
	look("--bus", "redis://nowhere.invalid", "--store", mongo).has(t, "names", Fail, "the name nowhere.invalid is not known here")
	look("--bus", bustest.Redis(t, "--appendonly", "no").URL(), "--store", mongo).has(t, "bus", Warn, "append")
	look("--bus", bustest.Redis(t, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru").URL(), "--store", mongo).has(t, "bus", Fail, "maxmemory-policy")
	r = look("--bus", bustest.Redis(t, "--requirepass", "sesame").URL(), "--store", mongo)
	r.has(t, "bus", Fail, "refused the login")
	weak := bustest.Redis(t, "--user", "weak", "on", ">sesame-sesame", "~x:*", "&x:*", "+@all").URL()
	look("--bus", strings.Replace(weak, "redis://", "redis://weak:sesame-sesame@", 1), "--store", mongo).has(t, "bus", Fail, "does not let this user do what Hubbub needs")
	user := &server.User{Username: "weak", Password: "sesame-sesame", Permissions: &server.Permissions{Publish: &server.SubjectPermission{Deny: []string{"hub.>"}}}}
	deaf, err := natsembed.Start(natsembed.Options{Dir: t.TempDir(), Configure: func(o *server.Options) { o.Users = []*server.User{user} }})
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Shutdown()
	look("--bus", strings.Replace(deaf.URL(), "nats://", "nats://weak:sesame-sesame@", 1), "--store", mongo).has(t, "bus", Fail, "does not let this user do what Hubbub needs")
	s, err := natsembed.Start(natsembed.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Shutdown()
	r = look("--bus", s.URL(), "--store", mongo)
	r.has(t, "bus", OK, "messages come")
	r.has(t, "bus", OK, "has room for the log")
	small, err := natsembed.Start(natsembed.Options{Dir: t.TempDir(), Configure: func(o *server.Options) { o.JetStreamMaxStore = 64 << 20 }})
	if err != nil {
		t.Fatal(err)
	}
	defer small.Shutdown()
	look("--bus", small.URL(), "--store", mongo).has(t, "bus", Fail, "storage")
	r = &report{}
	storage(r, "2.15.2", 64<<20, 1<<30)
	r.has(t, "bus", Fail, "NATS 2.15.2 may store 64 MiB for us, and the log may take 1024")
}

// TestLog looks at a log that history has not read, and could not take in.
func TestLog(t *testing.T) {
	b := membus.NewServer(membus.Options{}).Open("history", "search")
	defer func() { _ = b.Close() }()
	c := parse(t)
	look := func() *report {
		r := &report{}
		c.log(t.Context(), r, b)
		return r
	}
	look().has(t, "log", Warn, "the log also waits for a group search")
	if err := b.Retire(t.Context(), "search"); err != nil {
		t.Fatal(err)
	}
	look().good(t)
	if _, err := bus.Append(t.Context(), b, bus.NewEntry{Room: "lobby", Sender: "ann", ID: "id"}); err != nil {
		t.Fatal(err)
	}
	late := lateLog{b}
	r := &report{}
	c.log(t.Context(), r, late)
	r.has(t, "log", Warn, "history has not read for 1h0m0s")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- b.Consume(ctx, "history", func(context.Context, []bus.Entry) error { return errors.New("it is none") })
	}()
	if err := b.CatchUp(t.Context(), "history"); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	look().has(t, "log", Warn, "history could not take in 1 entry or more; the first: it is none")
}

// lateLog is a log that history has not read for an hour.
type lateLog struct{ bus.Log }

func (lateLog) Groups(context.Context) ([]bus.Group, error) {
	return []bus.Group{{Name: "history", Unread: time.Now().Add(-time.Hour)}}, nil
}

// TestServices asks processes that are well, not ready, of another release, of another time, and
// not there.
func TestServices(t *testing.T) {
	serve := func(ready int, version string, at time.Time, more string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", at.UTC().Format(http.TimeFormat))
			if r.URL.Path == "/readyz" {
				w.WriteHeader(ready)
				fmt.Fprintln(w, "store: no disk")
				return
			}
			fmt.Fprintf(w, "hubbub_build_info{commit=\"c1\",date=\"d\",goversion=\"go\",version=%q} 1\n%s", version, more)
		}))
		t.Cleanup(s.Close)
		return strings.TrimPrefix(s.URL, "http://")
	}
	look := func(ops ...string) *report {
		r := &report{}
		parse(t, "--ops", strings.Join(ops, ",")).services(t.Context(), r)
		return r
	}
	now := time.Now()
	well := serve(200, "1.2.3", now, "hubbub_clock_others_ahead_seconds 0.2\n")
	r := look(well)
	r.has(t, "services", OK, well+" is ready")
	r.has(t, "clocks", OK, "that of "+well+" is ours")
	look(well, serve(200, "1.2.4", now, "")).has(t, "versions", Warn, "different releases run: 1.2.3 (c1) at "+well)
	look(serve(503, "1.2.3", now, "")).has(t, "services", Fail, "is not ready: store: no disk")
	look(serve(200, "1.2.3", now.Add(-30*time.Second), "")).has(t, "clocks", Warn, "behind ours")
	look(serve(200, "1.2.3", now.Add(5*time.Minute), "")).has(t, "clocks", Fail, "ahead of ours: tokens are refused")
	look(serve(200, "1.2.3", now, "hubbub_clock_others_ahead_seconds 7\n")).has(t, "services", Warn, "the clock of another process is ahead")
	look("127.0.0.1:1").has(t, "services", Fail, "127.0.0.1:1 does not answer")
	look("nowhere.invalid:9090").has(t, "services", Fail, "nowhere.invalid:9090")
	look("edge").has(t, "services", Fail, "--ops edge")
}

// TestPages asks for pages that are well, without services, with a certificate that nobody knows,
// and not there.
func TestPages(t *testing.T) {
	handler := func(edge int) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/chat/v1/ws" {
				w.WriteHeader(edge)
			}
		})
	}
	look := func(url string) *report {
		r := &report{}
		parse(t, "--url", url+"/chat/").pages(t.Context(), r)
		return r
	}
	well := httptest.NewServer(handler(http.StatusUpgradeRequired))
	defer well.Close()
	look(well.URL).good(t)
	alone := httptest.NewServer(handler(http.StatusBadGateway))
	defer alone.Close()
	look(alone.URL).has(t, "page", Fail, "is not answered by an edge: status 502")
	look("http://127.0.0.1:1").has(t, "page", Fail, "does not answer")
	secure := httptest.NewTLSServer(handler(http.StatusUpgradeRequired))
	defer secure.Close()
	r := look(secure.URL)
	r.has(t, "certificate", Warn, "is signed by somebody whom this machine does not know")
	r.has(t, "page", OK, "is answered by an edge")
	look("https://127.0.0.1:1").has(t, "certificate", Fail, "refused")

	leaf := secure.Certificate()
	text, _ := certtest.NewCA(t).Issue(t, 6*24*time.Hour, 5*24*time.Hour, "example.com")
	block, _ := pem.Decode(text)
	brief, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	roots.AddCert(brief)
	for name, tt := range map[string]struct {
		leaf *x509.Certificate
		host string
		at   time.Time
		want State
		text string
	}{
		"of six days":  {brief, "example.com", time.Now(), OK, "is good until"},
		"good":         {leaf, "example.com", leaf.NotBefore.Add(time.Hour), OK, "is good until"},
		"ends soon":    {leaf, "example.com", leaf.NotAfter.Add(-time.Hour), Warn, "ends on"},
		"ends now":     {leaf, "example.com", leaf.NotAfter, Fail, "ended on"},
		"has ended":    {leaf, "example.com", leaf.NotAfter.Add(time.Hour), Fail, "ended on"},
		"another name": {leaf, "example.net", leaf.NotBefore.Add(time.Hour), Fail, "is not good"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &report{}
			checkChain(r, "https://"+tt.host, tt.host, []*x509.Certificate{tt.leaf}, roots, tt.at)
			r.has(t, "certificate", tt.want, tt.text)
		})
	}
}
