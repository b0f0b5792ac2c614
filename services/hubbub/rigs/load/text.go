package load

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// textOf returns a text that contains its sender, its number among the sender's in the room, and
// when it was due.
func textOf(sender, number int, due time.Time, bytes int) string {
	text := fmt.Sprintf("%d %d %d", sender, number, due.UnixMicro())
	if n := bytes - len(text) - 1; n > 0 {
		text += " " + strings.Repeat("x", n)
	}
	return text
}

// dueOf returns when a text was due. It allocates nothing: every delivery calls it.
func dueOf(text string) (time.Time, bool) {
	_, _, due, ok := fieldsOf(text)
	us, err := strconv.ParseInt(due, 10, 64)
	return time.UnixMicro(us), ok && err == nil
}

// originOf returns the sender of a text, and its number among the sender's in the room.
func originOf(text string) (sender, number int, ok bool) {
	who, which, _, ok := fieldsOf(text)
	sender, err1 := strconv.Atoi(who)
	number, err2 := strconv.Atoi(which)
	return sender, number, ok && err1 == nil && err2 == nil
}

func fieldsOf(text string) (sender, number, due string, ok bool) {
	sender, text, _ = strings.Cut(text, " ")
	number, text, ok = strings.Cut(text, " ")
	due, _, _ = strings.Cut(text, " ")
	return sender, number, due, ok
}
