// Package natsembed runs a nats-server with JetStream inside this process, for `hubbub up` and for
// tests: the same server as in production, on a folder of its own. It owns the server's options,
// folder and life; it knows nothing of the data (natsbus does) and handles no signals.
package natsembed

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"hubbub.internal/libs/filelock"
)

// ErrLocked says that another server, in this process or another, uses the folder.
var ErrLocked = filelock.ErrLocked

// maxPayload is the greatest message in bytes: bus.MaxData and room for headers.
const maxPayload = 1 << 20

// syncInterval is how often the store is synced to disk: a power cut costs at most this much. A
// kill costs nothing, since every acknowledged message has been written to the file.
const syncInterval = time.Second

// readyTimeout is how long the server may take to recover its store and accept connections.
const readyTimeout = 60 * time.Second

// NoListener as Options.Port keeps the server off the network.
const NoListener = -1

// Options say where and how the server runs.
type Options struct {
	Dir  string      // folder of the store; created if missing; one server at a time
	Host string      // address to listen on, with Port; default 127.0.0.1
	Port int         // NoListener: connections from this process only; 0: any free port
	Log  *zap.Logger // gets the server's warnings; none if nil
	// Configure, if not nil, may change the server's options before it starts: clusters and logins
	// in tests.
	Configure func(*server.Options)
}

// Server is a running nats-server. Its methods are safe for concurrent use.
type Server struct {
	*server.Server
	lock *os.File
	once sync.Once
}

// Start locks the folder, starts a server on it, and returns when it accepts connections. Errors:
// ErrLocked, and whatever keeps the server from starting, such as a port in use.
func Start(o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("nats folder: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("nats folder: %w", err)
	}
	lock, err := filelock.Lock(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("nats folder %s: %w", dir, err)
	}
	s, err := start(dir, o)
	if err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("start nats in folder %s: %w", dir, err)
	}
	return &Server{Server: s, lock: lock}, nil
}

func start(dir string, o Options) (*server.Server, error) {
	opts := &server.Options{
		ServerName:             "hubbub-embedded",
		Host:                   o.Host,
		Port:                   o.Port,
		DontListen:             o.Port == NoListener,
		JetStream:              true,
		StoreDir:               dir,
		SyncInterval:           syncInterval,
		MaxPayload:             maxPayload,
		NoSigs:                 true,
		NoSystemAccount:        false,
		DisableShortFirstPing:  true,
		DisableJetStreamBanner: true,
		// A second connection from this process is not worth a lame-duck shutdown of two minutes.
		LameDuckDuration:    time.Second,
		LameDuckGracePeriod: -time.Second,
	}
	if opts.Host == "" {
		opts.Host = "127.0.0.1"
	}
	if opts.Port == 0 {
		opts.Port = server.RANDOM_PORT
	}
	if o.Configure != nil {
		o.Configure(opts)
	}
	if !opts.DontListen && opts.Port != server.RANDOM_PORT {
		// The server itself would end the process when a port is in use.
		l, err := net.Listen("tcp", net.JoinHostPort(opts.Host, fmt.Sprint(opts.Port)))
		if err != nil {
			return nil, err
		}
		_ = l.Close()
	}
	s, err := server.NewServer(opts)
	if err != nil {
		return nil, err
	}
	s.SetLoggerV2(logger{o.Log.WithOptions(zap.AddCallerSkip(1)).Sugar()}, false, false, false)
	s.Start()
	if !s.ReadyForConnections(readyTimeout) {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, fmt.Errorf("not ready after %s; its log says why", readyTimeout)
	}
	return s, nil
}

// URL returns where the server listens, or "" with NoListener.
func (s *Server) URL() string {
	if s.Addr() == nil {
		return ""
	}
	return s.ClientURL()
}

// Shutdown stops the server, waits for it, and unlocks the folder. It may be called more than once.
func (s *Server) Shutdown() {
	s.once.Do(func() {
		s.Server.Shutdown()
		s.WaitForShutdown()
		_ = s.lock.Close() // unlocks the folder
	})
}

// logger passes the server's warnings to zap. The server's notices are a screenful at each start
// that nobody reads.
type logger struct{ l *zap.SugaredLogger }

func (l logger) Noticef(format string, v ...any) { l.l.Debugf("nats-server: "+format, v...) }
func (l logger) Warnf(format string, v ...any)   { l.l.Warnf("nats-server: "+format, v...) }
func (l logger) Errorf(format string, v ...any)  { l.l.Errorf("nats-server: "+format, v...) }
func (l logger) Fatalf(format string, v ...any)  { l.l.Errorf("nats-server: "+format, v...) }
func (l logger) Debugf(string, ...any)           {}
func (l logger) Tracef(string, ...any)           {}

// InProcess starts a server that is off the network, and returns it with the function that stops
// it. It fits busurl.Config.Embed.
func InProcess(dir string, log *zap.Logger) (nats.InProcessConnProvider, func(), error) {
	s, err := Start(Options{Dir: dir, Port: NoListener, Log: log})
	if err != nil {
		return nil, nil, err
	}
	return s, s.Shutdown, nil
}
