package e2e

import (
	"bufio"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"hubbub.internal/services/hubbub/rigs/cluster"
)

// testClocks holds that every service tells the others its time, and hears theirs.
func testClocks(t *testing.T, c *cluster.Cluster) {
	var services []*cluster.Process
	for _, p := range c.All() {
		if p.Ops != "" {
			services = append(services, p)
		}
	}
	if len(services) != 6 {
		t.Fatalf("there are %d services", len(services))
	}
	for _, p := range services {
		// Who has been killed is known for a while yet.
		eventually(t, p.Name+" hears all others", func() bool {
			n, err := strconv.Atoi(metric(t, p, "hubbub_clock_others"))
			return err == nil && n >= len(services)-1
		})
		for _, name := range []string{"ahead", "behind"} {
			// They share one clock.
			if at := metric(t, p, "hubbub_clock_others_"+name+"_seconds"); at != "0" {
				t.Errorf("to %s clocks are %s by %s s", p.Name, name, at)
			}
		}
	}
}

// metric returns the value of a metric without labels, as it is printed; empty: there is none.
func metric(t *testing.T, p *cluster.Process, name string) string {
	t.Helper()
	res, err := http.Get("http://" + p.Ops + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			return value
		}
	}
	return ""
}
