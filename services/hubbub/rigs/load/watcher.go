package load

import "time"

// watcher counts, for a part, what its fleet reports.
type watcher struct{ *part }

// In notes that a socket is in its rooms.
func (w watcher) In(_ int, again bool, took time.Duration) {
	w.mu.Lock()
	w.now.In++
	w.mu.Unlock()
	if again {
		w.meter.resumed(took)
	} else {
		w.meter.entered(took)
	}
}

// Out notes that a socket is not in its rooms any more.
func (w watcher) Out(int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now.In--
}

// Acked notes that a message was acknowledged.
func (w watcher) Acked(room int, id string, seq uint64, due time.Time) {
	w.meter.acked(due)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.acks[room][id] = seq
}

// Failed notes that a message was refused or given up.
func (w watcher) Failed(code string) {
	if code == "" {
		code = unknown
	}
	w.meter.refused(code)
}

// Delivered notes that a message arrived.
func (w watcher) Delivered(text string) {
	if due, ok := dueOf(text); ok {
		w.meter.delivered(time.Since(due))
	}
}

// Lost notes that a connection ended, or could not be made.
func (w watcher) Lost(_ int, code string, err error) {
	w.meter.lost(code)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now.Last = err.Error()
}

// Gone notes that a socket does not come back.
func (w watcher) Gone(_ int, code string, err error) {
	w.meter.lost(code)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.now.Gone++; w.now.Gone == 1 {
		w.now.Why = err.Error()
	}
}
