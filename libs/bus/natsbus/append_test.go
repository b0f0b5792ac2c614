package natsbus

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"hubbub.internal/libs/bus"
)

// outgoing is an appender without a server: a test asks it what it would send, at times of the
// test's.
type outgoing struct {
	*appender
	t     *testing.T
	start time.Time
	adds  int
	ends  []error // of the appends that ended, in that order
}

func newOutgoing(t *testing.T) *outgoing {
	t.Helper()
	d, err := New(Config{}, nil, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	d.appends = newAppender(d)
	return &outgoing{appender: d.appends, t: t, start: time.Now()}
}

// say appends so many entries of so many bytes.
func (o *outgoing) say(n, size int) (err error) {
	for range n {
		o.adds++
		e := bus.NewEntry{Room: "room", Sender: "ann", ID: fmt.Sprint("id", o.adds), Data: make([]byte, size)}
		if err = o.add(e, func(_ bus.Appended, err error) { o.ends = append(o.ends, err) }); err != nil {
			return err
		}
	}
	return nil
}

// sends checks which appends go out and which are given up, after so much time, and returns the
// former.
func (o *outgoing) sends(after time.Duration, send, late int) []*pending {
	o.t.Helper()
	out, old, busy := o.due(o.start.Add(after))
	if len(out) != send || len(old) != late {
		o.t.Errorf("after %s: %d appends are sent and %d given up, want %d and %d", after, len(out), len(old), send, late)
	}
	if left := len(o.queue) + len(o.inFlight); busy != (left > 0) {
		o.t.Errorf("after %s: %d appends are left, and busy is %t", after, left, busy)
	}
	return out
}

// TestAppendIsSentAgain: an append without an answer goes out again, each time after twice as long
// as before and at most after appendAttemptMax, and is given up at its deadline.
func TestAppendIsSentAgain(t *testing.T) {
	t.Parallel()
	o := newOutgoing(t)
	if err := o.say(1, 1); err != nil {
		t.Fatal(err)
	}
	o.sends(0, 1, 0)
	last := time.Duration(0)
	for _, wait := range []time.Duration{appendAttempt, 2 * appendAttempt, 4 * appendAttempt, appendAttemptMax} {
		o.sends(last+wait, 0, 0)
		last += wait + time.Millisecond
		o.sends(last, 1, 0)
	}
	o.sends(bus.AppendTimeout, 0, 1)
	o.sends(bus.AppendTimeout+time.Hour, 0, 0)
}

// TestResend: after resend everything in flight goes out at once, and only once.
func TestResend(t *testing.T) {
	t.Parallel()
	o := newOutgoing(t)
	if err := o.say(3, 1); err != nil {
		t.Fatal(err)
	}
	o.sends(0, 3, 0)
	o.sends(time.Millisecond, 0, 0)
	o.resend()
	select {
	case <-o.wake:
	default:
		t.Error("nobody is told of it")
	}
	o.sends(2*time.Millisecond, 3, 0)
	o.sends(3*time.Millisecond, 0, 0)
}

// TestWindow: no more than window appends are in flight, the others wait in order, and too many
// that are late are all given up.
func TestWindow(t *testing.T) {
	t.Parallel()
	o := newOutgoing(t)
	if err := o.say(2*window+2, 7); err != nil {
		t.Fatal(err)
	}
	out := o.sends(0, window, 0)
	if out[0].token != 1 || out[window-1].token != window {
		t.Errorf("the first are %d to %d", out[0].token, out[window-1].token)
	}
	o.finish(out[5], bus.Appended{Seq: 1}, nil)
	if len(o.wake) == 0 {
		t.Error("nobody is told that there is room in the window")
	}
	if next := o.sends(time.Millisecond, 1, 0); next[0].token != window+1 {
		t.Errorf("then comes %d", next[0].token)
	}
	// What waits has waited for too long as well: it is told as failed, and not sent any more,
	// except the last, which came later.
	o.queue[len(o.queue)-1].deadline = time.Now().Add(time.Hour)
	if last := o.sends(bus.AppendTimeout, 1, 2*window); last[0].token != 2*window+2 {
		t.Errorf("of those that waited %d is sent", last[0].token)
	}
	o.sends(2*time.Hour, 0, 1)
	if o.bytes != 0 || o.queue != nil {
		t.Errorf("nothing is left of %d bytes and a queue of %d", o.bytes, len(o.queue))
	}
}

// TestTooManyAppends: more entries or bytes than the limits fail at once, until others have ended.
func TestTooManyAppends(t *testing.T) {
	t.Parallel()
	o := newOutgoing(t)
	full := func(what string, size int, want bool) {
		t.Helper()
		if err := o.say(1, size); want != errors.Is(err, bus.ErrUnavailable) || !want && err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	o.bytes = maxQueuedBytes - 10 // of others
	full("exactly as many bytes as fit", 10, false)
	full("one byte too many", 1, true)
	full("no bytes at all", 0, false)
	out := o.sends(0, 2, 0)
	o.finish(out[0], bus.Appended{Seq: 1}, nil)
	full("after one has ended", 10, false)
	full("and one byte more", 1, true)
	o.bytes = 0
	o.queue = slices.Grow(o.queue, maxQueued)[:maxQueued-len(o.inFlight)-1]
	full("the last one that fits", 0, false)
	full("one too many", 0, true)
}

// TestAppendEndsOnce: of an append that was given up, or acknowledged before, a later
// acknowledgement is nothing.
func TestAppendEndsOnce(t *testing.T) {
	t.Parallel()
	o := newOutgoing(t)
	if err := o.say(2, 1); err != nil {
		t.Fatal(err)
	}
	out := o.sends(0, 2, 0)
	o.finish(out[0], bus.Appended{Seq: 1}, nil)
	o.finish(out[0], bus.Appended{Seq: 1, Duplicate: true}, nil)
	if len(o.ends) != 1 || o.ends[0] != nil || o.bytes != 1 {
		t.Errorf("the first ended with %v, and %d bytes are left", o.ends, o.bytes)
	}
	o.sends(bus.AppendTimeout, 0, 1)
	o.finish(out[1], bus.Appended{Seq: 2}, nil)
	if len(o.ends) != 1 || o.bytes != 0 {
		t.Errorf("what was given up ended once more: %v, and %d bytes are left", o.ends, o.bytes)
	}
}

// TestAnswersToAppends: what the server answers ends an append, or lets it go out again soon.
func TestAnswersToAppends(t *testing.T) {
	t.Parallel()
	o := newOutgoing(t)
	if err := o.say(1, 1); err != nil {
		t.Fatal(err)
	}
	p := o.sends(0, 1, 0)[0]
	answer := func(reply, data string, headers nats.Header) {
		o.acknowledged(&nats.Msg{Subject: reply, Data: []byte(data), Header: headers})
	}
	answer(o.prefix+"not a number!", `{"seq":1}`, nil)
	answer(o.prefix+"zzz", `{"seq":1}`, nil) // of nobody's
	for data, want := range map[string]string{
		"nonsense": "acknowledgement",
		`{"error":{"code":503,"err_code":10008,"description":"no leader"}}`:                  "no leader (10008)",
		`{"error":{"code":400,"err_code":10158,"description":"duplicate id is in process"}}`: "duplicate id is in process (10158)",
	} {
		p.why, p.next = nil, time.Now().Add(time.Hour)
		answer(p.msg.Reply, data, nil)
		if soon := time.Until(p.next); len(o.ends) > 0 || p.why == nil || soon > time.Minute || !strings.Contains(p.why.Error(), want) {
			t.Errorf("%s: why is %v, it goes out again in %s, and has ended with %v", data, p.why, soon, o.ends)
		}
	}
	p.next = time.Now().Add(time.Hour)
	answer(p.msg.Reply, "", nats.Header{headerStatus: {"503"}}) // no stream
	if len(o.b.gone) != 1 || time.Until(p.next) > time.Minute || !strings.Contains(p.why.Error(), "status 503") {
		t.Errorf("without a stream: looks are %d, why is %v", len(o.b.gone), p.why)
	}
	answer(p.msg.Reply, `{"stream":"HUB","seq":17}`, nil)
	if len(o.ends) != 1 || o.ends[0] != nil {
		t.Errorf("it ended with %v", o.ends)
	}
}

// TestFullAnswers: whatever the server says it has no room in, the append ends at once, as one to a
// full log, and the log is trimmed soon.
func TestFullAnswers(t *testing.T) {
	t.Parallel()
	for _, code := range []int{10077, 10023, 10047, 10002, 10028} {
		o, asked := newOutgoing(t), 0
		o.b.host.TrimSoon = func() { asked++ }
		if err := o.say(1, 1); err != nil {
			t.Fatal(err)
		}
		p := o.sends(0, 1, 0)[0]
		o.acknowledged(&nats.Msg{Subject: p.msg.Reply, Data: fmt.Appendf(nil, `{"error":{"code":503,"err_code":%d,"description":"no room"}}`, code)})
		if len(o.ends) != 1 || !errors.Is(o.ends[0], bus.ErrFull) || asked != 1 {
			t.Errorf("%d: it ended with %v, and a trim was asked for %d times", code, o.ends, asked)
		}
	}
}

// TestCloseEndsAppends: closing fails what waits and what is in flight, and takes no more.
func TestCloseEndsAppends(t *testing.T) {
	t.Parallel()
	o := newOutgoing(t)
	if err := o.say(window+3, 1); err != nil {
		t.Fatal(err)
	}
	out := o.sends(0, window, 0)
	o.close()
	if len(o.ends) != window+3 || slices.ContainsFunc(o.ends, func(err error) bool { return !errors.Is(err, bus.ErrClosed) }) {
		t.Errorf("%d appends ended", len(o.ends))
	}
	o.finish(out[0], bus.Appended{Seq: 1}, nil)
	if len(o.ends) != window+3 {
		t.Error("one ended twice")
	}
	if err := o.say(1, 1); !errors.Is(err, bus.ErrClosed) {
		t.Errorf("one more: %v", err)
	}
}
