package api_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// local is a bus that only carries requests, within the process; fail is what it does instead.
type local struct {
	serving map[string]func(context.Context, []byte) ([]byte, error)
	fail    error
}

func (l *local) Serve(_ context.Context, service string, handle func(context.Context, []byte) ([]byte, error)) (bus.Subscription, error) {
	if l.serving == nil {
		l.serving = map[string]func(context.Context, []byte) ([]byte, error){}
	}
	l.serving[service] = handle
	return l, l.fail
}

func (l *local) Stop() {}

func (l *local) Request(ctx context.Context, service string, data []byte) ([]byte, error) {
	if l.fail != nil {
		return nil, l.fail
	}
	handle, ok := l.serving[service]
	if !ok {
		return nil, bus.ErrNoResponder
	}
	return handle(ctx, data)
}

type question struct {
	Name string `json:"name"`
}

type answer struct {
	Text string `json:"text"`
}

// TestCall asks a service that answers, or fails in each way that there is.
func TestCall(t *testing.T) {
	coded := &chat.Error{Code: chat.CodeRateLimited, Message: "slowly", RetryAfter: 1500 * time.Millisecond}
	secret := errors.New("secret detail")
	for _, tt := range []struct {
		name    string
		fail    error // of the handler
		bus     error
		service string
		want    *chat.Error
		is      error
		logged  error
	}{
		{name: "good"},
		{name: "coded", fail: fmt.Errorf("context: %w", coded), want: coded},
		{name: "a fault", fail: secret, want: chat.E(chat.CodeInternal, "the service failed; its log says why"), logged: secret},
		{name: "nobody", service: "another", want: chat.Unavailable("a service that this needs does not answer", 2*time.Second), is: bus.ErrNoResponder},
		{name: "no bus", bus: fmt.Errorf("x: %w", bus.ErrUnavailable), want: chat.Unavailable("a service that this needs does not answer", 2*time.Second), is: bus.ErrUnavailable},
		{name: "no time", bus: context.DeadlineExceeded, want: chat.Unavailable("a service that this needs does not answer", 2*time.Second), is: context.DeadlineExceeded},
		{name: "closed", bus: bus.ErrClosed, is: bus.ErrClosed},
		{name: "given up", bus: context.Canceled, is: context.Canceled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := &local{}
			var logged error
			_, err := api.Handle(t.Context(), b, "service", func(service string, err error) {
				if service != "service" {
					t.Errorf("logged for %s", service)
				}
				logged = err
			}, func(_ context.Context, q question) (answer, error) { return answer{"hello " + q.Name}, tt.fail })
			if err != nil {
				t.Fatal(err)
			}
			b.fail = tt.bus
			service := "service"
			if tt.service != "" {
				service = tt.service
			}
			got, err := api.Call[question, answer](t.Context(), b, service, question{"ann"})
			if logged != tt.logged { //nolint:errorlint // the very same is to be logged
				t.Errorf("logged %v, want %v", logged, tt.logged)
			}
			if tt.want == nil && tt.is == nil {
				if err != nil || got.Text != "hello ann" {
					t.Errorf("got %+v, %v", got, err)
				}
				return
			}
			if err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), service) {
				t.Errorf("error is %v", err)
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("error is %v, want one that wraps %v", err, tt.is)
			}
			e, ok := errors.AsType[*chat.Error](err)
			if ok != (tt.want != nil) || ok && *e != *tt.want {
				t.Errorf("error is %+v, want %+v", e, tt.want)
			}
		})
	}
}

// TestOtherForms has a request and a reply that are not of the service's form.
func TestOtherForms(t *testing.T) {
	b := &local{}
	asked := false
	_, err := api.Handle(t.Context(), b, "service", nil, func(context.Context, question) (answer, error) {
		asked = true
		return answer{}, errors.New("nobody logs this")
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := api.Call[[]int, answer](t.Context(), b, "service", []int{1}); chat.CodeOf(err) != chat.CodeBadRequest || asked {
		t.Errorf("another request: %v; the handler was called: %v", err, asked)
	}
	if _, err := api.Call[question, answer](t.Context(), b, "service", question{}); chat.CodeOf(err) != chat.CodeInternal || !asked {
		t.Errorf("without a log: %v", err)
	}
	b.serving["service"] = func(context.Context, []byte) ([]byte, error) { return []byte("["), nil }
	if _, err := api.Call[question, answer](t.Context(), b, "service", question{}); err == nil || !strings.Contains(err.Error(), "decode reply of service") {
		t.Errorf("another reply: %v", err)
	}
	if _, err := api.Call[chan int, answer](t.Context(), b, "service", nil); err == nil {
		t.Error("what cannot be encoded was asked")
	}
	b.fail = bus.ErrClosed
	if _, err := api.Handle(t.Context(), b, "service", nil, func(context.Context, question) (answer, error) { return answer{}, nil }); !errors.Is(err, bus.ErrClosed) {
		t.Errorf("serving on a closed bus: %v", err)
	}
}
