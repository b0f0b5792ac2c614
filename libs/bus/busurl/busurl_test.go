package busurl_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/goleak"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/bus/busurl"
	"hubbub.internal/libs/bus/natsembed"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// parse returns the configuration that a good command line makes.
func parse(t *testing.T, args ...string) busurl.Config {
	t.Helper()
	cfg, err := tryParse(t, args...)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func tryParse(t *testing.T, args ...string) (busurl.Config, error) {
	t.Helper()
	var cli struct {
		busurl.Config `embed:""`
	}
	k, err := kong.New(&cli, kong.DefaultEnvars("HUBBUB"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = k.Parse(args)
	return cli.Config, err
}

func TestDefaults(t *testing.T) {
	cfg := parse(t)
	if err := cfg.Validate(); err != nil {
		t.Error(err)
	}
	if cfg.Bus != "redis://127.0.0.1:6379" || cfg.BusMaxAge != 24*time.Hour || cfg.BusMaxBytes != 1<<30 || cfg.BusPartitions != 16 || cfg.BusReplicas != 1 ||
		cfg.BusKeep != 30*time.Second || cfg.BusKeepBytes != 32<<20 {
		t.Errorf("defaults are %+v", cfg)
	}
	t.Setenv("HUBBUB_BUS", "nats://n:4222")
	if cfg := parse(t); cfg.Bus != "nats://n:4222" {
		t.Errorf("HUBBUB_BUS makes %s", cfg.Bus)
	}
}

func TestValidate(t *testing.T) {
	for _, tt := range []struct {
		args string
		want string // "": it is good
	}{
		{"--bus=nats://a:1,b:2", ""},
		{"--bus=nats://a:1,nats://b:2", ""},
		{"--bus=tls://user:p%40ss@a", ""},
		{"--bus=rediss://a", ""},
		{"--bus=redis+sentinel://a,b:26380,[::1]:1/master", ""},
		{"--bus=rediss+sentinel://user:p%40ss@a,b/master?db=2&sentinel_password=x", ""},
		{"--bus=redis+cluster://a:1,b:2", ""},
		{"--bus=rediss+cluster://a/", ""},
		{"--bus=redis://a:1,b:2", "write redis+cluster:// for a cluster"},
		{"--bus=redis+sentinel://a,b,c", "names no master"},
		{"--bus=redis+sentinel://a/m?dbx=1", "unknown option \"dbx\""},
		{"--bus=redis+sentinel://a/m?db=x", "no number"},
		{"--bus=redis+cluster://a/1", "no databases"},
		{"--bus=redis+cluster://a,,b", "names a host that cannot be read"},
		{"--bus=redis://a:notaport", "names a host that cannot be read"},
		{"--bus=redis://u:p%zz@a", "percent-encoded"},
		{"--bus=redis://a --bus-replicas=2", ""},
		{"--bus=redis://a --bus-replicas=6", "1 to 5"},
		{"--bus=redis://a --bus-keep=0 --bus-keep-bytes=1", ""},
		{"--bus=redis://a --bus-keep=1m --bus-keep-bytes=1MiB", ""},
		{"--bus=redis://a --bus-keep=61s", "1s to 1m0s"},
		{"--bus=redis://a --bus-keep=-1s", "1s to 1m0s"},
		{"--bus=redis://a --bus-keep-bytes=1KiB", "1MiB to 4GiB"},
		{"--bus=127.0.0.1", "without a scheme"},
		{"--bus=kafka://a", "unknown scheme \"kafka\""},
		{"--bus=nats://", "names no host"},
		{"--bus=redis:a", "names no host"},
		{"--bus=nats://a:1,,b", "is no URL"},
		{"--bus=nats://u:p%zz@a", "percent-encoded"},
		{"--bus=embedded:x", ""},
		{"--bus-max-age=1s", "at least 1m0s"},
		{"--bus-max-bytes=1MiB", "at least 16MiB"},
		{"--bus-partitions=0", "1 to 256"},
		{"--bus=nats://a --bus-replicas=2", "1, 3 or 5"},
		{"--bus-timeout=1h", "1s to 10m"},
		{"--bus-cert=x", "both have to be given"},
	} {
		_, err := tryParse(t, strings.Fields(tt.args)...) // kong calls Validate
		switch {
		case err == nil && tt.want != "":
			t.Errorf("%s is accepted", tt.args)
		case err != nil && (tt.want == "" || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: %v", tt.args, err)
		}
	}
}

func TestBytes(t *testing.T) {
	for text, want := range map[string]busurl.Bytes{"0": 0, "17": 17, "17B": 17, "3KiB": 3 << 10, "2 MiB": 2 << 20, "5GiB": 5 << 30} {
		var b busurl.Bytes
		if err := b.UnmarshalText([]byte(text)); err != nil || b != want {
			t.Errorf("%s is %d, %v", text, b, err)
		}
		if err := b.UnmarshalText([]byte(b.String())); err != nil || b != want {
			t.Errorf("%s is written as %s", text, b)
		}
	}
	for _, text := range []string{"", "GiB", "-1", "1.5GiB", "1GB", "9999999999GiB"} {
		var b busurl.Bytes
		if err := b.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%s is %d bytes", text, b)
		}
	}
}

func TestOpen(t *testing.T) {
	s, err := natsembed.Start(natsembed.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Shutdown()
	for _, url := range []string{
		s.URL(), "embedded:" + t.TempDir(), bustest.Redis(t).URL(), bustest.Sentinels(t, 0).URL(), bustest.Cluster(t).URL(),
	} {
		cfg := parse(t, "--bus="+url)
		cfg.Embed = natsembed.InProcess
		for range 2 { // the folder is free again after Close
			b, err := busurl.Open(t.Context(), cfg, nil, nil, []string{"history"})
			if err != nil {
				t.Fatal(err)
			}
			if err := b.Probe(t.Context()); err != nil {
				t.Error(err)
			}
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	cfg := parse(t, "--bus=rediss://127.0.0.1:1", "--bus-ca="+filepath.Join(t.TempDir(), "none"))
	if _, err := busurl.Open(t.Context(), cfg, nil, nil, nil); err == nil || !strings.Contains(err.Error(), "--bus-ca") {
		t.Errorf("a file of certificates that is not there: %v", err)
	}
	cfg = parse(t, "--bus=embedded:", "--bus-timeout=1s")
	cfg.Embed = natsembed.InProcess
	if _, err := busurl.Open(t.Context(), cfg, nil, nil, nil); err == nil || !strings.Contains(err.Error(), "names no folder") {
		t.Errorf("embedded without a folder: %v", err)
	}
	cfg.Embed = nil
	if _, err := busurl.Open(t.Context(), cfg, nil, nil, nil); err == nil || !strings.Contains(err.Error(), "only `hubbub up` carries a server") {
		t.Errorf("embedded in a program without a server: %v", err)
	}
	cfg = parse(t, "--bus=nats://user:topsecret@127.0.0.1:1", "--bus-timeout=1s")
	if _, err := busurl.Open(t.Context(), cfg, nil, nil, nil); err == nil || strings.Contains(err.Error(), "topsecret") {
		t.Errorf("a server that is not there: %v", err)
	}
}

// TestFinal holds which errors a service waits out, and which it ends with.
func TestFinal(t *testing.T) {
	redis := bustest.Redis(t, "--requirepass", "sesame")
	nats, err := natsembed.Start(natsembed.Options{Dir: t.TempDir(), Configure: func(o *server.Options) { o.Username, o.Password = "hubbub", "sesame" }})
	if err != nil {
		t.Fatal(err)
	}
	defer nats.Shutdown()
	right := map[string]string{"redis": "redis://:sesame@" + redis.Addr(), "nats": strings.Replace(nats.URL(), "//", "//hubbub:sesame@", 1)}
	for name, url := range right { // makes a log of 16 partitions
		b, err := busurl.Open(t.Context(), parse(t, "--bus="+url), nil, nil, nil)
		if err != nil {
			t.Fatal(name, err)
		}
		_ = b.Close()
	}
	for _, tt := range []struct {
		args  string
		final bool
		want  string
	}{
		{"--bus=redis://127.0.0.1:1", false, "cannot be reached"},
		{"--bus=nats://127.0.0.1:1", false, "cannot be reached"},
		{"--bus=" + redis.URL(), false, "refused the login"},
		{"--bus=" + nats.URL(), false, "refused the login"},
		{"--bus=" + right["redis"] + "/99", true, "no such database"},
		{"--bus=" + right["redis"] + " --bus-partitions=8", true, "--bus-partitions=16"},
		{"--bus=" + right["nats"] + " --bus-partitions=8", true, "--bus-partitions=16"},
		{"--bus=embedded:x", true, "only `hubbub up`"},
		{"--bus=rediss://127.0.0.1:1 --bus-ca=/none", true, "--bus-ca"},
	} {
		_, err := busurl.Open(t.Context(), parse(t, append(strings.Fields(tt.args), "--bus-timeout=1s")...), nil, nil, nil)
		if err == nil || await.IsFinal(err) != tt.final || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: final %t: %v", tt.args, await.IsFinal(err), err)
		}
	}
}
