package notify

import (
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"strings"
	"time"
)

// Config is what the service can be told.
type Config struct {
	Delay       time.Duration `help:"How long after a message the absent are told of it, so that who looks at it meanwhile is not (0s to 10m)." default:"8s"`
	Again       time.Duration `help:"Least time between two notices to a person of one room; what is new meanwhile is told together (0s to 24h)." default:"1m"`
	TooOld      time.Duration `help:"Messages that are older than this are told to nobody: those of a time in which this service was away (10s to 24h)." default:"10m"`
	PerHour     int           `help:"Notices to a person an hour, and a sixth of them at once; more wait and are told together (6 to 10000)." default:"60"`
	Pending     int           `help:"Messages that wait to be told of (100 to 10000000); more are told to nobody." default:"100000"`
	Text        bool          `help:"Have pushes carry what messages say, up to 200 characters. Without it they carry the room and the author. A push is encrypted for the device that gets it, and is shown on its lock screen."`
	PushLife    time.Duration `help:"How long a push service keeps a push for a device that is off (0s to 672h)." default:"24h"`
	PushTimeout time.Duration `help:"How long a push service may take for an answer (1s to 1m)." default:"10s"`
	Pushes      int           `help:"Pushes that are under way at a time, 4 of them to one push service (1 to 10000)." default:"256"`
	PushPrivate bool          `help:"Push also to addresses that are private or this machine's own, as those of a push service of yours may be."`
	Contact     string        `help:"Mail address or https URL where who runs a push service finds who runs this server." default:"push@hubbub.invalid"`
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
