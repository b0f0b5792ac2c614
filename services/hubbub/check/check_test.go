package check

import (
	"io"
	"math"
	"strings"
	"testing"
	"time"
)

func TestFlags(t *testing.T) {
	var f Flags
	Within(&f, "a", 1, 1, 5)
	Within(&f, "a", 5, 1, 5)
	Above(&f, "b", 0.1, 0, 1e9)
	f.Add(nil)
	if err := f.Err(); err != nil {
		t.Error(err)
	}
	Within(&f, "a", 0, 1, 5)
	Within(&f, "a", time.Hour, 0, time.Minute)
	Above(&f, "b", 0.0, 0, 1e9)
	Within(&f, "c", math.NaN(), 0, 1e9)
	Above(&f, "c", math.NaN(), 0, 1e9)
	Within(&f, "c", math.Inf(1), 0, 1)
	f.Bad("d", "x y", "one of %d", 2)
	f.Add(io.ErrUnexpectedEOF)
	want := strings.TrimSpace(`
--a is 0; it has to be 1 to 5
--a is 1h0m0s; it has to be 0s to 1m0s
--b is 0; it has to be above 0, and at most 1000000000
--c is NaN; it has to be 0 to 1000000000
--c is NaN; it has to be above 0, and at most 1000000000
--c is +Inf; it has to be 0 to 1
--d is "x y"; it has to be one of 2
unexpected EOF`)
	if got := f.Err().Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
