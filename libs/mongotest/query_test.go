package mongotest

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// TestUnserved holds which queries are one part of an index.
func TestUnserved(t *testing.T) {
	d := func(pairs ...any) (d bson.D) {
		for i := 0; i < len(pairs); i += 2 {
			d = append(d, bson.E{Key: pairs[i].(string), Value: pairs[i+1]})
		}
		return d
	}
	indexes := [][]string{{"room", "type", "seq", "_id"}, {"until", "room"}}
	for _, tt := range []struct {
		name         string
		filter, sort bson.D
		served       bool
	}{
		{"values and a range, in the order of the index", d("room", "r", "type", "m", "seq", d("$lt", 5)), d("seq", -1, "_id", -1), true},
		{"the same forwards", d("room", "r", "type", "m", "seq", d("$gt", 5)), d("seq", 1, "_id", 1), true},
		{"two directions", d("room", "r", "type", "m"), d("seq", -1, "_id", 1), false},
		{"without the tie-breaker in the index", d("room", "r", "type", "m"), d("seq", 1, "sender", 1), false},
		{"a range before the order", d("room", "r", "type", d("$gt", "a")), d("seq", 1), false},
		{"a field that is not in the index", d("room", "r", "sender", "a"), nil, false},
		{"a gap in the index", d("room", "r", "seq", 5), d("seq", 1), false},
		{"an order by what is a range", d("until", d("$gt", 0, "$lte", 5)), d("until", 1, "room", 1), true},
		{"the same in another order", d("until", d("$lte", 5)), d("room", 1), false},
		{"a pattern", d("room", bson.Regex{Pattern: "x"}), nil, false},
		{"something that is not there", d("room", d("$ne", "x")), nil, false},
		{"either", d("$or", bson.A{}), nil, false},
		{"a key", d("_id", "x"), nil, true},
		{"keys in order", d("_id", d("$gt", "x")), d("_id", 1), true},
		{"some of a key", d("room", d("$in", bson.A{"a", nil}), "type", "m"), nil, true},
	} {
		q := Query{Collection: "c", Filter: tt.filter, Sort: tt.sort}
		if why := Unserved(q, indexes); (why == "") != tt.served {
			t.Errorf("%s: %s: %q", tt.name, q, why)
		}
	}
}
