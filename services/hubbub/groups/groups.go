// Package groups shows an operator the required consumer groups, for which the log on the bus keeps
// unread entries of any age, and retires one that no longer exists.
package groups

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/busurl"
	"hubbub.internal/libs/bus/natsembed"
)

// Config is the configuration of `hubbub groups`.
type Config struct {
	Bus    busurl.Config `embed:""`
	Retire string        `help:"Retire this group, of an older release or another program, so that the log does not wait for it any more." placeholder:"GROUP"`
}

// Validate returns what is wrong with the configuration.
func (c *Config) Validate() error {
	if slices.Contains(api.RequiredGroups, c.Retire) {
		return fmt.Errorf("--retire is %s; it has to be another group: this release of Hubbub needs that one, and what it has not stored would be dropped", c.Retire)
	}
	return nil
}

// group is a consumer group as it is printed.
type group struct {
	Group  string     `json:"group"`
	Unread *time.Time `json:"unread_since"` // null: it has consumed everything
}

// Execute implements daemon.Tool. It retires a group if asked, and then prints a JSON object on a
// line for each required group.
func (c *Config) Execute(ctx context.Context, out io.Writer) (err error) {
	// of a stopped `hubbub up`: only one server can use a folder
	c.Bus.Embed = natsembed.InProcess
	b, err := busurl.Open(ctx, c.Bus, zap.NewNop(), nil, nil)
	if err != nil {
		return err // which says what to do
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	if c.Retire != "" {
		err := b.Retire(ctx, c.Retire)
		if errors.Is(err, bus.ErrInUse) {
			return fmt.Errorf("somebody consumes the group %q: stop that first", c.Retire)
		}
		if err != nil {
			return fmt.Errorf("retire the group %q: %w", c.Retire, err)
		}
	}
	all, err := b.Groups(ctx)
	if err != nil {
		return fmt.Errorf("required groups: %w", err)
	}
	lines := json.NewEncoder(out)
	for _, g := range all {
		l := group{Group: g.Name}
		if !g.Unread.IsZero() {
			at := g.Unread.UTC()
			l.Unread = &at
		}
		if err := lines.Encode(l); err != nil {
			return fmt.Errorf("print: %w", err)
		}
	}
	return nil
}
