// Package imports imports an export of Slack or Mattermost into a running Hubbub: users, rooms,
// messages, threads, reactions and pins.
//
// It reads the export where it runs, and asks the directory service step by step, as `hubbub admin`
// does. The ids of what it makes follow from those of the export, so running an interrupted import
// again makes only what is missing.
package imports

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"regexp"

	"hubbub.internal/libs/bus/busurl"
	"hubbub.internal/services/hubbub/admin"
	"hubbub.internal/services/hubbub/imports/mattermost"
	"hubbub.internal/services/hubbub/imports/roster"
	"hubbub.internal/services/hubbub/imports/slack"
	"hubbub.internal/services/hubbub/imports/spool"
)

// The products whose exports it reads.
const (
	fromSlack      = "slack"
	fromMattermost = "mattermost"
)

// Config is the configuration of `hubbub import`.
type Config struct {
	From string        `arg:"" enum:"slack,mattermost" help:"Where the export is from: slack or mattermost."`
	File string        `arg:"" help:"The export: of Slack the zip archive; of Mattermost the file of JSON lines, or the zip archive that it is in." type:"path"`
	Data string        `help:"Data folder of the hubbub up to ask, through its socket there. Without such a socket the cluster on the bus is asked." default:"data" type:"path" placeholder:"DIR"`
	Bus  busurl.Config `embed:""`
	URL  string        `help:"Address of the page, with which the links of --links begin." default:"http://localhost:9080" placeholder:"URL"`

	DryRun    bool                          `help:"Make nothing: say what would be made, and what of the export cannot be."`
	Source    string                        `help:"Name of the server that the export is of, when it is not the id of the Slack workspace. Exports of one server have one name, those of two have two: what an earlier import with that name has made is not made again." placeholder:"NAME"`
	Map       string                        `help:"File of JSON that says which accounts people of the export have here, and what rooms are to be called: {\"users\": {\"old name or id\": \"name here\"}, \"rooms\": {\"old name or id\": \"new name\"}}." type:"path" placeholder:"FILE"`
	TrustMail bool                          `help:"Give new accounts the mail addresses of the export, so that people get in with 'Forgot password?'. Only for an export that nobody else could change."`
	Links     string                        `help:"Write for each new account a link with which a password is chosen to this file, which is good for a day." type:"path" placeholder:"FILE"`
	Temp      string                        `help:"Folder for what the export has, while it is imported: as large as the messages." default:"" type:"path" placeholder:"DIR"`
	wrap      func(admin.Asker) admin.Asker // wraps the Asker, for tests; nil: nothing does

	MaxSize int `help:"Greatest size of all files of the export together, unpacked, in GiB (1 to 10000)." default:"100"`
}

// Help implements kong.HelpProvider.
func (*Config) Help() string {
	return `Brings users, rooms, messages, threads, reactions and pins of an export into a
running Hubbub, with the times and the authors that they had. Nothing counts as
unread, and nobody is notified. Look at what would be made first: --dry-run.

People get accounts without a password. They choose one with a link: --links,
hubbub admin reset, or "Forgot password?" after --trust-mail. Who has an account
here already keeps it: name it with --map, or confirm the same mail address.

A room is seen when all of it is there. An import that was cut off is run again:
it goes on where it was, and makes nothing twice.`
}

var sourceName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// Validate returns what is wrong with the configuration.
func (c *Config) Validate() error {
	var errs []error
	if c.Source != "" && !sourceName.MatchString(c.Source) {
		errs = append(errs, fmt.Errorf("--source is %q; it has to be 1 to 64 letters, digits, dots, dashes and underscores", c.Source))
	}
	if c.MaxSize < 1 || c.MaxSize > 10_000 {
		errs = append(errs, fmt.Errorf("--max-size is %d; it has to be 1 to 10000", c.MaxSize))
	}
	if u, err := url.Parse(c.URL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		errs = append(errs, fmt.Errorf("--url is %q; it has to be a URL that begins with http:// or https://", c.URL))
	}
	return errors.Join(errs...)
}

// plan is the content of the --map file.
type plan struct {
	Users map[string]string `json:"users"`
	Rooms map[string]string `json:"rooms"`
}

func readPlan(file string) (p plan, err error) {
	if file == "" {
		return p, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return p, fmt.Errorf("--map: %w", err)
	}
	defer f.Close()
	d := json.NewDecoder(f)
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return p, fmt.Errorf("--map is %s; it has to be JSON as {\"users\": {\"old\": \"new\"}, \"rooms\": {\"old\": \"new\"}}: %w", file, err)
	}
	return p, nil
}

// Execute implements daemon.Tool.
func (c *Config) Execute(ctx context.Context, out io.Writer) (err error) {
	plan, err := readPlan(c.Map)
	if err != nil {
		return err
	}
	kept, err := spool.Open(ctx, c.Temp)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, kept.Close()) }()
	fmt.Fprintln(out, "Reading", c.File)
	source, markdown, err := c.read(ctx, kept)
	if err == nil {
		err = kept.Check(ctx)
	}
	if err != nil {
		return fmt.Errorf("%w\nNothing was imported", err)
	}
	ask, stop, err := admin.Open(ctx, c.Data, c.Bus)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if c.wrap != nil {
		ask = c.wrap(ask)
	}
	i := &importer{Config: c, ask: ask, out: out, plan: plan, spool: kept, source: source, markdown: markdown, names: newRoster()}
	return i.run(ctx)
}

func newRoster() *roster.Roster {
	return &roster.Roster{People: make(map[string]roster.Person), Rooms: make(map[string]string)}
}

// markdown returns a text of an export as Markdown, and the ids of the users that it mentions.
type markdown func(text string, names *roster.Roster) (string, []string)

// read reads the export into a spool, and returns its source.
func (c *Config) read(ctx context.Context, to *spool.Spool) (source string, _ markdown, err error) {
	most := int64(c.MaxSize) << 30
	if c.From == fromMattermost {
		source = c.Source
		return fromMattermost + ":" + source, mattermost.Markdown, mattermost.Read(ctx, c.File, most, to)
	}
	team, err := slack.Read(ctx, c.File, most, to)
	if source = c.Source; source == "" {
		source = team
	}
	return fromSlack + ":" + source, slack.Markdown, err
}
