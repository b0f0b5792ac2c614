// Package deadletters shows an operator the entries of the log that a service could not process and
// set aside, and puts them back on request.
//
// It reads them from the bus, and knows neither messages nor services.
package deadletters

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/bus/busurl"
	"hubbub.internal/libs/bus/natsembed"
)

// Config is the configuration of `hubbub dead-letters`.
type Config struct {
	Bus    busurl.Config `embed:""`
	Group  string        `help:"Consumer group that set them aside." default:"history"`
	Limit  int           `help:"How many to show, or put back, at most, the oldest first (1 or more)." default:"100"`
	Replay bool          `help:"Put them back: the service gets each of them again, now or when it starts, and sets those aside again that it still cannot process. Doing it twice does no harm."`
}

// Validate returns what is wrong with the configuration.
func (c *Config) Validate() error {
	if c.Limit < 1 {
		return fmt.Errorf("--limit is %d; it has to be at least 1", c.Limit)
	}
	return nil
}

// letter is a dead letter as it is printed.
type letter struct {
	Room   string    `json:"room"`
	Seq    uint64    `json:"seq"`
	Sender string    `json:"sender"`
	ID     string    `json:"id"`
	Parked time.Time `json:"parked"`
	Reason string    `json:"reason"`
	Data   string    `json:"data"`
}

// Execute implements daemon.Tool. It prints a JSON object on a line for each dead letter, with the
// entry's content; with Replay, for each that it has put back.
func (c *Config) Execute(ctx context.Context, out io.Writer) (err error) {
	// of a stopped `hubbub up`: only one server can use a folder
	c.Bus.Embed = natsembed.InProcess
	b, err := busurl.Open(ctx, c.Bus, zap.NewNop(), nil, api.RequiredGroups)
	if err != nil {
		return err // which says what to do
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	get := b.DeadLetters
	if c.Replay {
		get = b.Redrive
	}
	letters, failed := get(ctx, c.Group, c.Limit)
	lines := json.NewEncoder(out)
	for _, d := range letters {
		l := letter{d.Entry.Room, d.Entry.Seq, d.Entry.Sender, d.Entry.ID, d.At.UTC(), d.Reason, string(d.Entry.Data)}
		if err := lines.Encode(l); err != nil {
			return fmt.Errorf("print: %w", err)
		}
	}
	if failed != nil {
		return fmt.Errorf("dead letters of the group %q: %w", c.Group, failed)
	}
	return nil
}
