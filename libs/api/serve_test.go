package api_test

import (
	"context"
	"errors"
	"testing"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/bus"
)

// counted is a bus that counts what is served, and fails to serve one service.
type counted struct {
	local
	refuse  string
	serving int
}

var errRefused = errors.New("refused")

func (c *counted) Serve(ctx context.Context, service string, handle func(context.Context, []byte) ([]byte, error)) (bus.Subscription, error) {
	if service == c.refuse {
		return nil, errRefused
	}
	c.serving++
	_, err := c.local.Serve(ctx, service, handle)
	return c, err
}

func (c *counted) Stop() { c.serving-- }

// TestServe: all methods are served, or none.
func TestServe(t *testing.T) {
	echo := func(_ context.Context, q question) (answer, error) { return answer{Text: q.Name}, nil }
	methods := []api.Method{api.Answer("a", echo), api.Answer("b", echo)}
	b := &counted{}
	stop, err := api.Serve(t.Context(), b, nil, methods...)
	if err != nil || b.serving != 2 {
		t.Fatalf("%d are served, %v", b.serving, err)
	}
	if got, err := api.Call[question, answer](t.Context(), b, "b", question{Name: "ann"}); err != nil || got.Text != "ann" {
		t.Errorf("%+v, %v", got, err)
	}
	if stop(); b.serving != 0 {
		t.Errorf("%d are served after the end", b.serving)
	}
	raw := func(_ context.Context, data []byte) ([]byte, error) { return append(data, 0xff), nil }
	stop, err = api.Serve(t.Context(), b, nil, api.AnswerRaw("raw", raw))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := b.Request(t.Context(), "raw", []byte{0xfe}); err != nil || string(got) != "\xfe\xff" {
		t.Errorf("%x, %v", got, err)
	}
	stop()
	b.refuse = "b"
	if stop, err := api.Serve(t.Context(), b, nil, methods...); !errors.Is(err, errRefused) || stop != nil || b.serving != 0 {
		t.Errorf("%v, and %d are served", err, b.serving)
	}
}
