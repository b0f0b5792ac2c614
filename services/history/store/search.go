package store

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"hubbub.internal/libs/tokens"
)

const (
	// MaxScanned is how many messages one Search looks at, at most.
	MaxScanned = 20_000
	// facet begins a term that is no word: what else a message is found by. No text has it.
	facet = "\ue000"
)

// Searches finds messages by terms, which are the words of their texts and what else they are found
// by; see Store for what holds of its methods. Whoever searches holds what is found against the
// messages as they are now: the index may be behind them.
type Searches interface {
	// PutTerms replaces what messages are found by. What an Append has not kept, or was removed
	// since, is passed over.
	PutTerms(ctx context.Context, all []Terms) error
	// Search returns messages that have terms, the newest first: by Seq, in all rooms.
	Search(ctx context.Context, q Search) (Found, error)
	// Completions returns the words that begin so, about the most frequent first, at most limit.
	Completions(ctx context.Context, prefix string, limit int) ([]string, error)
	// Tidy does a part of the work of taking out of the index what removed messages have left
	// there, and of making it fast to search, and reports whether there is more to do. With all it
	// also works where nothing was removed since. now is the time in UTC milliseconds: some hours
	// after a message is gone, the words go that no other has. Each process calls it once an hour.
	Tidy(ctx context.Context, now int64, all bool) (bool, error)
	// Indexing returns how far the messages have got that were kept before there was an index.
	Indexing(ctx context.Context) (Indexing, error)
	// ClaimIndexing gives that work to the caller until a time, unless another has it now: then it
	// returns false.
	ClaimIndexing(ctx context.Context, now, until int64) (bool, error)
	// SaveIndexing keeps how far it has got.
	SaveIndexing(ctx context.Context, i Indexing) error
}

// Terms is what a message is found by.
type Terms struct {
	Room string
	Seq  uint64
	Name Name
	// Through is the Seq of the last entry about the message that is taken into account: what is
	// older than what is kept changes nothing.
	Through uint64
	Terms   []string // empty: it is not found
}

// Search asks for messages.
type Search struct {
	Rooms []string   // of these rooms, at most MaxInbox
	All   [][]string // that have one term of each list
	None  []string   // and none of these
	After string     // behind this place, where an answer before ended; empty: from the newest on
	Limit int
}

// Found is what a Search has found.
type Found struct {
	Entries []Entry
	Places  []string // of each, where the search goes on behind it
	Next    string   // where it goes on; empty: there is no more
}

// Indexing is how far the messages have got that were kept before there was an index.
type Indexing struct {
	Version int    `bson:"version"` // of the tokens
	Room    string `bson:"room"`    // the room that is gone through
	Seq     uint64 `bson:"seq"`     // through which it was
	Done    bool   `bson:"done"`    // all are indexed
}

// Current reports whether every message is indexed, as this release does it.
func (i Indexing) Current() bool { return i.Done && i.Version == tokens.Version }

// FromTerm is the term of the messages of a user.
func FromTerm(user string) string { return facet + "u" + user }

// LinkTerm and PinnedTerm are the terms of messages with a link, and of those that are pinned.
const (
	LinkTerm   = facet + "hlink"
	PinnedTerm = facet + "ipinned"
)

// HasTerm and IsTerm are the terms of messages with something in them, and of a kind.
func HasTerm(what string) string { return facet + "h" + what }

// IsTerm is the term of the messages of a kind.
func IsTerm(kind string) string { return facet + "i" + kind }

// IsWord reports whether a term is one of a text.
func IsWord(term string) bool { return !strings.HasPrefix(term, facet) }

// TermsOf returns what a message is found by.
func TermsOf(user, text string, ts int64, link, pinned bool) []string {
	all := tokens.Of(text)
	terms := make([]string, 0, len(all)+6)
	seen := make(map[string]struct{}, len(all))
	for _, t := range all {
		if _, ok := seen[t.Text]; !ok {
			seen[t.Text] = struct{}{}
			terms = append(terms, t.Text)
		}
	}
	terms = append(terms, FromTerm(user))
	day := time.UnixMilli(ts).UTC()
	if year := day.Year(); year >= 1970 && year <= 9999 {
		terms = append(terms, termsOfDay(day)...)
	}
	if link {
		terms = append(terms, LinkTerm)
	}
	if pinned {
		terms = append(terms, PinnedTerm)
	}
	return terms
}

// lastDay has the terms of the day that was asked for last: mostly it is the same again.
var lastDay atomic.Pointer[dayTerms]

type dayTerms struct {
	day   int64 // since 1970
	terms [3]string
}

func termsOfDay(day time.Time) []string {
	n := day.Unix() / (24 * 60 * 60)
	if last := lastDay.Load(); last != nil && last.day == n {
		return last.terms[:]
	}
	now := &dayTerms{n, [3]string{dateTerm(day, "2006"), dateTerm(day, "200601"), dateTerm(day, "20060102")}}
	lastDay.Store(now)
	return now.terms[:]
}

func dateTerm(day time.Time, layout string) string { return facet + "d" + day.Format(layout) }

// DateTerms returns terms of which messages have one that were sent from a day on and before
// another, in UTC: those of whole years and months where they fit. Both are between 1970 and 9999.
func DateTerms(from, to time.Time) (terms []string) {
	day := func(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }
	end := day(to.Add(24*time.Hour - 1))
	for at := day(from); at.Before(end); {
		year, month := at.AddDate(1, 0, 0), at.AddDate(0, 1, 0)
		switch {
		case at.YearDay() == 1 && !year.After(end):
			terms, at = append(terms, dateTerm(at, "2006")), year
		case at.Day() == 1 && !month.After(end):
			terms, at = append(terms, dateTerm(at, "200601")), month
		default:
			terms, at = append(terms, dateTerm(at, "20060102")), at.AddDate(0, 0, 1)
		}
	}
	return terms
}

// maxVocabulary is how many words have their counts in memory, about 100 B each. All are forgotten
// when there are more.
const maxVocabulary = 200_000

// Vocabulary counts in how many messages words are, so that a store can keep about how many: it
// writes a count when that has doubled. Its methods are safe for concurrent use.
type Vocabulary struct {
	mu     sync.Mutex
	counts map[string]int64
}

// Count counts the words of messages, and returns which counts are to be written. known returns the
// counts that are kept of words.
func (v *Vocabulary) Count(all [][]string, known func(words []string) (map[string]int64, error)) (map[string]int64, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.counts == nil || len(v.counts) > maxVocabulary {
		v.counts = make(map[string]int64)
	}
	var missing []string
	for _, terms := range all {
		for _, t := range terms {
			if _, ok := v.counts[t]; !ok && IsWord(t) {
				v.counts[t] = 0
				missing = append(missing, t)
			}
		}
	}
	if len(missing) > 0 {
		counts, err := known(missing)
		if err != nil {
			v.counts = nil
			return nil, err
		}
		for _, t := range missing {
			v.counts[t] = counts[t]
		}
	}
	var changed map[string]int64
	for _, terms := range all {
		for _, t := range terms {
			if !IsWord(t) {
				continue
			}
			n := v.counts[t] + 1
			v.counts[t] = n
			if n&(n-1) == 0 {
				if changed == nil {
					changed = make(map[string]int64)
				}
				changed[t] = n
			}
		}
	}
	return changed, nil
}

// Forget forgets all counts: what Count returned was not written.
func (v *Vocabulary) Forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.counts = nil
}

// After returns the end of the words that begin with a prefix: it comes behind all of them.
func After(prefix string) string { return prefix + "\U0010ffff" }

// RoomTerm is the term of the messages of a room that has a number.
func RoomTerm(n int64) string { return facet + "r" + strconv.FormatInt(n, 10) }
