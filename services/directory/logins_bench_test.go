package directory

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/bus/membus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/names"
	"hubbub.internal/services/directory/store"
	"hubbub.internal/services/directory/store/sqlite"
)

// shipped is the configuration as it is shipped, where a benchmark depends on it.
func shipped() Config {
	c := config()
	c.HashMemory, c.HashTime, c.HashParallel, c.LoginAttempts, c.AccountRate = 19456, 2, 2, 10, 1_000_000
	c.AccountDay = 1_000_000
	return c
}

// entrance is a service whose users log in by HTTP, as fast as the machine can.
type entrance struct {
	*Service
	b *testing.B
}

// newEntrance returns a service on a file, with so many users, who all have the password correct
// horse.
func newEntrance(b *testing.B, users int) *entrance {
	b.Helper()
	kept, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "directory.db"), nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = kept.Close() })
	bus := membus.NewServer(membus.Options{}).Open()
	b.Cleanup(func() { _ = bus.Close() })
	s, err := New(shipped(), Deps{Bus: bus, Store: kept, Log: zap.NewNop()})
	if err != nil {
		b.Fatal(err)
	}
	if !s.prepare(b.Context()) {
		b.Fatal("not prepared")
	}
	hash, err := s.passwords.hasher.Hash("correct horse")
	if err != nil {
		b.Fatal(err)
	}
	for i := range users {
		name := fmt.Sprint("user", i)
		u := store.User{ID: chat.NewID(), Name: name, NameKey: names.Key(name), Looks: names.LooksOf(name), Hash: hash, Created: 1}
		if err := kept.CreateUser(b.Context(), u); err != nil {
			b.Fatal(err)
		}
	}
	return &entrance{s, b}
}

// post returns the status of an answer and how long it took.
func (e *entrance) post(path, body, address, cookie string) (status int, took time.Duration, cookies []*http.Cookie) {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.RemoteAddr = address + ":1"
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	rec := httptest.NewRecorder()
	start := time.Now()
	e.Handler().ServeHTTP(rec, r)
	return rec.Code, time.Since(start), rec.Result().Cookies()
}

func (e *entrance) login(user int, address, cookie string) (took time.Duration, cookies []*http.Cookie) {
	status, took, cookies := e.post("/v1/login", fmt.Sprintf(`{"name":"user%d","password":"correct horse"}`, user), address, cookie)
	if status != http.StatusOK {
		e.b.Errorf("a log-in is answered %d", status)
	}
	return took, cookies
}

// residentMemory returns the memory of this process in bytes.
func residentMemory(b *testing.B) int {
	b.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Skip("needs /proc")
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		b.Fatal(err)
	}
	return pages * os.Getpagesize()
}

func report(b *testing.B, what string, took []time.Duration) {
	b.Helper()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Milliseconds()), what+"-p99-ms")
	b.ReportMetric(float64(took[len(took)-1].Milliseconds()), what+"-max-ms")
}

// BenchmarkTwentyLogins logs 20 people in at the same moment, from as many addresses.
func BenchmarkTwentyLogins(b *testing.B) {
	e := newEntrance(b, 20)
	before := residentMemory(b)
	peak := before
	var mu sync.Mutex
	var took []time.Duration
	processor := processorTime(b)
	for b.Loop() {
		var wait sync.WaitGroup
		for i := range 20 {
			wait.Go(func() {
				d, _ := e.login(i, fmt.Sprint("192.0.2.", i), "")
				mu.Lock()
				defer mu.Unlock()
				took, peak = append(took, d), max(peak, residentMemory(b))
			})
		}
		wait.Wait()
		e.passwords.succeeded = newThrottle(1_000_000, time.Minute)
	}
	report(b, "login", took)
	b.ReportMetric(float64((processorTime(b)-processor).Milliseconds())/float64(len(took)), "cpu-ms/login")
	b.ReportMetric(float64(peak-before)/(1<<20), "more-MiB")
}

// BenchmarkKnownDevice logs somebody in with the right password, from a known device, while
// others send 1,000 wrong ones a second for the same name, from everywhere.
func BenchmarkKnownDevice(b *testing.B) {
	e := newEntrance(b, 1)
	_, cookies := e.login(0, "192.0.2.1", "")
	cookie := cookies[0].Name + "=" + cookies[0].Value
	done := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			case <-tick.C:
				// Of half of them the name is another, so that the limit of the name does not spare
				// the hashes.
				name := []string{"user0", fmt.Sprint("user", i)}[i%2]
				wait.Go(func() {
					e.post("/v1/login", fmt.Sprintf(`{"name":%q,"password":"wrong horse"}`, name), fmt.Sprintf("198.51.%d.%d", i/250%250, i%250), "")
				})
			}
		}
	})
	time.Sleep(2 * time.Second)
	var took []time.Duration
	for b.Loop() {
		d, _ := e.login(0, "192.0.2.1", cookie)
		took = append(took, d)
		e.passwords.succeeded = newThrottle(1_000_000, time.Minute)
	}
	close(done)
	wait.Wait()
	report(b, "login", took)
}

// BenchmarkManyOfOne has one person log in 64 times at once, and measures another who logs in
// meanwhile, and what sessions are left.
func BenchmarkManyOfOne(b *testing.B) {
	e := newEntrance(b, 2)
	var took []time.Duration
	for b.Loop() {
		e.passwords.succeeded = newThrottle(shipped().LoginAttempts*successFactor, time.Minute)
		var wait sync.WaitGroup
		for range 64 {
			wait.Go(func() { e.post("/v1/login", `{"name":"user0","password":"correct horse"}`, "198.51.100.1", "") })
		}
		time.Sleep(20 * time.Millisecond)
		d, _ := e.login(1, "192.0.2.1", "")
		took = append(took, d)
		wait.Wait()
	}
	report(b, "other", took)
	u, err := e.store.UserByName(b.Context(), "user0")
	if err != nil {
		b.Fatal(err)
	}
	live, err := e.logins.liveSessions(b.Context(), u.ID)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(len(live)), "sessions")
}

// BenchmarkGuest measures the processor's time that a guest costs who comes in.
func BenchmarkGuest(b *testing.B) {
	e := newEntrance(b, 0)
	before := processorTime(b)
	n := 0
	for b.Loop() {
		if status, _, _ := e.post("/v1/guest", fmt.Sprintf(`{"name":"Gus%d"}`, n), "192.0.2.1", ""); status != http.StatusOK {
			b.Fatalf("a guest is answered %d", status)
		}
		n++
	}
	b.ReportMetric(float64((processorTime(b)-before).Microseconds())/float64(n), "cpu-µs/guest")
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
