// Package smtptest is a mail server for tests, which keeps what it is sent.
package smtptest

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Mail is one that came in.
type Mail struct {
	From, To string
	User     string // who logged in to send it; empty: nobody
	TLS      bool
	Text     string // with its header
}

// Sink is a mail server.
type Sink struct {
	Addr  string      // host and port
	Trust *tls.Config // of a client that trusts it

	mails          chan Mail
	user, password string
	mu             sync.Mutex
	refusals       []int // SMTP statuses for the next recipients
}

// Start starts a server on 127.0.0.1, which ends with the test. With a user it wants TLS and the
// password.
func Start(t *testing.T, user, password string) *Sink {
	t.Helper()
	return StartAt(t, "127.0.0.1:0", user, password)
}

// StartAt is Start at an address, where a server was that is down.
func StartAt(t *testing.T, addr, user, password string) *Sink {
	t.Helper()
	https := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
	defer https.Close()
	transport, ok := https.Client().Transport.(*http.Transport)
	if !ok {
		t.Fatal("the client of a test server has another transport")
	}
	s := &Sink{
		mails: make(chan Mail, 100), user: user, password: password,
		Trust: &tls.Config{RootCAs: transport.TLSClientConfig.RootCAs, ServerName: "example.com", MinVersion: tls.VersionTLS12},
	}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &session{sink: s, conn: c}, nil }))
	server.TLSConfig = &tls.Config{Certificates: https.TLS.Certificates, MinVersion: tls.VersionTLS12}
	server.Domain, server.ReadTimeout, server.WriteTimeout = "mail.example", time.Minute, time.Minute
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	s.Addr = l.Addr().String()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return s
}

// Next returns the next mail that comes in.
func (s *Sink) Next(t *testing.T) Mail {
	t.Helper()
	select {
	case m := <-s.mails:
		return m
	case <-time.After(30 * time.Second):
		t.Fatal("no mail came in")
		return Mail{}
	}
}

// Refuse makes the server refuse the next recipients with an SMTP status each.
func (s *Sink) Refuse(codes ...int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusals = append(s.refusals, codes...)
}

// Waiting returns how many mails have come in that nobody has asked for.
func (s *Sink) Waiting() int { return len(s.mails) }

type session struct {
	sink *Sink
	conn *smtp.Conn
	mail Mail
}

func (s *session) AuthMechanisms() []string {
	if s.sink.user == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != s.sink.user || password != s.sink.password {
			return errors.New("wrong password")
		}
		s.mail.User = user
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.sink.user != "" && s.mail.User == "" {
		return smtp.ErrAuthRequired
	}
	s.mail.From = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	if len(s.sink.refusals) > 0 {
		code := s.sink.refusals[0]
		s.sink.refusals = s.sink.refusals[1:]
		// many servers repeat whom they refuse
		return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 0, 0}, Message: "<" + to + ">: not now"}
	}
	s.mail.To = to
	return nil
}

func (s *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m := s.mail
	_, m.TLS = s.conn.TLSConnectionState()
	m.Text = string(text)
	s.sink.mails <- m
	return nil
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }
