package e2e

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/client"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/hubbub/rigs/cluster"
)

const (
	neighbours = 10
	// every is how often each of them sends a message and reads a page.
	every = 250 * time.Millisecond
	// spell is how long they do so alone, and then beside the guest.
	spell = 5 * time.Second
	// hands is how many sockets, and how many HTTP requests at a time, the guest has.
	hands = 8
)

// BenchmarkNeighbours measures what a guest at full rate costs others, on `hubbub up` with its
// defaults: ten people send and read pages, alone and beside a guest who sends the longest texts,
// edits them and asks for pages, each as fast as the server takes it, over 8 sockets and 8 HTTP
// requests at a time. It reports the p50 and p99 of a send and of a page in milliseconds, and how
// many times as long the p99 is beside the guest. The guest runs on the same processors.
func BenchmarkNeighbours(b *testing.B) {
	for b.Loop() {
		up := cluster.Up(bin, b.TempDir())
		if err := up.Start(b.Context()); err != nil {
			b.Fatal(err)
		}
		people := make([]*neighbour, neighbours)
		for i := range people {
			people[i] = moveIn(b, "http://"+up.Addr)
		}
		var alone, beside spells
		for range 3 { // in turns, since other work on the machine comes and goes
			alone.live(b, people)
			ctx, leave := context.WithCancel(b.Context())
			guest := noise(ctx, b, "http://"+up.Addr)
			beside.live(b, people)
			leave()
			guest.Wait()
		}
		up.Stop()
		alone.report(b, "alone")
		beside.report(b, "beside")
		b.ReportMetric(ratio(beside.sends, alone.sends), "send-p99-ratio")
		b.ReportMetric(ratio(beside.pages, alone.pages), "page-p99-ratio")
	}
}

type neighbour struct {
	session *client.Session
	client  *client.Client
}

func moveIn(b *testing.B, url string) *neighbour {
	b.Helper()
	s, err := client.NewAPI(url, nil).Register(b.Context(), "n-"+chat.NewID()[24:], "correct horse")
	if err != nil {
		b.Fatal(err)
	}
	n := &neighbour{session: s, client: connect(b.Context(), b, url, s)}
	if _, err := n.client.Join(b.Context(), "lobby", nil); err != nil {
		b.Fatal(err)
	}
	return n
}

func connect(ctx context.Context, b *testing.B, url string, s *client.Session) *client.Client {
	b.Helper()
	c, err := client.Dial(ctx, client.Config{
		URL: "ws" + strings.TrimPrefix(url, "http") + "/v1/ws", Token: s.Token, TokenExpired: s.Expire, Handle: func(wire.Event) {},
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Close)
	return c
}

// spells are the times that sends and pages took.
type spells struct {
	mu           sync.Mutex
	sends, pages []time.Duration
	failed       int
}

// live lets the people send and read for one spell. A slow page delays no send.
func (s *spells) live(b *testing.B, people []*neighbour) {
	var all sync.WaitGroup
	until := time.Now().Add(spell)
	regularly := func(times *[]time.Duration, act func() error) {
		all.Go(func() {
			for due := time.Now(); due.Before(until); due = due.Add(every) {
				time.Sleep(time.Until(due))
				err := act()
				s.mu.Lock()
				*times = append(*times, time.Since(due))
				if err != nil {
					s.failed++
				}
				s.mu.Unlock()
			}
		})
	}
	for _, n := range people {
		regularly(&s.sends, func() error {
			_, err := n.client.Send(b.Context(), "lobby", "good morning")
			return err
		})
		regularly(&s.pages, func() error {
			_, err := n.client.History(b.Context(), "lobby", client.Query{Limit: 50})
			return err
		})
	}
	all.Wait()
}

func (s *spells) report(b *testing.B, when string) {
	for name, times := range map[string][]time.Duration{"send": s.sends, "page": s.pages} {
		b.ReportMetric(milliseconds(quantile(times, 50)), name+"-p50-ms-"+when)
		b.ReportMetric(milliseconds(quantile(times, 99)), name+"-p99-ms-"+when)
	}
	b.ReportMetric(float64(s.failed), "failed-"+when)
}

func quantile(times []time.Duration, percent int) time.Duration {
	slices.Sort(times)
	return times[(len(times)-1)*percent/100]
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func ratio(a, b []time.Duration) float64 { return float64(quantile(a, 99)) / float64(quantile(b, 99)) }

// noise lets a guest do what it can until ctx ends. Whatever the server refuses, it tries again at
// once.
func noise(ctx context.Context, b *testing.B, url string) *sync.WaitGroup {
	b.Helper()
	s, err := client.NewAPI(url, nil).Guest(ctx, "noise")
	if err != nil {
		b.Fatal(err)
	}
	var all sync.WaitGroup
	text := strings.Repeat("x", 16<<10)
	for range hands {
		c := connect(ctx, b, url, s)
		all.Go(func() {
			_, _ = c.Join(ctx, "lobby", nil)
			for ctx.Err() == nil {
				id := chat.NewID()
				_, _ = c.SendMessage(ctx, client.Message{Room: "lobby", ID: id, Text: text})
				for range 3 {
					_, _ = c.Edit(ctx, "lobby", id, text)
				}
			}
		})
		all.Go(func() {
			for ctx.Err() == nil {
				page(ctx, url, s)
			}
		})
	}
	return &all
}

func page(ctx context.Context, url string, s *client.Session) {
	token, err := s.Token(ctx)
	if err != nil {
		return
	}
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, url+"/v1/rooms/lobby/messages?limit=100", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	if w, err := http.DefaultClient.Do(r); err == nil {
		w.Body.Close()
	}
}
