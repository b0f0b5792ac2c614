package busurl

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bytes is a size that people write with a unit.
type Bytes int64

var units = []struct {
	name string
	size Bytes
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

// UnmarshalText reads a number of bytes, or one with KiB, MiB or GiB.
func (b *Bytes) UnmarshalText(text []byte) error {
	s, size := string(text), Bytes(1)
	for _, u := range units {
		if rest, ok := strings.CutSuffix(s, u.name); ok {
			s, size = strings.TrimSpace(rest), u.size
			break
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/int64(size) {
		return fmt.Errorf("%.40q is no size; it has to be like 1073741824 or 1GiB", text)
	}
	*b = Bytes(n) * size
	return nil
}

// String returns the size with the greatest unit that divides it.
func (b Bytes) String() string {
	for _, u := range units {
		if b != 0 && b%u.size == 0 {
			return strconv.FormatInt(int64(b/u.size), 10) + u.name
		}
	}
	return "0"
}
