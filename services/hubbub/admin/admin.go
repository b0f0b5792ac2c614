// Package admin lets a person at a console act as an operator of a running Hubbub: make operators
// and accounts, reset passwords, ban, invite, and read the audit log.
//
// It sends each command to the directory service, over the bus or through the socket in the data
// folder of a `hubbub up`, and leaves all checks to it.
package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/bus/busurl"
)

// Socket is the name of the socket in the data folder of `hubbub up`.
const Socket = "admin.sock"

// timeout bounds one request.
const timeout = 30 * time.Second

// Config is the configuration of `hubbub admin`.
type Config struct {
	Do   string        `arg:"" enum:"users,create,promote,demote,reset,disable,enable,sign-out,ban,unban,invite,invitations,revoke,audit,export,retention,hold,holds,lift" help:"One of the commands above."`
	Who  string        `arg:"" optional:"" help:"Name or id of a user. For create: the new name. For revoke: the id of an invitation. For retention: how long messages are kept, such as '30 days'. For lift: the id of a hold."`
	Data string        `help:"Data folder of the hubbub up to ask, through its socket there. Without such a socket the cluster on the bus is asked." default:"data" type:"path" placeholder:"DIR"`
	Bus  busurl.Config `embed:""`
	URL  string        `help:"Address of the page, with which printed links begin." default:"http://localhost:9080" placeholder:"URL"`
	Role string        `help:"For promote: operator or auditor." default:"operator" enum:"operator,auditor"`
	Note string        `help:"For ban and hold: the reason. For invite: a note that the list of invitation links shows." placeholder:"TEXT"`
	Uses int           `help:"For invite: how many people can register with the link (1 to 10000)." default:"1"`
	For  time.Duration `help:"For ban and invite: how long it lasts (1m to 8760h). 0: a ban for good, an invitation link for a week." default:"0"`

	Actor   string    `help:"For audit: only what this user did." placeholder:"ID"`
	Subject string    `help:"For audit: only what was done to this user." placeholder:"ID"`
	Room    string    `help:"For audit: only what was done in this room. For export, retention and hold: the id of the room." placeholder:"ID"`
	Hold    string    `help:"For export: the id of a hold, whose kept texts are exported." placeholder:"ID"`
	Least   *string   `help:"For retention: no room removes messages that are younger than this age, such as '7 days'. Empty: no bound." placeholder:"AGE"`
	Most    *string   `help:"For retention: no room keeps messages that are older than this age. Empty: no bound." placeholder:"AGE"`
	Action  string    `help:"For audit: only this action, such as server.ban." placeholder:"ACTION"`
	Since   time.Time `help:"For audit: only from this time on, such as 2026-01-31T12:00:00Z." placeholder:"TIME"`
	Until   time.Time `help:"For audit: only before this time." placeholder:"TIME"`
}

// Help implements kong.HelpProvider.
func (*Config) Help() string {
	return `Commands:

	users        list all users, or those whose names begin with WHO
	create       make an account, and print a link for choosing its password
	promote      make WHO an operator, or with --role an auditor
	demote       take the role of WHO away
	reset        print a link with which WHO chooses a new password
	disable      keep WHO from logging in
	enable       let WHO log in again
	sign-out     end all log-ins of WHO
	ban          ban WHO from the server
	unban        end that ban
	invite       print a link with which --uses people can register
	invitations  list the invitation links
	revoke       revoke the invitation link with the id WHO
	audit        print the audit log, newest first
	export       print a copy of a room (--room), or of all messages of WHO, which
	             hubbub verify-export checks
	retention    say how long messages are kept: WHO is forever, an age ('30 days'), or
	             a number ('1000 messages'); of a room (--room) also default, which is
	             what the server says. Without WHO, --least and --most it only prints
	hold         keep what is said in a room (--room), or by WHO, from being removed, for
	             the reason --note
	holds        list these holds
	lift         end the hold WHO, and remove what only it has kept

Lists are printed as JSON, one object a line.`
}

// subjects describes Who for the commands that need it.
var subjects = map[string]string{
	directoryapi.AdminCreate: "name of the new user", directoryapi.AdminPromote: aUser, directoryapi.AdminDemote: aUser, directoryapi.AdminReset: aUser,
	directoryapi.AdminDisable: aUser, directoryapi.AdminEnable: aUser, directoryapi.AdminSignOut: aUser, directoryapi.AdminBan: aUser,
	directoryapi.AdminUnban: aUser, directoryapi.AdminRevoke: "id of an invitation", directoryapi.AdminLift: "id of a hold",
}

const aUser = "name or id of a user"

// Validate returns what is wrong with the configuration.
func (c *Config) Validate() error {
	var errs []error
	if who := subjects[c.Do]; who != "" && c.Who == "" {
		errs = append(errs, fmt.Errorf("%s needs the %s: hubbub admin %s WHO", c.Do, who, c.Do))
	}
	if c.Do == directoryapi.AdminHold && ((c.Who == "") == (c.Room == "") || c.Note == "") {
		errs = append(errs, errors.New("hold needs a user or a room, and a reason: hubbub admin hold WHO --note REASON, or hubbub admin hold --room ID --note REASON"))
	}
	if c.Do == directoryapi.AdminExport && c.Hold == "" && (c.Who == "") == (c.Room == "") {
		errs = append(errs, errors.New("export needs a user or a room: hubbub admin export WHO, or hubbub admin export --room ID"))
	}
	if c.Uses < 1 || c.Uses > 10_000 {
		errs = append(errs, fmt.Errorf("--uses is %d; it has to be 1 to 10000", c.Uses))
	}
	if c.For != 0 && (c.For < time.Minute || c.For > 365*24*time.Hour) {
		errs = append(errs, fmt.Errorf("--for is %s; it has to be 0, or 1m0s to 8760h0m0s", c.For))
	}
	if u, err := url.Parse(c.URL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		errs = append(errs, fmt.Errorf("--url is %q; it has to be a URL that begins with http:// or https://", c.URL))
	}
	return errors.Join(errs...)
}

// rule returns the rule for the command retention; nil: only print.
func (c *Config) rule() *string {
	switch c.Who {
	case "":
		return nil
	case "default":
		return new("")
	}
	return &c.Who
}

// Asker asks the directory service.
type Asker func(ctx context.Context, r directoryapi.AdminRequest) (directoryapi.AdminReply, error)

// Execute implements daemon.Tool. Lists are printed as JSON, one object a line.
func (c *Config) Execute(ctx context.Context, out io.Writer) (err error) {
	ask, stop, err := Open(ctx, c.Data, c.Bus)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	r := directoryapi.AdminRequest{
		Do: c.Do, By: Console(), User: c.Who, Role: directoryapi.Role(c.Role), Note: c.Note, Uses: int64(c.Uses), Minutes: int64(c.For / time.Minute),
		Hold: c.Hold,
		Filter: directoryapi.AdminFilter{
			Actor: c.Actor, Subject: c.Subject, Room: c.Room, Action: c.Action, Since: millis(c.Since), Until: millis(c.Until),
		},
	}
	if c.Do == directoryapi.AdminRetention {
		r.User, r.Retention = "", directoryapi.AdminRules{Keep: c.rule(), Least: c.Least, Most: c.Most}
	}
	for {
		reply, err := once(ctx, ask, r)
		if err != nil {
			return err
		}
		for _, line := range reply.Lines {
			if _, err := fmt.Fprintf(out, "%s\n", line); err != nil {
				return fmt.Errorf("print: %w", err)
			}
		}
		if reply.Link != "" {
			link, err := Link(c.URL, reply.Link)
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintln(out, link); err != nil {
				return fmt.Errorf("print: %w", err)
			}
		}
		if r.After = reply.Next; r.After == "" {
			return nil
		}
	}
}

func once(ctx context.Context, ask Asker, r directoryapi.AdminRequest) (directoryapi.AdminReply, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return ask(ctx, r)
}

// Open returns an Asker that uses the socket in a data folder, or a bus if there is no socket. stop
// closes the connection.
func Open(ctx context.Context, data string, on busurl.Config) (ask Asker, stop func() error, err error) {
	socket := filepath.Join(data, Socket)
	if _, err := os.Stat(socket); err == nil {
		return throughSocket(socket), func() error { return nil }, nil
	}
	if strings.HasPrefix(on.Bus, "embedded:") { // the default, which only a hubbub up has
		return nil, nil, fmt.Errorf("there is no %s of a running hubbub up: start one, name its folder with --data, or the bus of a cluster with --bus", socket)
	}
	b, err := busurl.Open(ctx, on, zap.NewNop(), nil, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("there is no %s of a running hubbub up, and the bus of a cluster cannot be used: %w", socket, err)
	}
	return directoryapi.NewClient(b).Admin, b.Close, nil
}

// Link returns the complete link for a path of the page at an address.
func Link(page, path string) (string, error) {
	base, err := url.Parse(page)
	if err != nil {
		return "", fmt.Errorf("--url: %w", err)
	}
	base.Path = strings.TrimSuffix(base.Path, "/") + "/"
	to, err := url.Parse(path)
	if err != nil {
		return "", fmt.Errorf("the link that the directory gave: %w", err)
	}
	return base.ResolveReference(to).String(), nil
}

// millis returns a time in UTC milliseconds; 0: none.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Console names the caller for the audit log: the login name and the machine.
func Console() string {
	name, host := "somebody", "somewhere"
	if u, err := user.Current(); err == nil && u.Username != "" {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil && h != "" {
		host = h
	}
	return name + "@" + host
}
