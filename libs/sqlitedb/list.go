package sqlitedb

import "encoding/json"

// List returns numbers, strings or pairs of numbers as a JSON array, for a query that takes any
// number of them: IN (SELECT value FROM json_each(?)).
func List[T int64 | string | [2]int64](all []T) string {
	b, _ := json.Marshal(all) // numbers and strings always have a form
	return string(b)
}
