package directory

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"hubbub.internal/libs/attention"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// stopInfo is the info from which HKDF derives the key that signs links to end digests (RFC 5869,
// section 3.2).
const stopInfo = "hubbub: no more digests"

// stopTries is how often chooseDigests tries while the user's own devices change the preferences.
const stopTries = 10

var errStopLink = chat.E(chat.CodeForbidden, "this link does not work any more: choose how often you get mail under Notifications in Settings")

// digestRoutes registers the routes of digests.
func (s *digests) digestRoutes(api huma.API) {
	route(s.core, api, public(http.MethodPost, "/v1/digests/stop", "stop-digests", "Send no more digests to the account that a link is for (RFC 8058)"),
		func(ctx context.Context, in *stopInput) (empty, error) {
			return empty{}, s.stopDigests(ctx, in.Token)
		})
}

// stopInput has no body: the form that mail programs send adds nothing.
type stopInput struct {
	Token string `query:"token" required:"true" maxLength:"200" doc:"What stands in the link."`
}

// StopPath returns what to append to the page's address for the link that ends digests.
func StopPath(token string) string { return "#/digests/" + token }

// stopToken returns a token that ends the digests of an account while it has this mail address. It
// is signed and not stored: the link in every letter works, and letters need no space in the store.
func (s *digests) stopToken(a store.Account) (string, error) {
	sum, err := s.stopSum(a)
	return a.User + "." + base64.RawURLEncoding.EncodeToString(sum), err
}

func (s *digests) stopSum(a store.Account) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, s.push.pushKey.Load().Bytes(), nil, stopInfo, sha256.Size)
	if err != nil {
		return nil, err
	}
	h := hmac.New(sha256.New, key)
	h.Write([]byte(a.User + "\n" + a.MailKey))
	return h.Sum(nil), nil
}

// stopDigests ends the digests of the account that a token is for.
func (s *digests) stopDigests(ctx context.Context, token string) error {
	at := strings.LastIndexByte(token, '.') // base64url has no dot
	if at < 0 || !chat.ValidID(token[:at]) {
		return errStopLink
	}
	user := token[:at]
	given, err := base64.RawURLEncoding.DecodeString(token[at+1:])
	if err != nil {
		return errStopLink
	}
	a, err := s.store.Account(ctx, user)
	if err != nil {
		return err
	}
	want, err := s.stopSum(a)
	if err != nil {
		return err
	}
	if a.Mail == "" || !hmac.Equal(given, want) {
		return errStopLink
	}
	return s.chooseDigests(ctx, user, attention.Never)
}

// chooseDigests changes how often a user gets a digest. The user's devices may change the
// preferences at the same time.
func (s *digests) chooseDigests(ctx context.Context, user string, every attention.Frequency) error {
	for tries := 1; ; tries++ {
		p, err := s.userPreferences.preferences(ctx, user)
		if err != nil {
			return err
		}
		if p.Values == nil {
			p.Values = map[string]any{}
		}
		chosen, _ := p.Values[attention.Key].(map[string]any)
		if chosen == nil {
			chosen = map[string]any{}
		}
		if chosen["mail"] == string(every) {
			return nil
		}
		chosen["mail"] = string(every)
		p.Values[attention.Key] = chosen
		if _, err := s.userPreferences.putPreferences(ctx, user, p); !errors.Is(err, errPreferencesChanged) || tries == stopTries {
			return err
		}
	}
}
