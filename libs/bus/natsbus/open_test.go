package natsbus_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"hubbub.internal/libs/bus/natsbus"
	"hubbub.internal/libs/bus/natsembed"
)

// TestOpenErrors holds that a start that cannot work says what to do, soon, and no password.
func TestOpenErrors(t *testing.T) {
	t.Parallel()
	plain := serve(t, nil)
	login := serve(t, func(o *server.Options) { o.Username, o.Password = "hubbub", "secret" })
	noStore := serve(t, func(o *server.Options) { o.JetStream = false })
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()

	js := jetStream(t, plain)
	if _, err := js.CreateStream(within(t), jetstream.StreamConfig{Name: "FOREIGN", Subjects: []string{"x"}}); err != nil {
		t.Fatal(err)
	}
	change := func(stream string, change func(*jetstream.StreamConfig)) {
		b, err := natsbus.Open(t.Context(), natsbus.Config{Servers: plain.URL(), Stream: stream}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = b.Close()
		s, err := js.Stream(within(t), stream)
		if err != nil {
			t.Fatal(err)
		}
		cfg := s.CachedInfo().Config
		change(&cfg)
		if _, err := js.UpdateStream(within(t), cfg); err != nil {
			t.Fatal(err)
		}
	}
	change("AGED", func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour })
	change("NEWER", func(c *jetstream.StreamConfig) { c.Metadata["hubbub"] = "9" })
	change("PARTED", func(*jetstream.StreamConfig) {})

	for _, tt := range []struct {
		name string
		cfg  natsbus.Config
		want string
	}{
		{"nobody listens", natsbus.Config{Servers: "nats://" + closed.Addr().String()}, "cannot be reached: check that it runs"},
		{"nobody speaks", natsbus.Config{Servers: "nats://" + silent.Addr().String(), OpenTimeout: time.Second}, "did not answer within 1s: check the URL"},
		{"no login", natsbus.Config{Servers: login.URL()}, "refused the login: check the user and password"},
		{"wrong password", natsbus.Config{Servers: strings.Replace(login.URL(), "//", "//hubbub:wrong@", 1)}, "refused the login"},
		{"no JetStream", natsbus.Config{Servers: noStore.URL()}, "runs without JetStream: start it with"},
		{"a stream of somebody else's", natsbus.Config{Servers: plain.URL(), Stream: "FOREIGN"}, "was not made by Hubbub"},
		{"a stream that was changed", natsbus.Config{Servers: plain.URL(), Stream: "AGED"}, "was changed by somebody else (max_age)"},
		{"a stream of a newer release", natsbus.Config{Servers: plain.URL(), Stream: "NEWER"}, "is of version 9"},
		{"other partitions", natsbus.Config{Servers: plain.URL(), Stream: "PARTED", Partitions: 5}, "set --bus-partitions=16"},
		{"too many replicas", natsbus.Config{Servers: plain.URL(), Stream: "THREE", Replicas: 3}, "replicas > 1 not supported"},
		{"more than the disk", natsbus.Config{Servers: plain.URL(), Stream: "BIG", MaxBytes: 1 << 60}, "lower --bus-max-bytes"},
		{"a bad name", natsbus.Config{Servers: plain.URL(), Stream: "a.b"}, "name of the stream"},
		{"a bad group", natsbus.Config{Servers: plain.URL(), Groups: []string{""}}, "required groups"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := natsbus.Open(t.Context(), tt.cfg, nil, nil)
			if err == nil {
				_ = b.Close()
				t.Fatal("opened")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %q, want it to say %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "wrong") {
				t.Errorf("the error names the password: %v", err)
			}
		})
	}
}

// TestLimitsFollowTheConfiguration changes the size of a log that is there.
func TestLimitsFollowTheConfiguration(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	for _, size := range []int64{8 << 20, 16 << 20} {
		b, err := natsbus.Open(t.Context(), natsbus.Config{Servers: s.URL(), MaxBytes: size}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = b.Close()
		stream, err := jetStream(t, s).Stream(within(t), "HUB")
		if err != nil {
			t.Fatal(err)
		}
		if got := stream.CachedInfo().Config.MaxBytes; got != size {
			t.Errorf("the stream holds %d bytes, want %d", got, size)
		}
	}
}

func serve(t *testing.T, configure func(*server.Options)) *natsembed.Server {
	t.Helper()
	s, err := natsembed.Start(natsembed.Options{Dir: t.TempDir(), Configure: configure})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	return s
}

func connect(t *testing.T, s *natsembed.Server) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func jetStream(t *testing.T, s *natsembed.Server) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(connect(t, s))
	if err != nil {
		t.Fatal(err)
	}
	return js
}
