// Package work runs jobs that may block: a fixed number of goroutines and a bounded queue, so that
// a flood of requests is refused and takes no memory. It does not know what the jobs do.
package work

import (
	"context"
	"sync"
)

// Pool runs jobs. Its methods are safe for concurrent use.
type Pool struct {
	jobs    chan func(context.Context)
	workers int
}

// New returns a pool of workers whose queue holds so many jobs.
func New(workers, queue int) *Pool {
	return &Pool{jobs: make(chan func(context.Context), queue), workers: workers}
}

// Do hands job to a worker, and returns without waiting; false: the queue is full. The job's
// context ends with Run's.
func (p *Pool) Do(job func(context.Context)) bool {
	select {
	case p.jobs <- job:
		return true
	default:
		return false
	}
}

// Run works until ctx ends and the jobs in hand have ended. What is queued then is dropped.
func (p *Pool) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for range p.workers {
		wg.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case job := <-p.jobs:
					job(ctx)
				}
			}
		})
	}
	wg.Wait()
	return nil
}
