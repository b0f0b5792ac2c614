package hubbub_test

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/bus/busurl"
	"hubbub.internal/libs/bus/natsembed"
)

// secrets makes the secrets of the compose files, and returns the folder and what is in a file of
// it.
func secrets(t *testing.T) (dir string, secret func(name string) string) {
	t.Helper()
	dir = t.TempDir()
	if out, err := exec.Command(filepath.Join(root, "infra/secrets.sh"), dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return dir, func(name string) string {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(b))
	}
}

// at returns a URL of the compose files with another host.
func at(t *testing.T, text, addr string) string {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = addr
	return u.String()
}

// connect opens a bus as services do.
func connect(t *testing.T, address string) bus.Interface {
	t.Helper()
	var cfg busurl.Config
	k, err := kong.New(&cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Parse([]string{"--bus=" + address}); err != nil {
		t.Fatal(err)
	}
	b, err := busurl.Open(t.Context(), cfg, nil, nil, []string{"history"})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// works does on a bus what services do: it is opened, appended to, consumed, asked and listened to.
func works(t *testing.T, address string) {
	t.Helper()
	b := connect(t, address)
	defer b.Close()
	appended := make(chan error, 1)
	b.Append(bus.NewEntry{Room: "lobby", Sender: "ann", ID: "m1", Data: []byte("x")}, func(_ bus.Appended, err error) { appended <- err })
	if err := <-appended; err != nil {
		t.Error(err)
	}
	if _, err := b.Serve(t.Context(), "echo", func(_ context.Context, r []byte) ([]byte, error) { return r, nil }); err != nil {
		t.Error(err)
	}
	if _, err := b.Request(t.Context(), "echo", []byte("x")); err != nil {
		t.Error(err)
	}
	if err := b.Probe(t.Context()); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if err := b.Consume(ctx, "history", func(context.Context, []bus.Entry) error { cancel(); return nil }); err != nil {
		t.Error(err)
	}
	soon, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	if err := b.CatchUp(soon, "history"); err != nil {
		t.Error(err)
	}
}

// TestLeastRights has Hubbub work with the users that `make secrets` makes, which may do nothing
// else.
func TestLeastRights(t *testing.T) {
	t.Parallel()
	dir, secret := secrets(t)
	t.Run("Redis", func(t *testing.T) {
		s := bustest.Redis(t, "--aclfile", filepath.Join(dir, "redis_users"))
		address := at(t, secret("redis_url"), s.Addr())
		works(t, address)
		for login, denied := range map[string][]any{
			address: {"FLUSHALL"}, "redis://health:health@" + s.Addr(): {"GET", "hub:x"}, s.URL(): {"PING"},
		} {
			o, err := redis.ParseURL(login)
			if err != nil {
				t.Fatal(err)
			}
			c := redis.NewClient(o)
			if err := c.Do(t.Context(), denied...).Err(); err == nil || !regexp.MustCompile("^NO(PERM|AUTH) ").MatchString(err.Error()) {
				t.Errorf("%v is answered %v", denied, err)
			}
			_ = c.Close()
		}
		c := redis.NewClient(&redis.Options{Addr: s.Addr(), Username: "health", Password: "health", Protocol: 2, DisableIdentity: true})
		defer c.Close()
		if err := c.Ping(t.Context()).Err(); err != nil {
			t.Errorf("the health check: %v", err)
		}
		// Redis reads its file again with the rights of the user default, who may not log in.
		s.Kill()
		s.Start()
		b := connect(t, address)
		defer b.Close()
		if got, err := b.Replay(t.Context(), "lobby", bus.Position{}, 10); err != nil || len(got.Entries) != 1 || got.Entries[0].ID != "m1" {
			t.Errorf("after Redis was killed and started the log has %+v, %v", got, err)
		}
	})
	t.Run("NATS", func(t *testing.T) {
		conf, err := os.ReadFile(filepath.Join(root, "infra/nats/nats.conf"))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "nats.conf")
		moved := strings.NewReplacer("../../run/secrets/nats_users", "nats_users", "http: 127.0.0.1:8222", "", "/data", t.TempDir())
		if err := os.WriteFile(path, []byte(moved.Replace(string(conf))), 0o600); err != nil {
			t.Fatal(err)
		}
		read, err := server.ProcessConfigFile(path)
		if err != nil {
			t.Fatal(err)
		}
		s, err := natsembed.Start(natsembed.Options{Dir: t.TempDir(), Configure: func(o *server.Options) { o.Users = read.Users }})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Shutdown()
		u, _ := url.Parse(s.URL())
		address := at(t, secret("nats_url"), u.Host)
		works(t, address)
		if _, err := nats.Connect(s.URL()); err == nil {
			t.Error("somebody without a login is let in")
		}
		refused := make(chan error, 1)
		c, err := nats.Connect(address, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.Publish("somewhere.else", nil); err != nil {
			t.Fatal(err)
		}
		if err := <-refused; !strings.Contains(err.Error(), "Permissions Violation") {
			t.Error(err)
		}
	})
}

// TestSecretsStay holds that secrets are made once, and that the folder keeps others out.
func TestSecretsStay(t *testing.T) {
	t.Parallel()
	dir, secret := secrets(t)
	before := secret("redis_url")
	again := func() {
		if out, err := exec.Command(filepath.Join(root, "infra/secrets.sh"), dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	users := filepath.Join(dir, "redis_users")
	made := secret("redis_users")
	// As an earlier release has made it, with which Redis forgets what it should keep.
	if err := os.Remove(users); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(users, []byte(strings.Replace(made, "user default off ~* &* +@all\n", "user default off\n", 1)+"\n"), 0o444); err != nil {
		t.Fatal(err)
	}
	if again(); secret("redis_users") != made {
		t.Errorf("the users of Redis are not mended: %s", secret("redis_users"))
	}
	if err := os.Remove(users); err != nil {
		t.Fatal(err)
	}
	again()
	if secret("redis_url") != before || !strings.Contains(secret("redis_users"), "user hubbub on #") {
		t.Error("a secret was made anew, or one that is missing was not")
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has mode %v, %v", info.Mode(), err)
	}
}

// TestNoSecretIsCommitted: what lies in the folder secrets is not made anew, so whoever got some
// with the sources would run with passwords that everybody knows.
func TestNoSecretIsCommitted(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(filepath.Join(root, ".git")); err != nil {
		return // sources without their history
	}
	out, err := exec.CommandContext(t.Context(), "git", "-C", root, "ls-files", "secrets").Output()
	if err != nil || len(out) > 0 {
		t.Errorf("committed is:\n%s%v", out, err)
	}
}

// TestVersionsOfServers holds that the compose files run the nats-server that `hubbub up` has in
// it.
func TestVersionsOfServers(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(filepath.Join(root, "docker-compose.nats.yml"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "nats:" + server.VERSION + "-alpine"; !strings.Contains(string(b), want) {
		t.Errorf("docker-compose.nats.yml does not run %s", want)
	}
}

// TestVariablesAreDocumented holds that docs/operate.md has the variables that nginx and the
// compose files take.
func TestVariablesAreDocumented(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile(filepath.Join(root, "docs/operate.md"))
	if err != nil {
		t.Fatal(err)
	}
	for file, pattern := range map[string]string{
		"docker-compose.yml": `\$\{(HUBBUB_\w+)`, "docker-compose.build.yml": `\$\{(HUBBUB_\w+)`, "docker-stack.yml": `\$\{(HUBBUB_\w+)`,
		"docker-compose.override.yml": `\$\{(HUBBUB_\w+)`, "docker-compose.nats.yml": `\$\{(HUBBUB_\w+)`, "infra/nginx/settings.sh": `\$\{(HUBBUB_\w+)`,
		"docker-compose.acme.yml": `\$\{(HUBBUB_\w+)`, "docker-compose.tls.yml": `\$\{(HUBBUB_\w+)`,
	} {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1)
		if len(found) == 0 {
			t.Errorf("%s takes no variables", file)
		}
		for _, m := range found {
			if !strings.Contains(string(doc), "`"+m[1]+"`") {
				t.Errorf("%s takes %s, which docs/operate.md does not have", file, m[1])
			}
		}
	}
}
