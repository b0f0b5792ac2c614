package swarm

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"hubbub.internal/services/hubbub/rigs/edgebench/dialect"
)

// Talk says what is said, by whom, and to how many.
type Talk struct {
	Senders []int // clients that speak in turn, each in its room
	Fan     int   // clients that get each message, the one who said it among them
	Size    int   // bytes of a text
}

// Heard is what came of a talk.
type Heard struct {
	Said      int64 // messages
	Delivered int64 // messages, to all clients together
	Bytes     int64 // read from sockets meanwhile
	Lost      int64 // deliveries that have not come
	// from the time at which a message was to be said until it was read; 0: none came
	P50, P99 time.Duration
	Took     time.Duration
}

func (s *Swarm) begin(sample bool) Counts {
	s.latency.Reset()
	s.sample = sample
	return s.counts
}

func (s *Swarm) heard(before Counts, said int64, took time.Duration) Heard {
	us := func(q float64) time.Duration { return time.Duration(s.latency.ValueAtQuantile(q)) * time.Microsecond }
	return Heard{
		Said: said, Delivered: s.counts.Delivered - before.Delivered, Bytes: s.counts.Bytes - before.Bytes,
		P50: us(50), P99: us(99), Took: took,
	}
}

// Steady says rate messages per second for so long, whether or not the server keeps up, and waits
// until all have arrived. A message that is said late counts from when it was due. The time that
// Heard tells includes the wait.
func (s *Swarm) Steady(t Talk, rate float64, duration time.Duration) (Heard, error) {
	before := s.begin(false)
	every := float64(time.Second) / rate
	total := int64(duration.Seconds() * rate)
	began, said := nanos(), int64(0)
	for said < total {
		due := began + int64(float64(said+1)*every)
		if wait := due - nanos(); wait > 0 {
			if err := s.arm(wait); err != nil {
				return Heard{}, err
			}
			if err := s.poll(1000); err != nil {
				return Heard{}, err
			}
			continue
		}
		if err := s.speak(t, said, due); err != nil {
			return Heard{}, err
		}
		said++
		if err := s.poll(0); err != nil {
			return Heard{}, err
		}
	}
	want := before.Delivered + said*int64(t.Fan)
	if err := s.drain(want); err != nil {
		return Heard{}, err
	}
	h := s.heard(before, said, time.Duration(nanos()-began))
	h.Lost = want - s.counts.Delivered
	return h, s.sound()
}

// Flood says as much as the server delivers: on average window messages that were said have not
// arrived everywhere. What is heard is what arrived within the duration; at its end ended is
// called, before what is still on its way is awaited.
func (s *Swarm) Flood(t Talk, window int, duration time.Duration, ended func()) (Heard, error) {
	before := s.begin(true)
	start := nanos()
	said := int64(0)
	for {
		now := nanos()
		if now-start >= int64(duration) {
			break
		}
		for said-(s.counts.Delivered-before.Delivered)/int64(t.Fan) < int64(window) {
			if err := s.speak(t, said, nanos()); err != nil {
				return Heard{}, err
			}
			said++
		}
		if err := s.poll(10); err != nil {
			return Heard{}, err
		}
	}
	h := s.heard(before, said, time.Duration(nanos()-start))
	ended()
	want := before.Delivered + said*int64(t.Fan)
	if err := s.drain(want); err != nil {
		return Heard{}, err
	}
	h.Lost = want - s.counts.Delivered
	return h, s.sound()
}

func (s *Swarm) speak(t Talk, n, at int64) error {
	i := t.Senders[n%int64(len(t.Senders))]
	return s.say(i, s.d.Publish(s.conns[i].room, dialect.Text(at, t.Size)))
}

// drain waits until so much was delivered, or nothing more comes.
func (s *Swarm) drain(want int64) error {
	last, since := s.counts.Delivered, nanos()
	for s.counts.Delivered < want && nanos()-since < int64(s.settle) {
		if err := s.poll(10); err != nil {
			return err
		}
		if s.counts.Delivered != last {
			last, since = s.counts.Delivered, nanos()
		}
	}
	return nil
}

// sound reports errors that the server told.
func (s *Swarm) sound() error {
	if s.counts.Failed > 0 {
		return fmt.Errorf("the server answers %d times like %q", s.counts.Failed, s.counts.Failure)
	}
	return nil
}

// arm has poll return after so many nanoseconds, however little happens.
func (s *Swarm) arm(ns int64) error {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(max(ns, 1))}
	if err := unix.TimerfdSettime(s.timer, 0, &spec, nil); err != nil {
		return fmt.Errorf("timer: %w", err)
	}
	return nil
}
