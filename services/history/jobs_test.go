package history

import (
	"testing"
	"time"

	"hubbub.internal/services/history/store"
)

// TestRecentPurges forgets a purge when what it is about has long been taken in, so that purges
// cost what comes later nothing.
func TestRecentPurges(t *testing.T) {
	now := time.Now()
	job := func(id string, age time.Duration) store.Job {
		return store.Job{ID: id, User: "ann", Created: now.Add(-age).UnixMilli()}
	}
	var s jobs
	s.set([]store.Job{job("old", recentPurges+time.Second), job("new", recentPurges-time.Second)}, now)
	if got := s.about(store.Entry{Sender: "ann"}); len(got) != 1 || got[0].ID != "new" {
		t.Errorf("purges that count: %+v", got)
	}
	if got := s.about(store.Entry{Sender: "bob"}); len(got) != 0 {
		t.Errorf("purges about another: %+v", got)
	}
}
