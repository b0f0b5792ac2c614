package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestEnvironmentBeforeFile: the environment goes before the file that it names, and a secret keeps
// all but its line's end.
func TestEnvironmentBeforeFile(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "bus")
	if err := os.WriteFile(secret, []byte(" redis://file \r\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HUBBUB_BUS_FILE", secret)
	for env, want := range map[string]string{"": " redis://file ", "redis://env": "redis://env"} {
		t.Setenv("HUBBUB_BUS", env)
		var cfg program
		if _, _, err := parse("prog", "A program.", &cfg, nil); err != nil || cfg.Bus != want {
			t.Errorf("with %q in the environment the bus is %q, want %q: %v", env, cfg.Bus, want, err)
		}
	}
	var cfg program
	if _, _, err := parse("prog", "A program.", &cfg, []string{"--bus", "redis://flag"}); err != nil || cfg.Bus != "redis://flag" {
		t.Errorf("with a flag the bus is %q: %v", cfg.Bus, err)
	}
}

// TestReadiness follows a process from its start to its end: it is ready only in between, and says
// everything that it lacks.
func TestReadiness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var wrong [2]error
		slow := false
		var p *Process
		hold, ended := make(chan struct{}), make(chan error, 1)
		go func() {
			ended <- Run(ctx, "prog", Config{LogLevel: "error"}, func(_ context.Context, process *Process) error {
				p = process
				p.Check("store", func(context.Context) error { return wrong[0] })
				p.Check("bus", func(ctx context.Context) error {
					if slow {
						<-ctx.Done()
						return ctx.Err()
					}
					return wrong[1]
				})
				p.Go("one", func(ctx context.Context) error {
					<-ctx.Done()
					<-hold
					return nil
				})
				if err := p.Ready(t.Context()); err == nil || err.Error() != "starting" {
					t.Errorf("while it starts: %v", err)
				}
				return nil
			})
		}()
		synctest.Wait()
		if err := p.Ready(t.Context()); err != nil {
			t.Errorf("when it has started: %v", err)
		}
		wrong = [2]error{errors.New("no disk"), errors.New("no route")}
		if err := p.Ready(t.Context()); err == nil || err.Error() != "bus: no route\nstore: no disk" {
			t.Errorf("with two things wrong: %v", err)
		}
		wrong[1] = nil
		if err := p.Ready(t.Context()); err == nil || err.Error() != "store: no disk" {
			t.Errorf("with one thing wrong: %v", err)
		}
		wrong[0], slow = nil, true
		began := time.Now()
		if err := p.Ready(t.Context()); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != checkTimeout {
			t.Errorf("with a check that hangs: %v after %s", err, time.Since(began))
		}
		slow = false
		cancel() // as a signal does
		if err := p.Ready(t.Context()); err == nil || err.Error() != "stopping" {
			t.Errorf("right after the signal: %v", err)
		}
		synctest.Wait()
		if err := p.Ready(t.Context()); err == nil || err.Error() != "stopping" {
			t.Errorf("while it stops: %v", err)
		}
		close(hold)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestStopDelay: a process leaves the balance before anything in it ends; what has failed by
// itself is not waited for.
func TestStopDelay(t *testing.T) {
	for _, fails := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			const delay = 5 * time.Second
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var p *Process
			var asked, stopped time.Time
			ended := make(chan error, 1)
			fail := make(chan error, 1)
			go func() {
				ended <- Run(ctx, "prog", Config{LogLevel: "panic", StopDelay: delay}, func(_ context.Context, process *Process) error {
					p = process
					p.Go("one", func(ctx context.Context) error {
						select {
						case <-ctx.Done():
						case err := <-fail:
							return err
						}
						stopped = time.Now()
						return nil
					})
					return nil
				})
			}()
			synctest.Wait()
			asked = time.Now()
			if fails {
				fail <- errors.New("it fails")
				if err := <-ended; err == nil || time.Since(asked) != 0 {
					t.Errorf("after a failure it ended with %v, %s later", err, time.Since(asked))
				}
				return
			}
			cancel()
			synctest.Wait()
			if err := p.Ready(t.Context()); err == nil || err.Error() != "stopping" {
				t.Errorf("after the signal: %v", err)
			}
			if err := <-ended; err != nil || stopped.Sub(asked) != delay {
				t.Errorf("it ended with %v, and what runs in it %s after the signal", err, stopped.Sub(asked))
			}
		})
	}
}

// TestStopEndsWithTheFirstFailure: components end in each way: in what order they are stopped,
// and what Run returns.
func TestStopEndsWithTheFirstFailure(t *testing.T) {
	first, second := errors.New("first"), errors.New("second")
	for _, tt := range []struct {
		name string
		ends func(ctx context.Context) error // of the component in the middle
		stop func(cancel func())
		late error // of the one that is stopped last
		want error
	}{
		{name: "a signal", stop: func(cancel func()) { cancel() }},
		{name: "a component fails", ends: func(context.Context) error { return first }, want: first},
		{name: "a component fails, and another while it stops", ends: func(context.Context) error { return first }, late: second, want: first},
		{name: "a component ends", ends: func(context.Context) error { return nil }},
		{name: "a component is cancelled by somebody else", ends: func(context.Context) error { return context.Canceled }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var order []string
				err := Run(ctx, "prog", Config{LogLevel: "panic"}, func(_ context.Context, p *Process) error {
					p.Defer(func() { order = append(order, "bus") })
					p.Go("below", func(ctx context.Context) error {
						<-ctx.Done()
						time.Sleep(time.Second)
						order = append(order, "below")
						return tt.late
					})
					p.Go("middle", func(ctx context.Context) error {
						if tt.ends != nil {
							time.Sleep(time.Second)
							return tt.ends(ctx)
						}
						<-ctx.Done()
						return ctx.Err()
					})
					p.Go("above", func(ctx context.Context) error {
						<-ctx.Done()
						time.Sleep(time.Second)
						order = append(order, "above")
						return nil
					})
					if tt.stop != nil {
						time.AfterFunc(time.Second, func() { tt.stop(cancel) })
					}
					return nil
				})
				if !errors.Is(err, tt.want) || tt.want == nil && err != nil {
					t.Errorf("Run returned %v, want %v", err, tt.want)
				}
				if tt.want != nil && !strings.HasPrefix(fmt.Sprint(err), "middle: ") {
					t.Errorf("%v does not say which component it was", err)
				}
				if want := []string{"above", "below", "bus"}; !slices.Equal(order, want) {
					t.Errorf("stopped in the order %v, want %v", order, want)
				}
			})
		})
	}
}

// TestRequestsInHandAreAnswered stops a process while it answers a request.
func TestRequestsInHandAreAnswered(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	begun, answer := make(chan struct{}), make(chan struct{})
	addr := make(chan net.Addr, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, "prog", Config{LogLevel: "error"}, func(_ context.Context, p *Process) error {
			p.Defer(func() {
				select {
				case <-answer:
				default:
					t.Error("what the request needs was closed under it")
				}
			})
			a, err := p.Serve("127.0.0.1:0", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				close(begun)
				<-answer
				_, _ = fmt.Fprint(w, "done ", r.Context().Err())
			}))
			addr <- a
			return err
		})
	}()
	type outcome struct {
		text string
		err  error
	}
	got := make(chan outcome, 1)
	go func() {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		r, err := client.Get("http://" + (<-addr).String())
		if err != nil {
			got <- outcome{err: err}
			return
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		got <- outcome{string(b), err}
	}()
	<-begun
	cancel()
	// the server has begun to stop by then, or not: both are right
	time.AfterFunc(10*time.Millisecond, func() { close(answer) })
	if o := <-got; o.err != nil || o.text != "done <nil>" {
		t.Errorf("answered %q, %v", o.text, o.err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
