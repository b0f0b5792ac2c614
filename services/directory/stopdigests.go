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

// stopInfo names what the key that signs links against digests is for (RFC 5869, section 3.2).
const stopInfo = "hubbub: no more digests"

// stopTries is how often a choice is made again that the user's own device has crossed.
const stopTries = 10

var errStopLink = chat.E(chat.CodeForbidden, "this link is not good any more: choose how often you get mail under Notifications in Settings")

// digestRoutes are the routes of digests.
func (s *digests) digestRoutes(api huma.API) {
	route(s.core, api, public(http.MethodPost, "/v1/digests/stop", "stop-digests", "Write no more digests to the account that a link is for (RFC 8058)"),
		func(ctx context.Context, in *stopInput) (empty, error) {
			return empty{}, s.stopDigests(ctx, in.Token)
		})
}

// stopInput has no body: a mail program sends a form that says what the request does anyway.
type stopInput struct {
	Token string `query:"token" required:"true" maxLength:"200" doc:"What stands in the link."`
}

// StopPath returns what is appended to the address of the page for where the receiver of digests
// ends them.
func StopPath(token string) string { return "#/digests/" + token }

// stopToken returns what ends the digests of an account, for as long as it has this mail address.
// It is signed and not kept: the link in any letter works, and nothing grows with letters.
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
	at := strings.LastIndexByte(token, '.') // of which base64url has none
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

// chooseDigests changes how often somebody is written a digest, beside the user's own devices.
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
