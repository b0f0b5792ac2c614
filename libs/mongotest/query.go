package mongotest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Query is what a client asked a server to find.
type Query struct {
	Collection string `bson:"find"`
	Filter     bson.D `bson:"filter"`
	Sort       bson.D `bson:"sort"`
}

func queryOf(command bson.Raw) (q Query) {
	_ = bson.Unmarshal(command, &q) // what is no query has none of the fields
	return q
}

// Queries returns what the clients asked the server to find since the last call.
func (p *Proxy) Queries() []Query {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.queries
	p.queries = nil
	return all
}

// String returns the query without its values.
func (q Query) String() string {
	var filter, sort []string
	for _, c := range q.Filter {
		filter = append(filter, c.Key+kindOf(c.Value).String())
	}
	for _, s := range q.Sort {
		sort = append(sort, fmt.Sprint(s.Key, " ", s.Value))
	}
	return fmt.Sprintf("%s where %s sorted by %s", q.Collection, strings.Join(filter, ", "), strings.Join(sort, ", "))
}

// kind is what a condition says of a field.
type kind int

const (
	equal  kind = iota // it has a value, or one of some
	within             // it is in a range
	other              // something else, which is looked at in each document
)

func (k kind) String() string { return [...]string{" =", " in a range", " looked at"}[k] }

func kindOf(value any) kind {
	if _, pattern := value.(bson.Regex); pattern {
		return other
	}
	operators, ok := value.(bson.D)
	if !ok || len(operators) == 0 || !strings.HasPrefix(operators[0].Key, "$") {
		return equal
	}
	most := equal
	for _, o := range operators {
		switch o.Key {
		case "$eq", "$in":
		case "$gt", "$gte", "$lt", "$lte":
			most = max(most, within)
		default:
			return other
		}
	}
	return most
}

// Unserved returns why none of the indexes, each of which is its fields, serves a query: empty, if
// one does. It does where the query is one part of it, in which nothing lies that is not wanted, in
// the order that is wanted: its first fields have values, and the next are those of the sort, or
// one with a range.
func Unserved(q Query, indexes [][]string) string {
	kinds := make(map[string]kind)
	for _, c := range q.Filter {
		if strings.HasPrefix(c.Key, "$") {
			return "it asks for " + c.Key
		}
		kinds[c.Key] = kindOf(c.Value)
	}
	for _, index := range append(indexes, []string{"_id"}) {
		if serves(index, kinds, q.Sort) {
			return ""
		}
	}
	return "no index has it"
}

func serves(index []string, kinds map[string]kind, sort bson.D) bool {
	left := make(map[string]bool)
	for field := range kinds {
		left[field] = true
	}
	at := 0
	for ; at < len(index) && left[index[at]] && kinds[index[at]] == equal; at++ {
		delete(left, index[at])
	}
	// Fields of the sort that have one value are in order anywhere.
	var direction any
	for _, s := range sort {
		if slices.Contains(index[:at], s.Key) {
			continue
		}
		if at == len(index) || index[at] != s.Key || direction != nil && direction != s.Value {
			return false
		}
		direction = s.Value
		delete(left, s.Key)
		at++
	}
	if len(sort) == 0 && at < len(index) && kinds[index[at]] == within {
		delete(left, index[at])
	}
	return len(left) == 0
}

// Planned fails the test unless a real server plans the query by an index and without a sort. Other
// servers than MongoDB do not say it.
func Planned(t testing.TB, url string, q Query) {
	t.Helper()
	if !Real() {
		return
	}
	find := bson.D{{Key: "find", Value: q.Collection}, {Key: "filter", Value: q.Filter}, {Key: "limit", Value: int64(10)}}
	if len(q.Sort) > 0 {
		find = append(find, bson.E{Key: "sort", Value: q.Sort})
	}
	raw, err := database(t, url).RunCommand(t.Context(), bson.D{{Key: "explain", Value: find}, {Key: "verbosity", Value: "queryPlanner"}}).Raw()
	if err != nil {
		t.Fatal(err)
	}
	plan := raw.Lookup("queryPlanner", "winningPlan").String()
	for _, bad := range []string{`"COLLSCAN"`, `"SORT"`} {
		if strings.Contains(plan, bad) {
			t.Errorf("%s: the plan has %s: %s", q, bad, plan)
		}
	}
}
