package upgrade

import (
	"errors"
	"strings"
	"testing"
)

func TestAnswer(t *testing.T) {
	bits := answer + "; server_max_window_bits=15"
	for offer, want := range map[string]string{
		"":                   "",
		"permessage-deflate": answer,
		"Permessage-Deflate": answer,
		"permessage-deflate; client_max_window_bits":                                 answer,
		"permessage-deflate;client_max_window_bits=10":                               answer,
		`permessage-deflate; client_max_window_bits="1\0"`:                           answer,
		`permessage-deflate; server_max_window_bits="15"`:                            bits,
		"permessage-deflate ; server_max_window_bits = 15 ":                          bits,
		"permessage-deflate; server_no_context_takeover; client_no_context_takeover": answer,
		"permessage-deflate; server_max_window_bits=10, permessage-deflate":          answer,
		"permessage-deflate; server_max_window_bits=15, permessage-deflate":          bits,
		"x-webkit-deflate-frame, permessage-deflate":                                 answer,
		`foo; bar="baz"; x, , permessage-deflate,`:                                   answer,
		// Offers that are declined.
		"permessage-deflate; server_max_window_bits=14":                              "",
		"permessage-deflate; server_max_window_bits=8":                               "",
		"permessage-deflate; server_max_window_bits=16":                              "",
		"permessage-deflate; server_max_window_bits=015":                             "",
		"permessage-deflate; server_max_window_bits":                                 "",
		"permessage-deflate; client_max_window_bits=7":                               "",
		"permessage-deflate; client_max_window_bits=08":                              "",
		"permessage-deflate; client_max_window_bits=x":                               "",
		"permessage-deflate; server_no_context_takeover=1":                           "",
		"permessage-deflate; client_no_context_takeover; client_no_context_takeover": "",
		"permessage-deflate; client_max_window_bits; client_max_window_bits=15":      "",
		"permessage-deflate; mystery":                                                "",
		"permessage-bzip2":                                                           "",
	} {
		if got, err := answerOffers(offer); err != nil || got != want {
			t.Errorf("%q is answered %q, %v; want %q", offer, got, err, want)
		}
	}
	for _, bad := range []string{
		"permessage-deflate;", "permessage-deflate; ;", "permessage-deflate; =1", ";", "a b", "permessage-deflate x",
		`permessage-deflate; client_max_window_bits="10`, `permessage-deflate; client_max_window_bits=""`,
		`permessage-deflate; client_max_window_bits="1 0"`, `permessage-deflate; client_max_window_bits="10\`, "permessage-deflate; a=", "é", "a/b",
	} {
		if got, err := answerOffers(bad); !errors.Is(err, errOffers) {
			t.Errorf("%q is answered %q, %v", bad, got, err)
		}
	}
}

// FuzzAnswer holds that every header is answered or refused, and that the answer is one of ours.
func FuzzAnswer(f *testing.F) {
	f.Add(`permessage-deflate; client_max_window_bits="1\0", x; y=z`)
	f.Add("permessage-deflate; server_max_window_bits=15")
	f.Add(strings.Repeat("a;b=c,", 100))
	f.Fuzz(func(t *testing.T, header string) {
		got, err := answerOffers(header)
		if err != nil && got != "" || got != "" && !strings.HasPrefix(got, answer) {
			t.Fatalf("%q is answered %q, %v", header, got, err)
		}
	})
}
