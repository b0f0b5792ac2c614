package search

import (
	"slices"
	"strings"
	"unicode/utf8"

	"hubbub.internal/libs/tokens"
)

// Message is what of a message is searched.
type Message struct {
	Text   string
	TS     int64 // UTC milliseconds
	Link   bool  // there is one in it
	Pinned bool
	Thread bool // it is an answer in one
}

// Range is a range of a text, in UTF-16 code units, as JavaScript counts: from its first to behind
// its last.
type Range [2]int

// Match reports whether a message matches, which ranges of its text do, and how well, which is
// comparable among the messages of one query: how often words are in it, in what it has in all, and
// whether they stand together. Who wrote it, and where, is not looked at.
func (q *Query) Match(m Message) (ranges []Range, score float64, ok bool) {
	if !q.inTime(m.TS) || !of(q.has, q.notHas, map[string]bool{"link": m.Link}) || !of(q.is, q.notIs, map[string]bool{"pinned": m.Pinned, "thread": m.Thread}) {
		return nil, 0, false
	}
	all := tokens.Of(m.Text)
	var found [][2]int // in bytes
	together := -1     // where an item ends that begins right behind the one before
	for _, it := range q.items {
		n, end := 0, -1
		for at := range all {
			if !it.standsAt(all, at) {
				continue
			}
			if it.not {
				return nil, 0, false
			}
			last := at + it.tokens[len(it.tokens)-1].at
			n++
			if together == at {
				score++
			}
			end = last + 1
			to := all[last].End
			if w := it.tokens[len(it.tokens)-1]; w.prefix && all[last].Run > 0 && !all[last].Last && end < len(all) {
				to = all[last+1].Start // one character is asked for, and not the next one
			}
			found = append(found, [2]int{all[at].Start, to})
		}
		if it.not {
			continue
		}
		if n == 0 {
			return nil, 0, false
		}
		together = end
		// As BM25 has it, for texts of 20 words: the second time counts less than the first.
		const k, b, usual = 1.2, 0.5, 20
		score += float64(n) * (k + 1) / (float64(n) + k*(1-b+b*float64(len(all))/usual))
	}
	return utf16Ranges(m.Text, found), score, true
}

func (q *Query) inTime(ts int64) bool {
	return (q.after.IsZero() || ts >= q.after.UnixMilli()) && (q.before.IsZero() || ts < q.before.UnixMilli())
}

func of(wanted, unwanted []string, is map[string]bool) bool {
	return !slices.ContainsFunc(wanted, func(what string) bool { return !is[what] }) && !slices.ContainsFunc(unwanted, func(what string) bool { return is[what] })
}

// standsAt reports whether an item begins at a token of a text.
func (it item) standsAt(all []tokens.Token, at int) bool {
	for _, w := range it.tokens {
		i := at + w.at
		if i >= len(all) || all[i].Text != w.text && (!w.prefix || !strings.HasPrefix(all[i].Text, w.text)) {
			return false
		}
	}
	return true
}

// utf16Ranges returns ranges of a text in order, without those that touch.
func utf16Ranges(text string, found [][2]int) (ranges []Range) {
	slices.SortFunc(found, func(a, b [2]int) int {
		if a[0] != b[0] {
			return a[0] - b[0]
		}
		return a[1] - b[1]
	})
	var merged [][2]int
	for _, f := range found {
		if n := len(merged); n > 0 && f[0] <= merged[n-1][1] {
			merged[n-1][1] = max(merged[n-1][1], f[1])
		} else {
			merged = append(merged, f)
		}
	}
	at, units := 0, 0
	unitsAt := func(end int) int {
		for at < end {
			r, n := utf8.DecodeRuneInString(text[at:])
			at += n
			if units++; r > 0xffff {
				units++
			}
		}
		return units
	}
	for _, m := range merged {
		from := unitsAt(m[0])
		ranges = append(ranges, Range{from, unitsAt(m[1])})
	}
	return ranges
}
