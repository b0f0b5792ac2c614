package mail

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

const (
	// maxQueued is how many jobs wait to be looked at, and how many letters wait to be tried again.
	maxQueued = 1000
	firstWait = time.Second // before a letter is tried again; doubled each time
	longWait  = 5 * time.Minute
)

// Job writes the letters that somebody is to get. One that fails is tried again as a letter is.
type Job struct {
	Until time.Time // after this time it is of no use
	Write func(context.Context) ([]Letter, error)
	// Over is called when all is done that can be: not if the queue ends before. nil: nobody wants
	// to know.
	Over func()
}

// Queue does jobs and sends letters one after the other, while those who want them sent go on. Its
// methods are safe for concurrent use.
type Queue struct {
	send    func(context.Context, Letter) error
	jobs    chan Job
	waiting atomic.Int64 // what Run tries again later
	log     *zap.Logger
	done    func(outcome string)
}

// NewQueue returns a queue for a function such as Server.Send. done is told what became of each
// letter: sent, refused, late or dropped.
func NewQueue(send func(context.Context, Letter) error, log *zap.Logger, done func(outcome string)) *Queue {
	return &Queue{send: send, jobs: make(chan Job, maxQueued), log: log, done: done}
}

// Add takes a job, and returns at once; false: there are too many.
func (q *Queue) Add(j Job) bool {
	select {
	case q.jobs <- j:
		return true
	default:
		return false
	}
}

// Waiting returns how many jobs and letters wait to be done, or to be tried again.
func (q *Queue) Waiting() int { return len(q.jobs) + int(q.waiting.Load()) }

// item is what is to be tried again.
type item struct {
	job   Job
	at    time.Time
	tries int
}

// over notes that one of the letters of a job is done.
func (j Job) over() {
	if j.Over != nil {
		j.Over()
	}
}

// Run sends until ctx ends. It gives up a letter that it is about to send then; what waits is not
// sent: its Over is not called.
func (q *Queue) Run(ctx context.Context) error {
	var waiting []item
	for {
		q.waiting.Store(int64(len(waiting)))
		var timer <-chan time.Time
		next := earliest(waiting)
		if next >= 0 {
			timer = time.After(time.Until(waiting[next].at))
		}
		jobs := q.jobs
		if len(waiting) >= maxQueued {
			jobs = nil
		}
		var now item
		select {
		case <-ctx.Done():
			if n := len(waiting) + len(q.jobs); n > 0 {
				q.log.Info("stopping with letters that wait; the next process sends them", zap.Int("letters", n))
			}
			return nil
		case j := <-jobs:
			now = item{job: j}
		case <-timer:
			now = waiting[next]
			waiting = append(waiting[:next], waiting[next+1:]...)
		}
		waiting = append(waiting, q.work(ctx, now)...)
	}
}

func earliest(all []item) int {
	first := -1
	for i, it := range all {
		if first < 0 || it.at.Before(all[first].at) {
			first = i
		}
	}
	return first
}

// work does a job, and returns what is left of it to do.
func (q *Queue) work(ctx context.Context, it item) (left []item) {
	if !it.job.Until.IsZero() && time.Now().After(it.job.Until) {
		q.log.Warn("gave a letter up that could not be sent in time")
		q.done("late")
		it.job.over()
		return nil
	}
	letters, err := it.job.Write(ctx)
	if err != nil {
		q.log.Warn("a letter cannot be written yet; trying again", zap.Error(err))
		return []item{again(it)}
	}
	rest := len(letters) // of the job that are not over
	one := func() {
		if rest--; rest == 0 {
			it.job.over()
		}
	}
	if rest == 0 {
		it.job.over()
	}
	for _, l := range letters {
		switch err := q.send(ctx, l); {
		case err == nil:
			q.done("sent")
			one()
		case errors.Is(err, ErrRefused):
			q.log.Warn("the mail server refused a letter", zap.Error(err))
			q.done("refused")
			one()
		case ctx.Err() != nil:
			q.done("dropped")
		default:
			q.log.Warn("a letter cannot be sent yet; trying again", zap.Error(err), zap.Int("tries", it.tries+1))
			once := item{tries: it.tries, job: Job{Until: l.Until, Over: one, Write: func(context.Context) ([]Letter, error) { return []Letter{l}, nil }}}
			left = append(left, again(once))
		}
	}
	return left
}

func again(it item) item {
	it.at = time.Now().Add(min(firstWait<<min(it.tries, 10), longWait))
	it.tries++
	return it
}
