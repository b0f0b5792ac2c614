package notify

import (
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"strings"
	"time"
)

// Config is the configuration of the service.
type Config struct {
	Delay       time.Duration `help:"Delay between a message and its pushes, so that nobody who reads it meanwhile gets one (0s to 10m)." default:"8s"`
	Again       time.Duration `help:"Least time between two notices to a person about one room; the next notice covers what is new meanwhile (0s to 24h)." default:"1m"`
	TooOld      time.Duration `help:"No notices about messages older than this, such as those from while this service was down (10s to 24h)." default:"10m"`
	PerHour     int           `help:"Notices to a person per hour, a sixth of them at once; further ones wait and are combined (6 to 10000)." default:"60"`
	Pending     int           `help:"Greatest number of messages that wait for their notices; further ones get none (100 to 10000000)." default:"100000"`
	Text        bool          `help:"Include the text of messages in pushes, up to 200 characters. Without it pushes contain the room and the author. A push is encrypted for its device, which shows it on its lock screen."`
	PushLife    time.Duration `help:"How long a push service keeps a push for a device that is off (0s to 672h)." default:"24h"`
	PushTimeout time.Duration `help:"How long a push service may take for an answer (1s to 1m)." default:"10s"`
	Pushes      int           `help:"Pushes under way at the same time, at most 4 of them to one push service (1 to 10000)." default:"256"`
	PushPrivate bool          `help:"Push also to private addresses and to this machine, for a push service of your own."`
	Contact     string        `help:"Mail address or https URL by which the operator of a push service can reach you." default:"push@hubbub.invalid"`
}

// Validate returns what is wrong with the configuration.
func (c *Config) Validate() error {
	var errs []error
	within := func(name string, d, least, most time.Duration) {
		if d < least || d > most {
			errs = append(errs, fmt.Errorf("--%s is %s; it has to be %s to %s", name, d, least, most))
		}
	}
	between := func(name string, n, least, most int) {
		if n < least || n > most {
			errs = append(errs, fmt.Errorf("--%s is %d; it has to be %d to %d", name, n, least, most))
		}
	}
	within("delay", c.Delay, 0, 10*time.Minute)
	within("again", c.Again, 0, 24*time.Hour)
	within("too-old", c.TooOld, 10*time.Second, 24*time.Hour)
	within("push-life", c.PushLife, 0, 672*time.Hour)
	within("push-timeout", c.PushTimeout, time.Second, time.Minute)
	between("per-hour", c.PerHour, 6, 10_000)
	between("pending", c.Pending, 100, 10_000_000)
	between("pushes", c.Pushes, 1, 10_000)
	if u, err := url.Parse(c.Contact); err != nil || u.Scheme != "https" || u.Host == "" {
		if _, err := mail.ParseAddress(c.Contact); err != nil || strings.ContainsAny(c.Contact, "<> ") {
			errs = append(errs, fmt.Errorf("--contact is %.80q; it has to be a mail address or an https URL", c.Contact))
		}
	}
	return errors.Join(errs...)
}
