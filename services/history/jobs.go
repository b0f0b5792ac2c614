package history

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
	"hubbub.internal/services/history/store"
)

const (
	// refreshJobs is how often each process reads which jobs there are.
	refreshJobs = 2 * time.Second
	// jobPause lies between two steps of jobs: others' requests come first.
	jobPause = 50 * time.Millisecond
	// jobLease is for how long a process has a job to itself. Two that work on one do no harm.
	jobLease = 30 * time.Second
	// openAtOnce is how many jobs take turns.
	openAtOnce = 20
	// recentPurges is how long purges are known to who takes entries in from the log; recentRooms,
	// rooms that were forgotten.
	recentPurges = time.Hour
	recentRooms  = 30 * 24 * time.Hour
)

// jobs are the jobs that this process knows of. Its methods are safe for concurrent use.
type jobs struct {
	wake chan struct{}

	mu     sync.RWMutex
	purges map[string][]store.Job // by user
	rooms  map[string]bool
	resets map[string]uint64 // rooms that were reset, and by which Seq, while something is left
}

func newJobs() *jobs { return &jobs{wake: make(chan struct{}, 1)} }

// set takes in all jobs, as of now.
func (s *jobs) set(all []store.Job, now time.Time) {
	purges, rooms := map[string][]store.Job{}, map[string]bool{}
	for _, j := range all {
		switch {
		case j.User == "":
			rooms[j.Room] = true
		case now.Sub(time.UnixMilli(j.Created)) < recentPurges:
			purges[j.User] = append(purges[j.User], j)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.purges, s.rooms = purges, rooms
}

// about returns the purges that may be about an entry.
func (s *jobs) about(e store.Entry) []store.Job {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.purges[e.Sender]
}

func (s *jobs) forgotten(room string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.rooms[room]
}

// reset notes that a room was reset.
func (s *jobs) reset(room string, seq uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.resets == nil {
		s.resets = make(map[string]uint64)
	}
	s.resets[room] = max(s.resets[room], seq)
}

// setResets takes in which rooms were reset. Those of before stay for good: what is hidden is gone.
func (s *jobs) setResets(all map[string]uint64) {
	for room, seq := range all {
		s.reset(room, seq)
	}
}

// floor returns the Seq of the entry that has reset a room: nothing before it is shown. 0: none.
func (s *jobs) floor(room string) uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.resets[room]
}

// removal removes all that a user has written, and all of rooms that were deleted.
type removal struct {
	store   store.Store
	bus     bus.Interface
	log     *zap.Logger
	metrics *metrics
	jobs    *jobs
	records *records
}

// refresh reads which jobs there are. If that fails, run tries again soon.
func (rm *removal) refresh(ctx context.Context) {
	now := time.Now()
	all, err := rm.store.JobsSince(ctx, now.Add(-recentRooms).UnixMilli())
	if err == nil {
		rm.jobs.set(all, now)
		var resets map[string]uint64
		if resets, err = rm.store.Resets(ctx, maxResets); err == nil {
			rm.jobs.setResets(resets)
		}
	}
	if err != nil && ctx.Err() == nil {
		rm.log.Warn("could not read the jobs of removal; trying again", zap.Error(err))
	}
}

// run works on jobs until ctx ends. What fails is tried again, from where it had got.
func (rm *removal) run(ctx context.Context) {
	refreshed := time.Time{}
	for {
		wait := refreshJobs
		if time.Since(refreshed) >= refreshJobs {
			refreshed = time.Now()
			rm.refresh(ctx)
		}
		worked, err := rm.workSome(ctx)
		if err != nil && ctx.Err() == nil {
			rm.log.Warn("could not remove messages; trying again", zap.Error(err))
		} else if worked {
			wait = jobPause
		}
		select {
		case <-ctx.Done():
			return
		case <-rm.jobs.wake:
		case <-time.After(wait):
		}
	}
}

// workSome does a step of each open job, and reports whether there was one to do.
func (rm *removal) workSome(ctx context.Context) (bool, error) {
	open, err := rm.store.OpenJobs(ctx, openAtOnce)
	if err != nil {
		return false, err
	}
	rm.metrics.jobs.Set(float64(len(open)))
	worked := false
	for _, j := range open {
		did, err := rm.work(ctx, j)
		if err != nil {
			return false, err
		}
		worked = worked || did
	}
	return worked, nil
}

// work does a step of a job, unless another process does or its time has not come.
func (rm *removal) work(ctx context.Context, j store.Job) (bool, error) {
	now := time.Now()
	if j.Pass > 0 && now.Sub(time.UnixMilli(j.Created)) < settle {
		return false, nil
	}
	j, mine, err := rm.store.ClaimJob(ctx, j.ID, now.UnixMilli(), now.Add(jobLease).UnixMilli())
	if err != nil || !mine {
		return false, err
	}
	step := rm.purgeSome
	if j.User == "" {
		step = rm.forgetSome
	}
	through, err := step(ctx, &j)
	if through && err == nil {
		if j.Pass++; j.Pass > 1 {
			j.Done = now.UnixMilli()
			rm.log.Info("removed messages", zap.String("job", j.ID), zap.String("user", j.User), zap.String("room", j.Room))
		}
	}
	j.Lease = 0
	// How far it has got is kept also when a step failed halfway, and when the process ends.
	save, cancel := context.WithTimeout(context.WithoutCancel(ctx), jobLease/10)
	defer cancel()
	if e := rm.store.SaveJob(save, j); err == nil {
		err = e
	}
	return true, err
}
