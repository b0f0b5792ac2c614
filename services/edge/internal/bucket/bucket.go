// Package bucket owns the limit of a rate, as a token bucket in eight bytes. It knows no clock and
// is not safe for concurrent use.
package bucket

// unit is how many parts a token has: rates are whole tokens per second and ticks are milliseconds.
const unit = 1000

// Limit is what buckets of one kind have in common.
type Limit struct {
	Rate  uint32 // tokens per second
	Burst uint32 // tokens that a full bucket holds, at most 4,000,000
}

// Bucket counts tokens. The zero value is full as of the time 0.
type Bucket struct {
	missing uint32 // parts of tokens that were taken and have not come back
	at      uint32 // ms
}

// New returns a bucket that is full as of now.
func New(now uint32) Bucket { return Bucket{at: now} }

// Full reports whether the bucket has all of its tokens at a time.
func (b Bucket) Full(l Limit, now uint32) bool {
	return uint64(now-b.at)*uint64(l.Rate) >= uint64(b.missing)
}

// Take takes a token at a time in milliseconds, which may wrap around. If there is none it returns
// after how many milliseconds there will be.
func (b *Bucket) Take(l Limit, now uint32) (ok bool, waitMS uint32) {
	back := uint64(now-b.at) * uint64(l.Rate)
	b.at = now
	b.missing -= uint32(min(back, uint64(b.missing)))
	if b.missing+unit > l.Burst*unit {
		return false, (b.missing + unit - l.Burst*unit + l.Rate - 1) / max(1, l.Rate)
	}
	b.missing += unit
	return true, 0
}
