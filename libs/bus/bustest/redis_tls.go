package bustest

import (
	"net"
	"testing"

	"hubbub.internal/libs/certtest"
)

// RedisTLS starts a Redis-like server that accepts TLS connections. It returns the server's
// address, and its certificate and key, which also serve as a client's and as their own authority.
func RedisTLS(t testing.TB, args ...string) (s *RedisServer, addr, certFile, keyFile string) {
	t.Helper()
	certFile, keyFile = certtest.NewCA(t).Files(t, t.TempDir(), "127.0.0.1")
	s = launch(t, func(*RedisServer) []string {
		port, err := freePort()
		if err != nil {
			t.Fatal(err)
		}
		addr = net.JoinHostPort("127.0.0.1", port)
		return append([]string{
			"--tls-port", port, "--tls-cert-file", certFile, "--tls-key-file", keyFile, "--tls-ca-cert-file", certFile,
		}, args...)
	})
	return s, addr, certFile, keyFile
}
