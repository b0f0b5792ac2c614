package peers

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestFirst: the oldest replica that can speak does, as long as it is heard.
func TestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ready := true
		p := New(Config{Every: time.Second, Expiry: 3 * time.Second}, nil, zap.NewNop(), func() bool { return ready })
		p.id = "m"
		hear := func(format string, args ...any) { p.receive(fmt.Appendf(nil, format, args...)) }
		want := func(what string, first bool, count int) {
			t.Helper()
			if p.First() != first || p.Count() != count {
				t.Errorf("%s: first %t of %d", what, p.First(), p.Count())
			}
		}
		want("alone", true, 1)
		hear(`{"id":"z","ready":true}`)
		want("with a younger one", true, 2)
		hear(`{"id":"a"}`)
		want("with an older one that cannot speak", true, 3)
		hear(`{"id":"a","ready":true}`)
		want("with an older one", false, 3)
		hear(`{"id":"a","bye":true}`)
		want("which goes", true, 2)
		hear(`{"id":"b","ready":true}`)
		want("and another", false, 3)
		time.Sleep(3 * time.Second)
		want("which is silent", true, 1)
		p.forget(time.Now())
		if len(p.others) != 0 {
			t.Error("the silent ones are kept")
		}
		ready = false
		want("not ready", false, 1)
		ready = true

		for _, garbage := range []string{"", "x", `{"id":""}`, `{"id":"a b","ready":true}`, `{"id":1}`, `[]`} {
			hear("%s", garbage)
		}
		want("after garbage", true, 1)
		for i := range 2 * maxPeers {
			hear(`{"id":"x%d"}`, i)
		}
		if len(p.others) > maxPeers {
			t.Errorf("%d others are kept", len(p.others))
		}
		hear(`{"id":"x0","ready":true}`)
		if !p.others["x0"].ready {
			t.Error("one that is known is not heard when there are many")
		}

		if p.Hears() {
			t.Error("it hears before it has heard anything")
		}
		hear(`{"id":"m","ready":true}`)
		if !p.Hears() {
			t.Error("it has heard itself")
		}
		time.Sleep(3 * time.Second)
		if p.Hears() {
			t.Error("it hears nothing any more")
		}
	})
}
