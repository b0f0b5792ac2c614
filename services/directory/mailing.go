package directory

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/names"
	"hubbub.internal/services/directory/mail"
	"hubbub.internal/services/directory/store"
)

const (
	// ticketForgot is the kind of a ticket, sent by mail, with which its holder chooses a new
	// password. It is not ticketReset: anybody can cause one, and it must not void a link that an
	// operator made.
	ticketForgot = "forgot"
	// ticketMail is the kind of a ticket that shows that a mail address is its user's. Its Detail
	// is the address.
	ticketMail = "mail"

	forgotLife  = 30 * time.Minute
	confirmLife = 24 * time.Hour
	noticeLife  = 24 * time.Hour // for how long it is tried to send one

	// mailsHour is how many letters an hour one account, one address and one name in requests may
	// cause; a network may cause mailsFactor times as many. So nobody can flood another's mailbox.
	mailsHour   = 5
	mailsFactor = 10
	// maxSameMail is how many accounts of one mail address get a link.
	maxSameMail = 5
)

var (
	errNoMail   = chat.E(chat.CodeForbidden, "this server sends no mail: ask whoever runs it for a link")
	errMailBusy = chat.Unavailable("too many letters are waiting", time.Minute)
)

// mailing is how the service writes letters.
type mailing struct {
	page     string // address of the page, with a slash at its end
	host     string // of the page, for people
	queue    *mail.Queue
	holder   string    // of the letters in the store that this process sends
	accounts *throttle // letters, by account, by receiver, and by the asking user
	networks *throttle // requests for letters, by network
}

// newMailing returns nil if the server sends no mail. cfg has been validated.
func newMailing(cfg Config, log *zap.Logger, m *metrics) (*mailing, error) {
	if cfg.SMTPURL == "" {
		return nil, nil
	}
	server, err := mail.NewServer(cfg.SMTPURL, cfg.MailFrom)
	if err != nil {
		return nil, fmt.Errorf("--smtp-url: %w", err)
	}
	page, err := url.Parse(cfg.PageURL)
	if err != nil {
		return nil, fmt.Errorf("--page-url: %w", err)
	}
	return &mailing{
		holder: chat.NewID(), page: strings.TrimSuffix(cfg.PageURL, "/") + "/", host: page.Host,
		queue:    mail.NewQueue(server.Send, log, func(outcome string) { m.mails.WithLabelValues(outcome).Inc() }),
		accounts: newThrottle(mailsHour, time.Hour), networks: newThrottle(mailsHour*mailsFactor, time.Hour),
	}, nil
}

// mailKey is the form in which mail addresses are compared. It folds ASCII only: other letters that
// fold to one may belong to somebody else's address.
func mailKey(address string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, address)
}

// writeTo queues a letter to the address that the account has when it is sent; text is a whole
// message. It writes none without mail, without an address, or beyond the limit: what the letter
// tells of has happened anyway.
func (s *letters) writeTo(ctx context.Context, u store.User, address, subject, text string) {
	if s.mailing == nil {
		return
	}
	l := store.Letter{Kind: store.LetterNotice, User: u.ID, To: address, Subject: subject, Text: fmt.Sprintf("Hello %s,\n\n%s\n\n%s\n", u.Name, text, s.mailing.page)}
	if err := s.post(ctx, l, noticeLife); err != nil {
		s.log.Warn("did not send a letter", zap.Error(err))
	}
}

// notice writes a letter of LetterNotice.
func (s *letters) notice(ctx context.Context, l store.Letter) ([]mail.Letter, error) {
	if l.To == "" {
		a, err := s.store.Account(ctx, l.User)
		if err != nil || a.Mail == "" {
			return nil, err
		}
		l.To = a.Mail
	}
	return []mail.Letter{{To: l.To, Subject: l.Subject, Until: time.UnixMilli(l.Expires), Text: l.Text}}, nil
}

// forgot mails links for a new password to the account with a name, or to the accounts with a mail
// address. The client does not learn whether there are any, neither by the answer nor by its time:
// forgot looks them up afterwards.
func (s *letters) forgot(ctx context.Context, who, address string) error {
	if s.mailing == nil {
		return errNoMail
	}
	who = strings.TrimSpace(who)
	if who == "" {
		return chat.E(chat.CodeBadRequest, "say the name or the mail address of the account")
	}
	key, byMail := mailKey(who), strings.Contains(who, "@")
	if name, err := names.Normal(who); err == nil && !byMail {
		key = names.Key(name)
	}
	now := time.Now()
	if err := s.mailing.networks.count(now, "requests for a new password from your network", address); err != nil {
		return err
	}
	if err := s.mailing.accounts.count(now, "requests for a new password", "who "+key); err != nil {
		return err
	}
	return s.post(ctx, store.Letter{Kind: store.LetterForgot, Key: key, ByMail: byMail, Address: peerOf(ctx)}, forgotLife)
}

// forgotLetters makes links for the accounts that a request names; anybody can make one. A second
// call makes other links.
func (s *letters) forgotLetters(ctx context.Context, key string, byMail bool, peer string) (letters []mail.Letter, err error) {
	accounts, err := s.forgotten(ctx, key, byMail)
	if err != nil {
		return nil, err
	}
	for _, a := range accounts {
		u, err := s.store.User(ctx, a.User)
		if errors.Is(err, store.ErrNotFound) || err == nil && (u.Guest() || u.Deleted() || u.Disabled) {
			continue
		} else if err != nil {
			return nil, err
		}
		if s.mailing.accounts.count(time.Now(), "letters", "to "+mailKey(a.Mail)) != nil {
			continue
		}
		var secret string
		act := store.Act{Action: actResetLink, ActorName: sender, Subject: u.ID, SubjectName: u.Name, Address: peer, Detail: "by mail"}
		err = s.auditLog.audit(ctx, act, func(ctx context.Context) (err error) {
			secret, _, err = s.tickets.newTicket(ctx, store.Ticket{Kind: ticketForgot, User: u.ID}, forgotLife)
			return err
		})
		if err != nil {
			return nil, err
		}
		letters = append(letters, mail.Letter{
			To: a.Mail, Subject: "A new password at " + s.mailing.host, Until: time.Now().Add(forgotLife),
			Text: fmt.Sprintf("Hello %s,\n\nsomebody asked for a new password for your account at %s. If that was you, choose one here within %d minutes:\n\n%s\n\n"+
				"If it was not you, you need not do anything: your password stays as it is.\n",
				u.Name, s.mailing.page, int(forgotLife/time.Minute), s.mailing.page+ResetPath(secret)),
		})
	}
	return letters, nil
}

// forgotten returns the accounts that a request means by a name or a mail address, and that have a
// mail address.
func (s *letters) forgotten(ctx context.Context, key string, byMail bool) ([]store.Account, error) {
	if byMail {
		return s.store.AccountsByMail(ctx, key, maxSameMail)
	}
	u, err := s.store.UserByName(ctx, key)
	if err != nil {
		return nil, unlessMissing(err)
	}
	a, err := s.store.Account(ctx, u.ID)
	if err != nil || a.Mail == "" {
		return nil, err
	}
	return []store.Account{a}, nil
}

// mailView is the mail address of an account.
type mailView struct {
	Address  string `json:"address,omitempty" doc:"The address that was confirmed; left out: there is none."`
	Possible bool   `json:"possible" doc:"This server sends mail."`
	Digest   string `json:"digest,omitempty" doc:"How often what waits is written to who has not chosen in notify.mail of /v1/preferences: never, hourly, daily or weekly."`
}

// confirmLetter makes a link by which an address becomes a user's, and writes the letter with it. A
// second call makes another.
func (s *letters) confirmLetter(ctx context.Context, l store.Letter) ([]mail.Letter, error) {
	u, err := s.store.User(ctx, l.User)
	if errors.Is(err, store.ErrNotFound) || err == nil && (u.Guest() || u.Deleted()) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	secret, expires, err := s.tickets.newTicket(ctx, store.Ticket{Kind: ticketMail, User: u.ID, Detail: l.To}, confirmLife)
	if err != nil {
		return nil, err
	}
	return []mail.Letter{{
		To: l.To, Subject: "Confirm your mail address at " + s.mailing.host, Until: expires,
		Text: fmt.Sprintf("Hello,\n\nthe user %s of %s says that this is their mail address. If that is you, confirm it here within %d hours:\n\n%s\n\n"+
			"If it is not, you need not do anything: the address is not used.\n", u.Name, s.mailing.page, int(confirmLife/time.Hour), s.mailing.page+MailPath(secret)),
	}}, nil
}

// MailPath returns what to append to the address of the page for the link by which the holder of a
// ticket confirms a mail address.
func MailPath(secret string) string { return "#/mail/" + secret }
