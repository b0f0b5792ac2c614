package failtest

import (
	"context"
	"errors"
	"testing"
)

type calls interface {
	Fails(ctx context.Context, name string, list []struct{ N int }) error
	Reads(ctx context.Context, n *uint64) (string, error)
	Other() error
}

type called struct {
	t *testing.T
	n int
}

func (c *called) Fails(_ context.Context, name string, list []struct{ N int }) error {
	if c.n++; name == "" || len(list) != 1 || list[0].N == 0 {
		c.t.Errorf("called with %q, %v", name, list)
	}
	return errors.New("no")
}

func (c *called) Reads(_ context.Context, n *uint64) (string, error) {
	if c.n++; n == nil || *n == 0 {
		c.t.Error("called with nothing")
	}
	return "", errors.New("no")
}

func (c *called) Other() error {
	c.t.Error("called without a context")
	return nil
}

func TestAll(t *testing.T) {
	c := &called{t: t}
	All[calls](t.Context(), t, c, func(err error) bool { return err.Error() == "no" })
	if c.n != 2 {
		t.Errorf("%d methods were called", c.n)
	}
	All[calls](t.Context(), t, c, func(error) bool { return true }, "Reads")
	if c.n != 3 {
		t.Errorf("%d methods were called", c.n)
	}
}
