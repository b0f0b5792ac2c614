package history

import "time"

// burst is how many seconds of an allowance a user may take at once.
const burst = 4

// allowance is how much users are given: so many bytes a second, and what they have not taken in
// the last seconds. It is not safe for concurrent use.
type allowance struct {
	perSecond int // 0: any
	// by user: until when what was given is spread over the seconds; none of them has passed long
	// since
	spent map[string]time.Time
	// how many users are kept when those are forgotten who have taken nothing for long
	sweep int
}

// spend notes that a user was given so many bytes, and returns how long it is to wait until there
// is more.
func (a *allowance) spend(user string, size int, now time.Time) time.Duration {
	if a.perSecond == 0 || size == 0 {
		return 0
	}
	until := a.spent[user]
	if until.Before(now) {
		until = now
	}
	until = until.Add(time.Duration(float64(size) / float64(a.perSecond) * float64(time.Second)))
	a.spent[user] = until
	if len(a.spent) > a.sweep {
		for other, until := range a.spent {
			if until.Before(now) {
				delete(a.spent, other)
			}
		}
		a.sweep = max(1024, 2*len(a.spent))
	}
	return until.Sub(now) - burst*time.Second
}
