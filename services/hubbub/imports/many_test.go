package imports

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestMany imports more messages than are given at once, of several rooms at the same time.
func TestMany(t *testing.T) {
	t.Parallel()
	w := open(t, "")
	var day strings.Builder
	const n = 1500
	for i := range n {
		fmt.Fprintf(&day, `,{"type":"message","user":"U%d","text":"text %d of some words","ts":"15000%05d.000000"}`, i%3+1, i, i)
	}
	list := "[" + day.String()[1:] + "]"
	began := time.Now()
	out, err := w.run("slack", packed(t, "testdata/slack", "general/2017-07-14.json", list, "plans/2017-07-14.json", list))
	if err != nil || !strings.Contains(out, "3012 messages") {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%d messages in %s", 2*n, time.Since(began))
	for _, key := range []string{"C1", "C2"} {
		all := w.said(w.room(slackSource, key).ID)
		for i := range n {
			if !strings.Contains(all[i], fmt.Sprintf(": text %d of", i)) {
				t.Fatalf("message %d of %s is %s", i, key, all[i])
			}
		}
	}
}
