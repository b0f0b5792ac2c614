package up

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/await"
	"hubbub.internal/libs/bus/membus"
	"hubbub.internal/libs/checkout"
	"hubbub.internal/services/directory"
	"hubbub.internal/services/directory/store/memory"
	"hubbub.internal/services/edge"
	"hubbub.internal/services/history"
	"hubbub.internal/services/presence"
)

// TestTableOfNGINX holds that nginx has the routes of the table. `make docs` writes them.
func TestTableOfNGINX(t *testing.T) {
	t.Parallel()
	root, err := checkout.Root()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(root, "infra/nginx/table.conf")
	if os.Getenv("HUBBUB_UPDATE_DOCS") != "" {
		if err := os.WriteFile(path, nginxTable(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, nginxTable()) {
		t.Errorf("%s is not current: run `make docs`", path)
	}
}

// TestTableAgainstServices asks each service what it answers: the table leads all of it there.
func TestTableAgainstServices(t *testing.T) {
	t.Parallel()
	b := membus.NewServer(membus.Options{}).Open()
	defer b.Close()
	cfg, err := parsed(t, "--data", t.TempDir(), "--web", "none")
	if err != nil {
		t.Fatal(err)
	}
	cache := directoryapi.NewCache(b, zap.NewNop())
	verifier := auth.NewVerifier(directoryapi.NewClient(b).Keys)
	d, err := directory.New(cfg.Directory, directory.Deps{Bus: b, Store: memory.New(), Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	h, err := history.New(cfg.History, history.Deps{Bus: b, Verifier: verifier, Cache: cache, Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	p, err := presence.New(cfg.Presence, presence.Deps{Bus: b, Verifier: verifier, Access: cache, Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Edge.Listen = "127.0.0.1:0"
	e, err := edge.New(cfg.Edge, edge.Deps{Bus: b, Verifier: verifier, Directory: cache, Log: zap.NewNop(), Metrics: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { ended <- d.Run(ctx) }()
	go func() { ended <- e.Run(ctx) }()
	defer func() {
		stop()
		for range cap(ended) {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}()
	for d.Ready(ctx) != nil {
		if err := await.Sleep(ctx, time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	for name, service := range map[string]http.Handler{"directory": d.Handler(), "history": h.Handler(), "presence": p.Handler(), "edge": e.Handler()} {
		document := "/v1/" + name + "/openapi.json"
		w := httptest.NewRecorder()
		service.ServeHTTP(w, httptest.NewRequest(http.MethodGet, document, nil))
		var api struct {
			Paths map[string]map[string]any // by path and method
		}
		if err := json.Unmarshal(w.Body.Bytes(), &api); err != nil || len(api.Paths) == 0 {
			t.Fatalf("the document of %s: %v: %.80s", name, err, w.Body)
		}
		api.Paths[document] = map[string]any{"get": nil}
		for path, methods := range api.Paths {
			for method := range methods {
				if got := serviceOf(strings.ToUpper(method), strings.NewReplacer("{", "", "}", "").Replace(path)); got != name {
					t.Errorf("%s %s of %s leads to %q", method, path, name, got)
				}
			}
		}
	}
	for _, path := range []string{"", "*", "v1/reads", "/", "/v1", "/v1x/reads", "/assets/v1/reads", "/.well-known/jwks.json/"} {
		if got := serviceOf(http.MethodGet, path); got != "" {
			t.Errorf("%q leads to %q, want the page", path, got)
		}
	}
}
