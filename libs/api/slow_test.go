package api_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"hubbub.internal/libs/api"
)

// TestLogSlow: of two requests of other services the one that takes too long is logged.
func TestLogSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zap.DebugLevel)
		for _, tt := range []struct{ slow, takes time.Duration }{{time.Second, time.Second}, {time.Second, time.Second + 1}, {0, time.Hour}} {
			r := &local{}
			_, err := api.Serve(t.Context(), api.LogSlow(r, zap.New(core), tt.slow), nil, api.Answer("svc.test", func(context.Context, question) (answer, error) {
				time.Sleep(tt.takes) // of the bubble's clock
				return answer{"yes"}, nil
			}))
			if err != nil {
				t.Fatal(err)
			}
			if a, err := api.Call[question, answer](t.Context(), r, "svc.test", question{"x"}); err != nil || a.Text != "yes" {
				t.Errorf("answered %+v, %v", a, err)
			}
			all := logs.TakeAll()
			if late := tt.slow > 0 && tt.takes > tt.slow; late != (len(all) == 1) {
				t.Errorf("%s of %s: logged %v", tt.takes, tt.slow, all)
			} else if late && (all[0].ContextMap()["asked"] != "svc.test" || all[0].Level != zap.WarnLevel) {
				t.Errorf("logged %+v", all[0])
			}
		}
	})
}
