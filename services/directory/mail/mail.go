// Package mail sends letters by SMTP. It owns the connection to the mail server, and a queue that
// nobody waits for; it knows nothing of accounts.
package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	netmail "net/mail"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// Letter is a mail in plain text.
type Letter struct {
	To      string // an address alone
	Subject string
	Text    string
	Until   time.Time // after this time it is of no use, and is not sent
	// Unsubscribe is where a mail program posts to when its user wants no such letters any more
	// (RFC 8058); empty: nowhere.
	Unsubscribe string
}

// MaxAddress is how long an address may be, in bytes (RFC 5321, section 4.5.3.1.3).
const MaxAddress = 254

// CheckAddress returns an error unless text is a mail address alone, such as ann@example.org, which
// may stand in a header.
func CheckAddress(text string) error {
	a, err := netmail.ParseAddress(text)
	if err != nil || a.Address != text || a.Name != "" || len(text) > MaxAddress || strings.ContainsFunc(text, notInAddress) {
		return errors.New("that is not a mail address such as ann@example.org")
	}
	return nil
}

func notInAddress(r rune) bool { return r <= ' ' || r == 0x7f || r == '"' || r == '\\' }

// sendTimeout bounds the sending of one letter.
const sendTimeout = 20 * time.Second

// Server is a mail server. Its methods are safe for concurrent use.
type Server struct {
	host    string
	options []gomail.Option
	from    string
}

// ErrRefused says that the mail server does not take a letter, now or ever.
var ErrRefused = errors.New("the mail server refuses the letter")

// NewServer returns the server at a URL: smtp://USER:PASSWORD@HOST:587 encrypts with STARTTLS or
// does not send, smtps://… is encrypted from the beginning, and smtp+plain://… is not encrypted at
// all. USER and PASSWORD may be missing. from is who the letters are from, such as "Chat
// <chat@example.org>".
func NewServer(rawURL, from string) (*Server, error) {
	return newServer(rawURL, from, nil)
}

func newServer(rawURL, from string, trusted *tls.Config) (*Server, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, errors.New("that is not a URL") // whose text has a password
	}
	s := &Server{host: u.Hostname(), from: from, options: []gomail.Option{gomail.WithTimeout(sendTimeout)}}
	port := 587
	switch u.Scheme {
	case "smtp":
		s.options = append(s.options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case "smtps":
		port = 465
		s.options = append(s.options, gomail.WithSSL())
	case "smtp+plain":
		port = 25
		s.options = append(s.options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		return nil, errors.New("the scheme is smtp, smtps or smtp+plain")
	}
	if s.host == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("it is written like smtp://USER:PASSWORD@HOST:PORT")
	}
	if p := u.Port(); p != "" {
		if port, err = strconv.Atoi(p); err != nil || port < 1 || port > 65535 {
			return nil, errors.New("the port is 1 to 65535")
		}
	}
	s.options = append(s.options, gomail.WithPort(port))
	if name := u.User.Username(); name != "" {
		password, _ := u.User.Password()
		s.options = append(s.options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(name), gomail.WithPassword(password))
	}
	if trusted != nil {
		s.options = append(s.options, gomail.WithTLSConfig(trusted))
	}
	if _, err := netmail.ParseAddress(from); err != nil {
		return nil, fmt.Errorf("%.80q is not who a mail can be from, such as Chat <chat@example.org>", from)
	}
	_, err = gomail.NewClient(s.host, s.options...)
	return s, err
}

// address is what may be a mail address in a text.
var address = regexp.MustCompile(`[^\s<>()",;]+@[^\s<>()",;]+`)

// addressless is an error whose text, which is for logs, has no mail address. Mail servers repeat
// whom they refuse.
type addressless struct{ error }

func (e addressless) Error() string { return address.ReplaceAllString(e.error.Error(), "…@…") }

func (e addressless) Unwrap() error { return e.error }

// Send sends a letter. Errors: ErrRefused, if it is no use to try again. Their texts have no mail
// address.
func (s *Server) Send(ctx context.Context, l Letter) error {
	if err := s.send(ctx, l); err != nil {
		return addressless{err}
	}
	return nil
}

func (s *Server) send(ctx context.Context, l Letter) error {
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := errors.Join(m.From(s.from), m.To(l.To)); err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	m.Subject(l.Subject)
	m.SetBodyString(gomail.TypeTextPlain, l.Text)
	// so that nobody's holidays answer (RFC 3834)
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	if l.Unsubscribe != "" {
		m.SetGenHeaderPreformatted("List-Unsubscribe", "<"+l.Unsubscribe+">")
		m.SetGenHeaderPreformatted("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
	}
	client, err := gomail.NewClient(s.host, s.options...)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	err = client.DialAndSendWithContext(ctx, m)
	if refused, ok := errors.AsType[*gomail.SendError](err); ok && !refused.IsTemp() && refused.ErrorCode() >= 500 {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return err
}
