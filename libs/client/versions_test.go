package client_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"

	"hubbub.internal/libs/client"
)

// TestVersions are listed over HTTP, a part at a time.
func TestVersions(t *testing.T) {
	var asked string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.Method + " " + r.URL.RequestURI()
		fmt.Fprint(w, `{"versions":[{"seq":9,"ts":2,"text":"now"},{"seq":7,"ts":1,"lost":true}],"more":true,"hidden":true}`)
	}))
	t.Cleanup(srv.Close)
	s := client.NewAPI(srv.URL, nil).Session(client.Grant{Token: "t"})
	got, err := s.Versions(soon(t), "lobby", client.Name{User: "u2", ID: "m0"}, 0)
	want := client.Versions{Versions: []client.Version{{Seq: 9, TS: 2, Text: "now"}, {Seq: 7, TS: 1, Lost: true}}, More: true, Hidden: true}
	if err != nil || asked != "GET /v1/rooms/lobby/versions/u2/m0" || !reflect.DeepEqual(got, want) {
		t.Errorf("asked %q, got %+v, %v", asked, got, err)
	}
	if _, err := s.Versions(soon(t), "lobby", client.Name{User: "u2", ID: "m0"}, 7); err != nil || asked != "GET /v1/rooms/lobby/versions/u2/m0?before=7" {
		t.Errorf("asked %q, %v", asked, err)
	}
}
