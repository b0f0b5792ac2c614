package directory

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/httpapi"
	notifyapi "hubbub.internal/libs/api/notify"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/outbound"
	"hubbub.internal/services/directory/store"
)

// pushKeyID names the one key that pushes are signed with (RFC 8292). A device is bound to it, so
// it is never replaced.
const pushKeyID = "vapid"

// deviceSecretSize is the size of a device's secret (RFC 8291, section 3.2), in bytes.
const deviceSecretSize = 16

var (
	errEndpoint  = chat.E(chat.CodeBadRequest, "the endpoint must be a public https address")
	errDeviceKey = chat.E(chat.CodeBadRequest, "keys must have p256dh, a point of P-256, and auth, 16 bytes, both in base64url")
)

// pushKey is the key that pushes are signed with; nil: it was not read yet.
type pushKey struct {
	atomic.Pointer[ecdh.PrivateKey]
}

// push keeps the push subscriptions of devices, and the key that pushes are signed with.
type push struct {
	*core
	keys     *keys
	sessions *sessions

	pushKey pushKey
}

// preparePushKey reads the key that pushes are signed with, or makes it at the first start. It is
// sealed like the signing keys.
func (s *push) preparePushKey(ctx context.Context) error {
	k, err := s.store.PushKey(ctx, pushKeyID)
	if errors.Is(err, store.ErrNotFound) {
		fresh, err := ecdh.P256().GenerateKey(rand.Reader)
		if err != nil {
			return err
		}
		k = store.Key{ID: pushKeyID, Seed: s.keys.seals.seal(pushKeyID, fresh.Bytes()), Created: time.Now().UnixMilli()}
		if err := s.store.CreatePushKey(ctx, k); err != nil && !errors.Is(err, store.ErrConflict) {
			return err
		}
		k, err = s.store.PushKey(ctx, pushKeyID) // another replica may have been first
		if err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	seed, current, err := s.keys.seals.open(k.ID, k.Seed)
	if err != nil {
		return err
	}
	if !current {
		if err := s.store.SetPushSeed(ctx, k.ID, s.keys.seals.seal(k.ID, seed)); err != nil {
			return err
		}
	}
	private, err := ecdh.P256().NewPrivateKey(seed)
	if err != nil {
		return err
	}
	s.pushKey.Store(private)
	return nil
}

// publicPushKey returns the key that a browser subscribes with.
func (s *push) publicPushKey() string {
	return base64.RawURLEncoding.EncodeToString(s.pushKey.Load().PublicKey().Bytes())
}

// answerPushKey answers directoryapi.ServicePushKey.
func (s *push) answerPushKey(context.Context, directoryapi.PushKeyRequest) (directoryapi.PushKey, error) {
	return directoryapi.PushKey{Public: s.publicPushKey(), Private: base64.RawURLEncoding.EncodeToString(s.pushKey.Load().Bytes())}, nil
}

// pushState tells a log-in about its device.
type pushState struct {
	Key string `json:"key" doc:"The applicationServerKey for the Push API, in base64url."`
	On  bool   `json:"on" doc:"This log-in's device gets pushes."`
}

func (s *push) pushState(ctx context.Context, c auth.Claims) (pushState, error) {
	mine, err := s.subscriptionOf(ctx, c.User, c.Session)
	return pushState{Key: s.publicPushKey(), On: mine.Session != ""}, err
}

// subscriptionOf returns the subscription of a log-in of a user, or the zero Subscription.
func (s *push) subscriptionOf(ctx context.Context, user, session string) (store.Subscription, error) {
	all, err := s.store.SubscriptionsOf(ctx, []string{user})
	for _, x := range all {
		if x.Session == session {
			return x, nil
		}
	}
	return store.Subscription{}, err
}

type pushInput struct {
	Body struct {
		Endpoint string `json:"endpoint" maxLength:"1024" doc:"The fields are those of PushSubscription."`
		Keys     struct {
			Key    string `json:"p256dh" maxLength:"128"`
			Secret string `json:"auth" maxLength:"64"`
		} `json:"keys"`
		Expires any `json:"expirationTime,omitempty" doc:"Ignored."`
	}
}

// subscribe stores the subscription of a log-in's device.
func (s *push) subscribe(ctx context.Context, c auth.Claims, in *pushInput) error {
	if outbound.Check(in.Body.Endpoint, s.cfg.PushPrivate) != nil {
		return errEndpoint
	}
	key, errKey := base64.RawURLEncoding.DecodeString(strings.TrimRight(in.Body.Keys.Key, "="))
	secret, errSecret := base64.RawURLEncoding.DecodeString(strings.TrimRight(in.Body.Keys.Secret, "="))
	if errors.Join(errKey, errSecret) != nil || len(secret) != deviceSecretSize {
		return errDeviceKey
	}
	if _, err := ecdh.P256().NewPublicKey(key); err != nil {
		return errDeviceKey
	}
	x := store.Subscription{Session: c.Session, User: c.User, Endpoint: in.Body.Endpoint, Key: key, Secret: secret, Created: time.Now().UnixMilli()}
	if err := s.store.PutSubscription(ctx, x); err != nil {
		return err
	}
	// a log-out at the same moment may have missed this subscription
	if err := s.sessions.checkSession(ctx, c); err != nil {
		return errors.Join(err, s.store.DeleteSubscription(ctx, c.Session))
	}
	s.reachChanged(c.User)
	return nil
}

func (s *push) unsubscribe(ctx context.Context, c auth.Claims) error {
	err := s.store.DeleteSubscription(ctx, c.Session)
	s.reachChanged(c.User)
	return err
}

// reachChanged tells notify that a user's devices or choices have changed. A replica that misses it
// finds out when its cache expires.
func (s *push) reachChanged(user string) {
	if err := s.bus.Publish(directoryapi.ReachChannel, []byte(user)); err != nil {
		s.log.Debug("could not tell notify that a user's devices or choices have changed; it finds out later", zap.Error(err))
	}
}

func (s *push) pushRoutes(api huma.API) {
	route(s.core, api, guarded(http.MethodGet, "/v1/push", "push", "Whether this log-in's device gets pushes, and the key to subscribe with"),
		func(ctx context.Context, _ *struct{}) (pushState, error) {
			return s.pushState(ctx, httpapi.User(ctx))
		})
	route(s.core, api, guarded(http.MethodPut, "/v1/push", "put-push", "Send pushes to this log-in's device: give a subscription of the Push API (RFC 8030, 8291), which replaces the one before"),
		limited(s.core, func(ctx context.Context, in *pushInput) (empty, error) {
			return empty{}, s.subscribe(ctx, httpapi.User(ctx), in)
		}))
	route(s.core, api, guarded(http.MethodDelete, "/v1/push", "delete-push", "Send no more pushes to this log-in's device"),
		limited(s.core, func(ctx context.Context, _ *struct{}) (empty, error) {
			return empty{}, s.unsubscribe(ctx, httpapi.User(ctx))
		}))
	route(s.core, api, guarded(http.MethodPost, "/v1/push/try", "try-push", "Send a test push to this log-in's device"),
		limited(s.core, func(ctx context.Context, _ *struct{}) (empty, error) {
			c := httpapi.User(ctx)
			return empty{}, notifyapi.NewClient(s.bus).Try(ctx, notifyapi.TryRequest{User: c.User, Session: c.Session})
		}))
}
