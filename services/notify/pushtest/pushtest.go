// Package pushtest is a push service for tests, together with the browsers that it pushes to: it
// checks that a push meets RFC 8030 and RFC 8292, and decrypts it as RFC 8291 says.
package pushtest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	directoryapi "hubbub.internal/libs/api/directory"
)

// Got is a push that has arrived.
type Got struct {
	Session, Payload    string
	TTL, Urgency, Topic string
}

// Server is a push service.
type Server struct {
	*httptest.Server
	// Got receives each push that arrives.
	Got chan Got

	t        testing.TB
	mu       sync.Mutex
	browsers map[string]browser // by session
	answer   func(session string, w http.ResponseWriter) bool
}

type browser struct {
	private *ecdh.PrivateKey
	secret  []byte
}

// New starts a push service that ends with the test.
func New(t testing.TB) *Server {
	t.Helper()
	s := &Server{t: t, Got: make(chan Got, 1000), browsers: make(map[string]browser)}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(s.push))
	t.Cleanup(s.Close)
	return s
}

// Trust returns a configuration that makes a client trust the server.
func (s *Server) Trust() *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}

// Answer makes f answer pushes, as long as it returns true; f is called concurrently. nil: the
// server accepts all pushes.
func (s *Server) Answer(f func(session string, w http.ResponseWriter) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = f
}

// Device returns a browser's subscription for a log-in.
func (s *Server) Device(session string) directoryapi.Device {
	s.t.Helper()
	private, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	b := browser{private: private, secret: make([]byte, 16)}
	_, _ = rand.Read(b.secret)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.browsers[session] = b
	return directoryapi.Device{Session: session, Endpoint: s.URL + "/" + session, Key: private.PublicKey().Bytes(), Secret: b.secret}
}

// Next waits for a push.
func (s *Server) Next() Got {
	s.t.Helper()
	select {
	case g := <-s.Got:
		return g
	case <-time.After(time.Minute):
		s.t.Fatal("no push arrives")
		return Got{}
	}
}

func (s *Server) push(w http.ResponseWriter, r *http.Request) {
	session := strings.TrimPrefix(r.URL.Path, "/")
	s.mu.Lock()
	b, answer := s.browsers[session], s.answer
	s.mu.Unlock()
	if answer != nil && answer(session, w) {
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4096))
	if err == nil {
		err = s.signed(r)
	}
	var text string
	if err == nil {
		text, err = b.decrypt(body)
	}
	if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Encoding") != "aes128gcm" {
		s.t.Errorf("%s %s with %v, %d bytes: %v", r.Method, r.URL, r.Header, len(body), err)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusCreated)
	s.Got <- Got{Session: session, Payload: text, TTL: r.Header.Get("TTL"), Urgency: r.Header.Get("Urgency"), Topic: r.Header.Get("Topic")}
}

// signed checks RFC 8292: the sender has signed the push for this push service, with an expiry.
func (s *Server) signed(r *http.Request) error {
	token, key, ok := strings.Cut(strings.TrimPrefix(r.Header.Get("Authorization"), "vapid t="), ", k=")
	point, err := base64.RawURLEncoding.DecodeString(key)
	if !ok || err != nil || len(point) != 65 {
		return errors.New("the push is not signed")
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return err
	}
	var claims jwt.RegisteredClaims
	_, err = jwt.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return public, nil }, jwt.WithValidMethods([]string{"ES256"}), jwt.WithExpirationRequired())
	if err != nil {
		return err
	}
	if !slices.Equal(claims.Audience, jwt.ClaimStrings{s.URL}) || claims.Subject == "" || time.Until(claims.ExpiresAt.Time) > 24*time.Hour {
		return fmt.Errorf("the push is signed for %v by %q until %v", claims.Audience, claims.Subject, claims.ExpiresAt)
	}
	return nil
}

// decrypt reads a push: RFC 8291, section 3.4, over RFC 8188.
func (b browser) decrypt(body []byte) (string, error) {
	if b.private == nil || len(body) < 21+65+17 || body[20] != 65 {
		return "", errors.New("the push is for an unknown browser, or is too short")
	}
	salt, sender, sealed := body[:16], body[21:86], body[86:]
	if size := binary.BigEndian.Uint32(body[16:20]); len(sealed) > int(size) {
		return "", errors.New("the push has more than one record")
	}
	from, err := ecdh.P256().NewPublicKey(sender)
	if err != nil {
		return "", err
	}
	shared, err := b.private.ECDH(from)
	if err != nil {
		return "", err
	}
	info := "WebPush: info\x00" + string(b.private.PublicKey().Bytes()) + string(sender)
	ikm, err := hkdf.Key(sha256.New, shared, b.secret, info, 32)
	if err != nil {
		return "", err
	}
	key, err := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: aes128gcm\x00", 16)
	if err != nil {
		return "", err
	}
	nonce, err := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: nonce\x00", 12)
	if err != nil {
		return "", err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return "", err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return "", err
	}
	text, err := gcm.Open(nil, nonce, sealed, nil)
	if err != nil {
		return "", err
	}
	end := len(text) - 1
	for end >= 0 && text[end] == 0 {
		end--
	}
	if end < 0 || text[end] != 2 {
		return "", errors.New("the padding lacks its delimiter")
	}
	return string(text[:end]), nil
}

// Keys returns a key to sign pushes with.
func Keys(t testing.TB) directoryapi.PushKey {
	t.Helper()
	private, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text := base64.RawURLEncoding.EncodeToString
	return directoryapi.PushKey{Public: text(private.PublicKey().Bytes()), Private: text(private.Bytes())}
}
