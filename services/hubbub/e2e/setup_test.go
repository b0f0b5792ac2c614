package e2e

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"hubbub.internal/services/hubbub/rigs/cluster"
)

// setUp makes somebody who is registered the operator, by the set-up link that the directory has
// written to its log.
func setUp(t *testing.T, c *cluster.Cluster, name string) {
	t.Helper()
	log, err := os.ReadFile(c.Process("directory").LogFile())
	if err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`#/setup/([A-Za-z0-9_-]+)`).FindSubmatch(log)
	if link == nil {
		t.Fatalf("there is no set-up link in the directory's log:\n%s", log)
	}
	body := fmt.Sprintf(`{"link":%q,"name":%q,"password":"correct horse"}`, link[1], name)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.URL+"/v1/setup", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("the set-up link was answered %s", answer.Status)
	}
}
