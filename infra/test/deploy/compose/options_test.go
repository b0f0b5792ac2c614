package compose

import (
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"

	"hubbub.internal/infra/test/deploy/repo"
)

// settled are the options that the files set themselves: where services listen and what they reach,
// what nginx does, and what differs between replicas. For certificates of bus and store operators
// mount the files.
var settled = []string{
	"HUBBUB_LISTEN", "HUBBUB_OPS_LISTEN", "HUBBUB_STOP_DELAY", "HUBBUB_BASE_PATH", "HUBBUB_TRUSTED_PROXIES", "HUBBUB_EDGE_ID",
	"HUBBUB_BUS_CA", "HUBBUB_BUS_CERT", "HUBBUB_BUS_KEY", "HUBBUB_BUS_CREDS",
}

// TestEveryOptionCanBeSet checks that each option of each service comes from the operator's
// environment or, if it is a secret, from a file that `make secrets` makes.
func TestEveryOptionCanBeSet(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"docker-compose.yml", "docker-stack.yml"} {
		given := types.Mapping{"HUBBUB_REGISTRY": "ghcr.io/somebody/", "HUBBUB_VERSION": "1.2.3"}
		for _, name := range services {
			for _, option := range repo.Options(t, name) {
				if !strings.HasSuffix(option, "_FILE") {
					given[option] = "by " + option
				}
			}
		}
		p := load(t, given, file)
		for _, name := range services {
			s := p.Services[name]
			for _, option := range repo.Options(t, name) {
				if strings.HasSuffix(option, "_FILE") || slices.Contains(settled, option) {
					continue
				}
				if path := s.Environment[option+"_FILE"]; path != nil {
					secret := strings.TrimPrefix(*path, "/run/secrets/")
					if !slices.Contains(secretsOf(s), secret) {
						t.Errorf("%s: %s reads %s, which it is not given", file, name, *path)
					}
				} else if got := s.Environment[option]; got == nil || *got != "by "+option {
					t.Errorf("%s: an operator cannot set, for %s, %s", file, name, option)
				}
			}
		}
		delete(given, "HUBBUB_MAIL_FROM")
		if got, set := load(t, given, file).Services["directory"].Environment["HUBBUB_MAIL_FROM"]; set && got != nil {
			t.Errorf("%s: a variable that nobody sets is %q", file, *got)
		}
	}
}
