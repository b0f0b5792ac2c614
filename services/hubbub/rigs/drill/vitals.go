package drill

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"hubbub.internal/services/hubbub/rigs/cluster"
)

// vitals are the resources that a service holds, according to its ops port.
type vitals struct {
	Heap       int64 `json:"heap_bytes"` // after a collection
	Goroutines int64 `json:"goroutines"`
	Files      int64 `json:"files"` // open descriptors
}

// add returns the sum.
func (v vitals) add(o vitals) vitals {
	return vitals{v.Heap + o.Heap, v.Goroutines + o.Goroutines, v.Files + o.Files}
}

// vitalsOf reads the vitals of a service.
func vitalsOf(ctx context.Context, p *cluster.Process) (v vitals, err error) {
	// With gc=1 this page runs a garbage collection first.
	if err := ask(ctx, "http://"+p.Ops+"/debug/pprof/heap?gc=1&debug=1", func(string) {}); err != nil {
		return v, err
	}
	names := map[string]*int64{"go_memstats_heap_alloc_bytes": &v.Heap, "go_goroutines": &v.Goroutines, "process_open_fds": &v.Files}
	err = ask(ctx, "http://"+p.Ops+"/metrics", func(line string) {
		name, value, _ := strings.Cut(line, " ")
		if to := names[name]; to != nil {
			n, _ := strconv.ParseFloat(value, 64)
			*to = int64(n)
		}
	})
	return v, err
}

func ask(ctx context.Context, url string, each func(line string)) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		each(lines.Text())
	}
	_, _ = io.Copy(io.Discard, res.Body) // a line that is too long ends the scanner
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, res.Status)
	}
	return nil
}

// measure reads the vitals of all services.
func (s *stage) measure(ctx context.Context) (map[string]vitals, error) {
	all := make(map[string]vitals)
	var errs []error
	for _, p := range s.All() {
		if p.Ops == "" {
			continue
		}
		v, err := vitalsOf(ctx, p)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", p.Name, err))
			continue
		}
		all[p.Name] = v
	}
	return all, errors.Join(errs...)
}

// How much more than at the start a service may hold after a fault: one edge may have all sockets
// then, and rooms keep entries for clients that resume.
const (
	moreHeap       = 16 << 20
	moreGoroutines = 100
	moreFiles      = 50
	backWithin     = 30 * time.Second
)

// grown names the services that hold more than they may, compared with base; "": none.
func grown(base, now map[string]vitals, sockets int) string {
	var all []string
	for name, v := range now {
		b, ok := base[name]
		if !ok {
			continue
		}
		for _, q := range []struct {
			what            string
			was, is, margin int64
		}{
			{"bytes of heap", b.Heap, v.Heap, moreHeap},
			{"goroutines", b.Goroutines, v.Goroutines, moreGoroutines + 4*int64(sockets)},
			{"open files", b.Files, v.Files, moreFiles + 2*int64(sockets)},
		} {
			if q.is > q.was+q.margin {
				all = append(all, fmt.Sprintf("%s has %d %s, and had %d", name, q.is, q.what, q.was))
			}
		}
	}
	return strings.Join(all, ", ")
}

// back waits until no service holds more than it may, and returns what all hold together.
func (s *stage) back(ctx context.Context) (sum vitals, err error) {
	for deadline := time.Now().Add(backWithin); ; time.Sleep(time.Second) {
		now, err := s.measure(ctx)
		if err != nil {
			return sum, err
		}
		more := grown(s.base, now, s.crowd.Sockets())
		if more != "" && time.Now().Before(deadline) {
			continue
		}
		for _, v := range now {
			sum = sum.add(v)
		}
		if more != "" {
			return sum, errors.New(more)
		}
		return sum, nil
	}
}
