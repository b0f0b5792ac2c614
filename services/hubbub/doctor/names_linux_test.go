package doctor

import (
	"context"
	"encoding/binary"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// resolve answers questions for the IPv4 addresses of a name (RFC 1035, section 4), until the test
// ends. No other name is known.
func resolve(t *testing.T, name string, addrs ...net.IP) {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var labels []byte
	for label := range strings.SplitSeq(name, ".") {
		labels = append(append(labels, byte(len(label))), label...)
	}
	const typeA, pointer = 1, 0xc00c // to the name in the question
	done := make(chan struct{})
	go func() {
		defer close(done)
		for b := make([]byte, 1500); ; {
			n, from, err := server.ReadFrom(b)
			if err != nil {
				return
			}
			end := 12
			for end < n && b[end] != 0 {
				end += 1 + int(b[end])
			}
			if end += 5; end > n {
				continue
			}
			question := b[12:end]
			found := addrs
			if string(question[:len(question)-5]) != string(labels) || binary.BigEndian.Uint16(question[len(question)-4:]) != typeA {
				found = nil
			}
			answer := append([]byte{b[0], b[1], 0x81, 0x80, 0, 1, 0, byte(len(found)), 0, 0, 0, 0}, question...)
			for _, ip := range found {
				answer = binary.BigEndian.AppendUint16(answer, pointer)
				answer = append(answer, 0, typeA, 0, 1, 0, 0, 0, 0, 0, 4)
				answer = append(answer, ip.To4()...)
			}
			_, _ = server.WriteTo(answer, from)
		}
	}()
	before := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
	t.Cleanup(func() {
		net.DefaultResolver = before
		_ = server.Close()
		<-done
	})
}

// TestReplicas asks all processes behind one name, one of which is not well.
func TestReplicas(t *testing.T) {
	resolve(t, "edge.example", net.IPv4(127, 0, 0, 1), net.IPv4(127, 0, 0, 2))
	well := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer well.Close()
	_, port, err := net.SplitHostPort(well.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	second, err := net.Listen("tcp", "127.0.0.2:"+port)
	if err != nil {
		t.Fatal(err)
	}
	ill := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	ill.Listener = second
	ill.Start()
	defer ill.Close()
	r := &report{}
	parse(t, "--ops", "edge.example:"+port).services(t.Context(), r)
	r.has(t, "services", Fail, "edge.example:"+port+" (127.0.0.2)")
	r.has(t, "services", OK, "edge.example:"+port+" (127.0.0.1) is ready")
	r = &report{}
	parse(t, "--ops", "other.example:"+port).services(t.Context(), r)
	r.has(t, "services", Fail, "other.example:"+port)
}
