// Package directory is the service that knows users, sessions, rooms and who may do what in them.
// It makes the tokens that everybody else verifies, and tells of every change by the control log.
//
// It knows nothing of sockets and messages, and is never asked once per message.
package directory

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"hubbub.internal/libs/attention"
	"hubbub.internal/libs/clientaddr"
	"hubbub.internal/libs/names"
	"hubbub.internal/services/directory/mail"
)

// Config is what the service can be told.
type Config struct {
	TokenLife      time.Duration `help:"How long an access token is good for (1m to 24h). A revoked user's open sockets are closed at once all the same." default:"15m"`
	SessionLife    time.Duration `help:"How long a log-in lasts after its last use (1h to 8760h)." default:"720h"`
	GuestLife      time.Duration `help:"How long a guest lasts without use (1h to 720h); no longer than a log-in." default:"24h"`
	GuestNetwork   time.Duration `name:"guest-network-ban" help:"How long a ban of a guest from the server also keeps out guests and new accounts from the guest's network, so that the guest does not come back at once (0 to 720h; 0: not at all)." default:"24h"`
	ListUsers      bool          `help:"Let everybody list all users and find them by a part of a name. Without it, a default room lists only its moderators and owners, and a search needs the whole name." default:"true" negatable:""`
	UserSessions   int           `help:"Log-ins that a user may have at a time (1 to 1000); one more ends the one that was unused for longest." default:"50"`
	RefreshGrace   time.Duration `help:"How long a used refresh token still gets the same next one, for a second tab and for lost answers (10s to 1h). After that, using it ends the log-in, since somebody may have stolen it." default:"1m"`
	KeyLife        time.Duration `help:"How long a key signs tokens before the next one does (24h or more)." default:"720h"`
	Guests         bool          `help:"Let people in without a password, by a name." default:"true" negatable:""`
	Registration   bool          `help:"Let people register." default:"true" negatable:""`
	KeySecrets     []string      `help:"Secrets that encrypt the signing keys in the store: 32 bytes each, in base64 (openssl rand -base64 32). The first encrypts, at the next start also the keys that are stored already; the others only decrypt what they encrypted before. All replicas need the same secrets. Without any, new keys are stored unencrypted." placeholder:"SECRET"`
	HashMemory     uint32        `help:"Memory that hashing one password takes (KiB, 64 to 1048576)." default:"19456"`
	HashTime       uint32        `help:"Passes over that memory (1 to 100)." default:"2"`
	HashParallel   int           `help:"Passwords that are hashed at the same time (1 to 64); others wait." default:"2"`
	Owners         []string      `help:"Deprecated: names that nobody can register. Users who had one of these names when a release with set-up links first started became operators then." placeholder:"NAME"`
	AccountRate    int           `help:"New accounts and guests a minute per address, on each replica, before more are refused (1 to 1000000)." default:"300"`
	AccountDay     int           `name:"accounts-per-day" help:"New accounts and guests a day per address, on each replica, before more are refused (1 to 1000000)." default:"1000"`
	ChangeRate     int           `help:"Changes of rooms and memberships per user, and new tokens per log-in, in a minute on each replica, before more are refused (1 to 1000000)." default:"120"`
	ShowModeration bool          `help:"Show in a room whom its moderators muted or banned, and why. That person is always told." default:"true" negatable:""`
	Requests       bool          `name:"message-requests" help:"Make a first message from a stranger a request, which its receiver accepts or refuses. A stranger is a user who shares no room with the receiver but default rooms, or a guest who shares no private room." default:"true" negatable:""`
	Invitations    bool          `help:"Ask users before a stranger adds them to a room." default:"true" negatable:""`
	DirectHour     int           `name:"directs-per-hour" help:"New direct rooms that a user may open in an hour (1 to 1000000)." default:"20"`
	DirectDay      int           `name:"directs-per-day" help:"New direct rooms that a user may open in a day (1 to 1000000)." default:"60"`
	GuestDirect    int           `name:"guest-directs-per-day" help:"New direct rooms that a guest may open in a day, half of them in an hour (2 to 1000000)." default:"10"`
	RoomsDay       int           `name:"rooms-per-day" help:"New rooms, other than direct rooms, that a user may make in a day (1 to 1000000)." default:"100"`
	GuestPublic    int           `name:"guest-public-rooms" help:"Public rooms that a guest may have made (0 to 1000)." default:"1"`
	GuestMay       []string      `help:"What guests may do, of the actions that docs/roles.md names for guests and an operator may take away: what is left out they may not. Without send or react they only read." default:"invite,make-room,open-direct,publish,react,report,send" placeholder:"ACTION"`
	LoginAttempts  int           `help:"Failed log-ins a minute from one address with one name, on each replica, before more are refused (1 to 10000); 10 times as many for a name from anywhere, 30 times for an address with any names." default:"10"`
	AuditKeep      time.Duration `help:"How long the audit log keeps what was done (24h to 87600h)." default:"9600h"`
	SMTPURL        string        `name:"smtp-url" help:"Mail server that sends the links for new passwords: smtp://USER:PASSWORD@HOST:587 (with STARTTLS), smtps://…:465, or smtp+plain://…:25 without encryption. Empty: no mail is sent, and operators make the links." placeholder:"URL"`
	MailFrom       string        `help:"Sender address of mails. Needed with --smtp-url." placeholder:"'Chat <chat@example.org>'"`
	PageURL        string        `name:"page-url" help:"Address of the page, for links in mails, such as https://chat.example/. Needed with --smtp-url." placeholder:"URL"`
	Digest         string        `help:"How often people who are away and have a mail address are written at most what waits for them, if they have not chosen themselves: never, hourly, daily or weekly. Needs --smtp-url." enum:"never,hourly,daily,weekly" default:"daily"`
	DigestAfter    time.Duration `help:"How long somebody has to be away before a digest is written (10s to 168h)." default:"1h"`
	DigestText     bool          `help:"Put the last message of each room into digests, up to 200 characters. Without it they name rooms, people and numbers. Mail is not encrypted for its receiver."`
	PushPrivate    bool          `help:"Take devices whose push service is at a private address or this machine, as one of your own may be."`
	TrustedProxies []string      `help:"Networks of the proxies in front, such as 10.0.0.0/8. Their X-Forwarded-For, or else X-Real-IP, names the client; headers of anybody else are ignored." placeholder:"CIDR"`
}

// Validate returns what is wrong with the configuration, in a sentence for each.
func (c *Config) Validate() error {
	var errs []error
	within := func(flag string, d, least, most time.Duration) {
		if d < least || d > most {
			errs = append(errs, fmt.Errorf("--%s is %s; it has to be %s to %s", flag, d, least, most))
		}
	}
	between := func(flag string, n, least, most int) {
		if n < least || n > most {
			errs = append(errs, fmt.Errorf("--%s is %d; it has to be %d to %d", flag, n, least, most))
		}
	}
	within("token-life", c.TokenLife, time.Minute, 24*time.Hour)
	within("session-life", c.SessionLife, time.Hour, 365*24*time.Hour)
	within("guest-life", c.GuestLife, time.Hour, 30*24*time.Hour)
	within("guest-network-ban", c.GuestNetwork, 0, 30*24*time.Hour)
	within("refresh-grace", c.RefreshGrace, 10*time.Second, time.Hour)
	within("key-life", c.KeyLife, 24*time.Hour, 10*365*24*time.Hour)
	within("digest-after", c.DigestAfter, 10*time.Second, 7*24*time.Hour)
	within("audit-keep", c.AuditKeep, 24*time.Hour, 10*365*24*time.Hour)
	between("user-sessions", c.UserSessions, 1, maxUserSessions)
	between("hash-memory", int(c.HashMemory), 64, 1<<20)
	between("hash-time", int(c.HashTime), 1, 100)
	between("hash-parallel", c.HashParallel, 1, 64)
	between("login-attempts", c.LoginAttempts, 1, 10_000)
	between("account-rate", c.AccountRate, 1, 1_000_000)
	between("accounts-per-day", c.AccountDay, 1, 1_000_000)
	between("change-rate", c.ChangeRate, 1, 1_000_000)
	between("rooms-per-day", c.RoomsDay, 1, 1_000_000)
	between("guest-public-rooms", c.GuestPublic, 0, 1000)
	between("directs-per-hour", c.DirectHour, 1, 1_000_000)
	between("directs-per-day", c.DirectDay, 1, 1_000_000)
	between("guest-directs-per-day", c.GuestDirect, 2, 1_000_000)
	if every := attention.Frequency(c.Digest); every != attention.Never && every.Period() == 0 {
		errs = append(errs, fmt.Errorf("--digest is %.20q; it has to be never, hourly, daily or weekly", c.Digest))
	}
	if err := checkGuestMay(c.GuestMay); err != nil {
		errs = append(errs, err)
	}
	if _, err := parseSeals(c.KeySecrets); err != nil {
		errs = append(errs, err)
	}
	for _, name := range c.Owners {
		if _, err := names.Normal(name); err != nil {
			errs = append(errs, fmt.Errorf("--owners: %q is not a name that anybody can have", name))
		}
	}
	if c.SMTPURL != "" {
		if _, err := mail.NewServer(c.SMTPURL, c.MailFrom); err != nil {
			errs = append(errs, fmt.Errorf("--smtp-url, with --mail-from: %w", err))
		}
		if page, err := url.Parse(c.PageURL); err != nil || page.Scheme != "https" && page.Scheme != "http" || page.Host == "" || page.RawQuery != "" || page.Fragment != "" {
			errs = append(errs, fmt.Errorf("--page-url is %.80q; with --smtp-url it has to be like https://chat.example/", c.PageURL))
		}
	}
	if _, err := clientaddr.Parse(c.TrustedProxies); err != nil {
		errs = append(errs, fmt.Errorf("--trusted-proxies: %w", err))
	}
	return errors.Join(errs...)
}
