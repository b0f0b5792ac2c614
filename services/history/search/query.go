// Package search reads what people type into a search, and holds messages against it: which match,
// what in them is to be highlighted, and how well. It knows neither a store nor who may read what.
package search

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/tokens"
	"hubbub.internal/services/history/store"
)

const (
	// MaxQuery is how long a query is at most, in characters.
	MaxQuery = 500
	// maxItems is how many words, phrases and filters it has at most, and maxTokens how many tokens
	// these have.
	maxItems  = 30
	maxTokens = 60
	// filters as they are told to who asks for another one.
	filters = "from: in: before: after: on: has: is:"
)

// Query is what is searched.
type Query struct {
	items []item // words and phrases
	// The filters, as they were typed. Names of users and rooms are for the caller to look up.
	From, NotFrom, In []string
	has, is           []string
	notHas, notIs     []string
	after, before     time.Time // sent from then on, and before; zero: at any time
}

// item is a word or a phrase.
type item struct {
	tokens []wanted
	not    bool
	typed  bool // the last word, which is still being typed: what begins so matches
}

// wanted is a token that a message has to have, at a place behind that of the first of its item.
type wanted struct {
	text   string
	at     int
	prefix bool
}

func bad(format string, args ...any) error {
	return chat.E(chat.CodeBadRequest, fmt.Sprintf(format, args...))
}

// Parse reads a query. Dates are days of a place's. Errors: a *chat.Error with code bad_request,
// whose message tells the person what to change.
func Parse(text string, in *time.Location, now time.Time) (*Query, error) {
	if len(text) > utf8.UTFMax*MaxQuery || utf8.RuneCountInString(text) > MaxQuery {
		return nil, bad("a search has at most %d characters", MaxQuery)
	}
	if !utf8.ValidString(text) {
		return nil, bad("the search is not text in UTF-8")
	}
	q := &Query{}
	parts := split(text)
	if len(parts) > maxItems {
		return nil, bad("a search has at most %d words, phrases and filters", maxItems)
	}
	for i, p := range parts {
		if p.filter() {
			if err := q.filter(p, in, now); err != nil {
				return nil, err
			}
			continue
		}
		last := i == len(parts)-1 && !p.quoted && !endsWithSpace(text)
		q.add(p, last)
	}
	return q, q.check()
}

func (q *Query) check() error {
	n := 0
	for _, it := range q.items {
		n += len(it.tokens)
	}
	wants := slices.ContainsFunc(q.items, func(it item) bool { return !it.not })
	switch {
	case n > maxTokens:
		return bad("a search has at most %d words", maxTokens)
	case !q.after.IsZero() && !q.before.IsZero() && !q.after.Before(q.before):
		return bad("no time is after: the one and before: the other: exchange them")
	case wants || len(q.From)+len(q.has)+len(q.is) > 0 || !q.after.IsZero() || !q.before.IsZero():
		return nil
	case len(q.items) > 0 || len(q.NotFrom)+len(q.notHas)+len(q.notIs) > 0:
		return bad("say also what is to be found, and not only what is not")
	}
	return bad("say what is to be found: a word, a \"phrase\", or a filter like from: or has:link")
}

// part is a part of a query as it was typed.
type part struct {
	not    bool
	name   string // of the filter that it may be
	text   string
	quoted bool
}

// isQuote reports whether a character is a quotation mark, of whatever language's.
func isQuote(r rune) bool { return strings.ContainsRune("\"“”„«»＂", r) }

func endsWithSpace(text string) bool {
	r, _ := utf8.DecodeLastRuneInString(text)
	return unicode.IsSpace(r)
}

// split cuts a query at spaces that are not between quotation marks. A quotation that nothing ends
// goes to the end.
func split(text string) (parts []part) {
	rest := []rune(text)
	for {
		for len(rest) > 0 && unicode.IsSpace(rest[0]) {
			rest = rest[1:]
		}
		if len(rest) == 0 {
			return parts
		}
		var p part
		if rest[0] == '-' && len(rest) > 1 && !unicode.IsSpace(rest[1]) {
			p.not, rest = true, rest[1:]
		}
		if name := nameOf(rest); name != "" {
			p.name, rest = strings.ToLower(name), rest[len(name)+1:]
		}
		end := 0
		if len(rest) > 0 && isQuote(rest[0]) {
			p.quoted, rest = true, rest[1:]
			for end < len(rest) && !isQuote(rest[end]) {
				end++
			}
			p.text = string(rest[:end])
			rest = rest[min(end+1, len(rest)):]
		} else {
			for end < len(rest) && !unicode.IsSpace(rest[end]) && !isQuote(rest[end]) {
				end++
			}
			p.text = string(rest[:end])
			rest = rest[end:]
		}
		parts = append(parts, p)
	}
}

// nameOf returns the letters before a colon at the beginning.
func nameOf(text []rune) string {
	for i, r := range text {
		if r == ':' && i > 0 {
			return string(text[:i])
		}
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return ""
		}
	}
	return ""
}

// filter reports whether a part is to be taken for a filter, known or not: neither an address nor
// what ends with a colon, as in a sentence.
func (p part) filter() bool {
	switch p.name {
	case "from", "in", "before", "after", "on", "has", "is":
		return true
	}
	return p.name != "" && p.text != "" && !strings.HasPrefix(p.text, "//")
}

func (q *Query) filter(p part, in *time.Location, now time.Time) error {
	value := strings.TrimSpace(strings.TrimPrefix(p.text, "@"))
	if value == "" {
		return bad("%s: wants something behind it, as in %s", p.name, examples[p.name])
	}
	if p.not && p.name != "from" && p.name != "has" && p.name != "is" {
		return bad("-%s: is no filter; only -from: -has: and -is: leave something out", p.name)
	}
	switch p.name {
	case "from":
		if p.not {
			q.NotFrom = append(q.NotFrom, value)
		} else {
			q.From = append(q.From, value)
		}
	case "in":
		q.In = append(q.In, strings.TrimPrefix(value, "#"))
	case "has", "is":
		value = strings.ToLower(value)
		kinds := kinds[p.name]
		if !slices.Contains(kinds, value) {
			return bad("%s: is one of %s", p.name, strings.Join(kinds, ", "))
		}
		list := map[string]*[]string{"has": &q.has, "-has": &q.notHas, "is": &q.is, "-is": &q.notIs}[map[bool]string{true: "-"}[p.not]+p.name]
		*list = append(*list, value)
	case "before", "after", "on":
		return q.date(p.name, value, in, now)
	default:
		return bad("there is no filter %s: the filters are %s. To look for the text itself, put it between quotation marks", p.name, filters)
	}
	return nil
}

var (
	examples = map[string]string{
		"from": "from:ada", "in": "in:lobby", "before": "before:2026-11-29", "after": "after:2026-11-29", "on": "on:2026-11-29", "has": "has:link", "is": "is:pinned",
	}
	kinds = map[string][]string{"has": {"link", "file", "image"}, "is": {"pinned", "thread"}}
	// dates are the forms that dates have.
	dates = []struct {
		layout              string
		years, months, days int // how long what is meant lasts
	}{{"2006-01-02", 0, 0, 1}, {"2006-01", 0, 1, 0}, {"2006", 1, 0, 0}}
)

// date takes a filter by time: what is before: or after: a day is not of that day.
func (q *Query) date(name, value string, in *time.Location, now time.Time) error {
	var from, to time.Time
	known := true
	now = now.In(in)
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, in)
	switch strings.ToLower(value) {
	case "today":
		from, to = today, today.AddDate(0, 0, 1)
	case "yesterday":
		from, to = today.AddDate(0, 0, -1), today
	default:
		known = false
		for _, d := range dates {
			if t, err := time.ParseInLocation(d.layout, value, in); err == nil {
				from, to, known = t, t.AddDate(d.years, d.months, d.days), true
			}
		}
	}
	switch {
	case !known:
		return bad("%s:%.40s is no date; one is like %s, 2026-11, 2026, today or yesterday", name, value, strings.TrimPrefix(examples[name], name+":"))
	case from.Year() < 1970:
		return bad("%s:%s is before 1970, when nothing could be sent yet", name, value)
	}
	later := func(t time.Time) {
		if q.after.Before(t) {
			q.after = t
		}
	}
	earlier := func(t time.Time) {
		if q.before.IsZero() || q.before.After(t) {
			q.before = t
		}
	}
	if name != "before" {
		if name == "on" {
			later(from)
		} else {
			later(to)
		}
	}
	if name == "before" {
		earlier(from)
	} else if name == "on" {
		earlier(to)
	}
	return nil
}

// add adds a word or a phrase, unless there is nothing in it but punctuation.
func (q *Query) add(p part, typed bool) {
	text := p.text
	if p.name != "" {
		text = p.name + ":" + text
	}
	it := item{not: p.not, typed: typed}
	all := tokens.Of(text)
	for i, t := range all {
		w := wanted{text: t.Text, at: i}
		if t.Last {
			if t.Run > 1 {
				continue // the character before has it
			}
			w.prefix = true
		}
		it.tokens = append(it.tokens, w)
	}
	if n := len(it.tokens); n > 0 {
		last := &it.tokens[n-1]
		if typed && !it.not && all[len(all)-1].Run == 0 && utf8.RuneCountInString(last.text) > 1 {
			last.prefix = true
		}
		q.items = append(q.items, it)
	}
}

// Prefixes returns what words may begin with: each is to be replaced by the words that there are.
func (q *Query) Prefixes() (all []string) {
	for _, it := range q.items {
		for _, w := range it.tokens {
			if w.prefix && !it.not && !slices.Contains(all, w.text) {
				all = append(all, w.text)
			}
		}
	}
	return all
}

// Terms returns the terms that messages have to have, one of each list, and must not have. words
// has the words that begin with each of Prefixes. What has them may still not match.
func (q *Query) Terms(words map[string][]string, now time.Time) (all [][]string, none []string) {
	for _, it := range q.items {
		if it.not {
			// Of a phrase, a message may have all words and not the phrase.
			if len(it.tokens) == 1 && !it.tokens[0].prefix {
				none = append(none, it.tokens[0].text)
			}
			continue
		}
		for _, w := range it.tokens {
			either := []string{w.text}
			if w.prefix {
				either = words[w.text]
			}
			all = append(all, either)
		}
	}
	for _, what := range q.has {
		all = append(all, []string{store.HasTerm(what)})
	}
	for _, what := range q.is {
		all = append(all, []string{store.IsTerm(what)})
	}
	for _, what := range q.notHas {
		none = append(none, store.HasTerm(what))
	}
	for _, what := range q.notIs {
		none = append(none, store.IsTerm(what))
	}
	if !q.after.IsZero() || !q.before.IsZero() {
		from, to := q.after, q.before
		if from.IsZero() {
			from = time.Unix(0, 0)
		}
		// Clocks may be wrong, but not by a year.
		if most := time.Date(now.UTC().Year()+2, 1, 1, 0, 0, 0, 0, time.UTC); to.IsZero() || to.After(most) {
			to = most
		}
		all = append(all, store.DateTerms(from, to))
	}
	return all, none
}
