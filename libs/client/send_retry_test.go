package client_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/client"
	"hubbub.internal/libs/wire"
)

// TestSendInDoubt: once an attempt may have reached the log, a refusal of a later one is not the
// outcome; the caller goes on with the same ID, and every attempt is marked.
func TestSendInDoubt(t *testing.T) {
	s := newServer(t)
	ann := dial(t, quick(s, "ann"))
	ann.join("lobby")
	var marks []bool
	s.script(func(k *sock, c *wire.Command) bool {
		if c.Kind != wire.Send {
			return false
		}
		switch marks = append(marks, c.Retry); len(marks) {
		case 1:
			k.refuse(c, chat.Unavailable("away", time.Millisecond))
		case 2:
			k.refuse(c, chat.E(chat.CodeForbidden, "not any more"))
		default:
			return false
		}
		return true
	})
	m := client.Message{Room: "lobby", ID: "m1", Text: "hello"}
	if _, err := ann.SendMessage(soon(t), m); !errors.Is(err, client.ErrUnknown) || chat.CodeOf(err) != chat.CodeForbidden {
		t.Errorf("refused when the log may have it: %v", err)
	}
	m.Retry = true
	if _, err := ann.SendMessage(soon(t), m); err != nil {
		t.Error(err)
	}
	if want := []bool{false, true, true}; !slices.Equal(marks, want) {
		t.Errorf("marked are %v, want %v", marks, want)
	}
}

// TestChangeInDoubt: a change goes on with the same id after whatever may pass; a refusal is told
// apart from an outcome that nobody knows.
func TestChangeInDoubt(t *testing.T) {
	m1 := client.Name{User: "bob", ID: "m1"}
	for kind, change := range map[wire.Kind]func(ctx context.Context, c *client.Client) (wire.Event, error){
		wire.Edit: func(ctx context.Context, c *client.Client) (wire.Event, error) {
			return c.Edit(ctx, "lobby", "m1", "x")
		},
		wire.Delete: func(ctx context.Context, c *client.Client) (wire.Event, error) { return c.Delete(ctx, "lobby", m1) },
		wire.React: func(ctx context.Context, c *client.Client) (wire.Event, error) {
			return c.React(ctx, "lobby", m1, "👍", true)
		},
		wire.Pin: func(ctx context.Context, c *client.Client) (wire.Event, error) {
			return c.Pin(ctx, "lobby", m1, true)
		},
	} {
		t.Run(kind.String(), func(t *testing.T) {
			s := newServer(t)
			ann := dial(t, quick(s, "ann"))
			ann.join("lobby")
			var ids []string
			var answers []*chat.Error // nil: an ack
			s.script(func(k *sock, c *wire.Command) bool {
				if c.Kind != kind {
					return false
				}
				ids = append(ids, string(c.MsgID))
				e := answers[min(len(ids), len(answers))-1]
				if e == nil {
					k.say(wire.AppendSeqAck(nil, string(c.ID), 9))
				} else {
					k.refuse(c, e)
				}
				return true
			})
			try := func(ctx context.Context, to ...*chat.Error) (wire.Event, error) {
				s.do(func() { ids, answers = nil, to })
				return change(ctx, ann.Client)
			}
			away, fault := chat.Unavailable("away", time.Millisecond), &chat.Error{Code: chat.CodeInternal, Message: "a fault", RetryAfter: time.Millisecond}
			limited := &chat.Error{Code: chat.CodeRateLimited, Message: "slow down", RetryAfter: time.Millisecond}
			forbidden := chat.E(chat.CodeForbidden, "not yours")

			ack, err := try(soon(t), away, fault, limited, chat.E(chat.CodeNotJoined, "join first"), nil)
			if err != nil || ack.Seq != 9 || len(ids) != 5 {
				t.Errorf("after what passes: %+v, %v, %d attempts", ack, err, len(ids))
			}
			if slices.Sort(ids); ids[0] == "" || ids[0] != ids[len(ids)-1] {
				t.Errorf("the attempts have the ids %q", ids)
			}
			if _, err := try(soon(t), limited, forbidden); errors.Is(err, client.ErrUnknown) || chat.CodeOf(err) != chat.CodeForbidden || len(ids) != 2 {
				t.Errorf("refused: %v after %d attempts", err, len(ids))
			}
			if _, err := try(soon(t), away, forbidden); !errors.Is(err, client.ErrUnknown) || chat.CodeOf(err) != chat.CodeForbidden {
				t.Errorf("refused when the log may have it: %v", err)
			}
			ctx, cancel := context.WithCancel(soon(t))
			cancel()
			if _, err := try(ctx, nil); errors.Is(err, client.ErrUnknown) || !errors.Is(err, context.Canceled) {
				t.Errorf("never sent: %v", err)
			}
		})
	}
	s := newServer(t)
	cfg := quick(s, "ann")
	cfg.RetryFor = time.Nanosecond
	ann := dial(t, cfg)
	ann.join("lobby")
	s.script(func(k *sock, c *wire.Command) bool {
		if c.Kind == wire.Edit {
			k.refuse(c, chat.Unavailable("away", time.Millisecond))
		}
		return c.Kind == wire.Edit
	})
	if _, err := ann.Edit(soon(t), "lobby", "m1", "x"); !errors.Is(err, client.ErrUnknown) || chat.CodeOf(err) != chat.CodeUnavailable {
		t.Errorf("after RetryFor: %v", err)
	}
}

// TestSendGivesUp shows that an outcome that nobody knows is called so.
func TestSendGivesUp(t *testing.T) {
	s := newServer(t)
	cfg := quick(s, "ann")
	cfg.ReplyTimeout, cfg.RetryFor = 100*time.Millisecond, time.Nanosecond
	ann := dial(t, cfg)
	ann.join("lobby")
	s.script(func(_ *sock, c *wire.Command) bool { return c.Kind == wire.Send })
	if _, err := ann.Send(soon(t), "lobby", "x"); !errors.Is(err, client.ErrUnknown) {
		t.Errorf("after RetryFor: %v", err)
	}
	cfg.ReplyTimeout, cfg.RetryFor = 0, 0
	bob := dial(t, cfg)
	bob.join("lobby")
	ctx, cancel := context.WithCancel(soon(t))
	s.script(func(_ *sock, c *wire.Command) bool {
		if c.Kind == wire.Send {
			cancel()
		}
		return c.Kind == wire.Send
	})
	if _, err := bob.Send(ctx, "lobby", "x"); !errors.Is(err, client.ErrUnknown) || !errors.Is(err, context.Canceled) {
		t.Errorf("after the context: %v", err)
	}
}
