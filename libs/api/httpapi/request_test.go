package httpapi

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"go.uber.org/zap"
)

// TestRequests sends requests as bytes, and reads the answers until the server ends the connection.
func TestRequests(t *testing.T) {
	api, mux := New("test", "1")
	huma.Register(api, huma.Operation{Method: http.MethodPost, Path: "/v1/x", BodyReadTimeout: 50 * time.Millisecond},
		func(context.Context, *input) (*output, error) { return &output{}, nil })
	huma.Register(api, huma.Operation{Method: http.MethodPost, Path: "/v1/bare"},
		func(context.Context, *struct{}) (*output, error) { return &output{}, nil })
	server := httptest.NewServer(Handler(mux, zap.NewNop(), 0, nil))
	defer server.Close()
	const body = `{"name":"Ann"}`
	post := func(path, headers, body string) string {
		return "POST " + path + " HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n" + body
	}
	const isJSON, length = "Content-Type: application/json\r\n", "Content-Length: 14\r\n"
	const chunked, chunks = "Transfer-Encoding: chunked\r\n", "e\r\n" + body + "\r\n0\r\n\r\n"
	last := "GET /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	for _, tt := range []struct{ name, send, want string }{
		{"two on one connection", post("/v1/x", isJSON+length, body) + last, "200 404"},
		{"with a charset", post("/v1/x", "Content-Type: Application/JSON; charset=utf-8\r\n"+length, body) + last, "200 404"},
		{"without a body", post("/v1/bare", "Content-Length: 0\r\n", "") + last, "200 404"},
		{"another type", post("/v1/x", "Content-Type: text/plain\r\n"+length, body) + last, "415 404"},
		{"a form", post("/v1/x", "Content-Type: application/x-www-form-urlencoded\r\n"+length, body) + last, "415 404"},
		{"no type", post("/v1/x", length, body) + last, "415 404"},
		{"a type that is none", post("/v1/x", "Content-Type: /;\r\n"+length, body) + last, "415 404"},
		{"another type where no body is asked for", post("/v1/bare", "Content-Type: text/plain\r\n"+length, body) + last, "415 404"},
		{"chunks", post("/v1/x", isJSON+chunked, chunks) + last, "200"},
		{"chunks and a length (RFC 9112, section 6.1)", post("/v1/x", isJSON+chunked+"Content-Length: 3\r\n", chunks) + last, "200"},
		{"half a body", post("/v1/x", isJSON+length, body[:5]), "408"},
		{"half a chunk", post("/v1/x", isJSON+chunked, chunks[:5]), "408"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(10 * time.Second)) // then it has not ended
			if _, err := io.WriteString(conn, tt.send); err != nil {
				t.Fatal(err)
			}
			var got []string
			for r := bufio.NewReader(conn); ; {
				answer, err := http.ReadResponse(r, nil)
				if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatalf("after %v: %v", got, err)
				}
				_, _ = io.Copy(io.Discard, answer.Body)
				_ = answer.Body.Close()
				got = append(got, answer.Status[:3])
			}
			if all := strings.Join(got, " "); all != tt.want {
				t.Errorf("answered %s, want %s", all, tt.want)
			}
		})
	}
}
