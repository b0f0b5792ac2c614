package directory

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// TestDigestsLogNoAddress: logs of any level have nobody's mail address, also not where the mail
// server repeats it in its refusal.
func TestDigestsLogNoAddress(t *testing.T) {
	w, sink, others, ann := openAway(t)
	w.stop()
	core, logs := observer.New(zap.DebugLevel)
	w = runLogging(t, w.cfg, w.connect, w.store, never, zap.New(core))
	w.serves()
	logged := func(what string) int { return logs.FilterMessage(what).Len() }
	digest := func() {
		t.Helper()
		others.waits(ann.User.ID, mentionIn("lobby", time.Now().UnixMilli()))
		w.lookAgain(ann.User.ID, time.UnixMilli(0))
		w.look(ann.User.ID)
	}
	digest()
	sink.Next(t)
	sink.Refuse(550)
	digest()
	w.eventually("a refusal is logged", func() bool { return logged("the mail server refused a letter") == 1 })
	sink.Refuse(451)
	digest()
	sink.Next(t) // at the second try
	if logged("a letter cannot be sent yet; trying again") != 1 {
		t.Error("that it is tried again is not logged")
	}
	w.noLetter(sink)
	w.stop()
	for _, l := range logs.All() {
		if text := fmt.Sprint(l.Message, l.ContextMap()); strings.Contains(strings.ToLower(text), "ann@") || strings.Contains(text, "@example.org") {
			t.Errorf("the log has an address: %s", text)
		}
	}
}
