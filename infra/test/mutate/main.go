// Command mutate puts small faults into packages, one at a time, runs their tests, and prints how
// many the tests noticed, and which they did not. The files stay unchanged: an overlay gives the
// compiler the faulty one.
//
// It knows no package of Hubbub and needs nothing but the go command. gremlins
// (github.com/go-gremlins/gremlins, v0.6.0) was tried first: it copies one module to another
// folder, where the relative replace lines of our modules lead nowhere, and counts the failed build
// as a fault that was caught; it drops no statements, and tries all faults or none.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

type options struct {
	count    int
	seed     uint64
	jobs     int
	budget   time.Duration
	least    int
	run      string
	skip     string
	tests    string
	patterns []string
	out      io.Writer
}

func main() {
	o := options{out: os.Stdout}
	flag.IntVar(&o.count, "count", 100, "number of faults to try, drawn at random; 0: all")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the draw: the same seed draws the same faults")
	flag.IntVar(&o.jobs, "jobs", runtime.NumCPU(), "faults that are tried at the same time")
	flag.DurationVar(&o.budget, "budget", 0, "time after which no further fault is tried; 0: no limit")
	flag.IntVar(&o.least, "least", 0, "percentage that has to be caught, or the exit code is 1")
	flag.StringVar(&o.run, "run", "", "only tests that match, as for go test")
	flag.StringVar(&o.skip, "skip", "", "no tests that match, as for go test")
	flag.StringVar(&o.tests, "tests", "", "packages, separated by commas, whose tests are run too")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: mutate [flags] package...")
		flag.PrintDefaults()
	}
	flag.Parse()
	o.patterns = flag.Args()
	if len(o.patterns) == 0 || o.count < 0 || o.jobs < 1 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	result, err := mutate(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
	if result.percent() < o.least {
		fmt.Fprintf(os.Stderr, "mutate: fewer than %d %% were caught\n", o.least)
		os.Exit(1)
	}
}

// score counts faults.
type score struct{ caught, survived int }

func (s score) percent() int {
	if s.caught+s.survived == 0 {
		return 100
	}
	return 100 * s.caught / (s.caught + s.survived)
}

func (s score) String() string {
	return fmt.Sprintf("%3d %% caught: %d of %d", s.percent(), s.caught, s.caught+s.survived)
}

// drawn is a fault and the package that it is for.
type drawn struct {
	*target
	fault
}

// mutate tries faults and prints the outcomes.
func mutate(ctx context.Context, o options) (score, error) {
	var total score
	tests := strings.FieldsFunc(o.tests, func(r rune) bool { return r == ',' })
	targets, err := load(ctx, o, tests)
	if err != nil {
		return total, err
	}
	var all []drawn
	for _, t := range targets {
		for _, f := range t.faults {
			all = append(all, drawn{t, f})
		}
	}
	fmt.Fprintf(o.out, "%d faults can be put into %d packages; seed %d\n", len(all), len(targets), o.seed)
	rand.New(rand.NewPCG(o.seed, 0)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })

	r := &runner{options: o, left: all, scores: map[string]*score{}, measured: map[*target]func() error{}}
	for _, t := range targets {
		r.measured[t] = sync.OnceValue(func() error { return t.measure(ctx, o) })
	}
	if o.budget > 0 {
		r.deadline = time.Now().Add(o.budget)
	}
	if err := r.all(ctx); err != nil {
		return total, err
	}
	for _, path := range slices.Sorted(maps.Keys(r.scores)) {
		s := r.scores[path]
		total.caught, total.survived = total.caught+s.caught, total.survived+s.survived
		fmt.Fprintf(o.out, "%s  %s\n", s, path)
	}
	fmt.Fprintf(o.out, "%s  in all\n", total)
	return total, nil
}

// runner tries the faults that are left, several at a time.
type runner struct {
	options
	deadline time.Time
	measured map[*target]func() error

	mu     sync.Mutex
	left   []drawn
	tried  int // or being tried, without those that the compiler refused
	scores map[string]*score
	failed error
}

// all tries faults until enough have been tried.
func (r *runner) all(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wait sync.WaitGroup
	for range r.jobs {
		wait.Go(func() {
			if err := r.work(ctx); err != nil {
				r.mu.Lock()
				if r.failed == nil {
					r.failed = err
				}
				r.mu.Unlock()
				cancel()
			}
		})
	}
	wait.Wait()
	return r.failed
}

func (r *runner) work(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	for {
		d, ok := r.next()
		if !ok {
			return nil
		}
		if err := r.measured[d.target](); err != nil {
			return err
		}
		what, err := d.try(ctx, r.options, d.fault, dir)
		if err != nil {
			return err
		}
		r.note(d, what)
	}
}

// next returns the next fault; false: no further one is to be tried.
func (r *runner) next() (drawn, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	late := !r.deadline.IsZero() && time.Now().After(r.deadline)
	if len(r.left) == 0 || r.count > 0 && r.tried >= r.count || late || r.failed != nil {
		return drawn{}, false
	}
	d := r.left[0]
	r.left = r.left[1:]
	r.tried++
	return d, true
}

func (r *runner) note(d drawn, what outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.scores[d.path]
	if s == nil {
		s = &score{}
		r.scores[d.path] = s
	}
	switch what {
	case caught:
		s.caught++
	case refused:
		r.tried--
	case survived:
		s.survived++
		fmt.Fprintf(r.out, "survived: %s\n", d.describe())
	}
}

// describe returns where a fault is and what it changes.
func (d drawn) describe() string {
	source, err := os.ReadFile(d.file)
	if err != nil {
		return err.Error()
	}
	path := d.file
	if here, err := os.Getwd(); err == nil {
		if p, err := filepath.Rel(here, path); err == nil {
			path = p
		}
	}
	line := func(b []byte) string {
		all := strings.Split(string(b), "\n")
		return strings.TrimSpace(all[min(d.line, len(all))-1])
	}
	return fmt.Sprintf("%s:%d: %s\n\t- %s\n\t+ %s", path, d.line, d.kind, line(source), line(d.apply(source)))
}
