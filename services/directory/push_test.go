package directory

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"hubbub.internal/libs/api"
	directoryapi "hubbub.internal/libs/api/directory"
	notifyapi "hubbub.internal/libs/api/notify"
	"hubbub.internal/libs/attention"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

// subscription returns what a browser makes to be reached at an address.
func subscription(t *testing.T, endpoint string) string {
	t.Helper()
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`{"endpoint":%q,"expirationTime":null,"keys":{"p256dh":%q,"auth":%q}}`, endpoint,
		base64.RawURLEncoding.EncodeToString(key.PublicKey().Bytes()), base64.RawURLEncoding.EncodeToString(make([]byte, deviceSecretSize)))
}

func (w *world) subscribes(c credentials, endpoint string) {
	w.t.Helper()
	w.ok("PUT", "/v1/push", c.Token, subscription(w.t, endpoint), nil)
}

// reached returns whom a question finds, with the endpoints of each.
func (w *world) reached(r directoryapi.ReachRequest) map[string][]string {
	w.t.Helper()
	reach, err := directoryapi.NewClient(w.bus).Reach(w.t.Context(), r)
	if err != nil {
		w.t.Fatal(err)
	}
	all := map[string][]string{}
	for _, p := range reach.People {
		all[p.User] = []string{}
		for _, d := range p.Devices {
			all[p.User] = append(all[p.User], d.Endpoint)
		}
	}
	return all
}

func TestPushKeyStaysAndIsSealed(t *testing.T) {
	w := openWorld(t, config())
	ann := w.register("Ann")
	var before, after pushState
	w.ok("GET", "/v1/push", ann.Token, "", &before)
	raw, err := base64.RawURLEncoding.DecodeString(before.Key)
	if err != nil || len(raw) != 65 || before.On {
		t.Fatalf("the key is %q, on %v", before.Key, before.On)
	}
	plain, err := w.store.PushKey(t.Context(), pushKeyID)
	if err != nil || len(plain.Seed) != 32 {
		t.Fatalf("it is kept as %d bytes, %v", len(plain.Seed), err)
	}
	w.stop()
	cfg := config()
	cfg.KeySecrets = []string{base64.StdEncoding.EncodeToString(make([]byte, keySecretSize))}
	again := start(t, cfg, w.connect, w.store)
	again.ok("GET", "/v1/push", ann.Token, "", &after)
	sealedKey, err := w.store.PushKey(t.Context(), pushKeyID)
	if after.Key != before.Key || err != nil || len(sealedKey.Seed) == 32 || slices.Equal(sealedKey.Seed[1:33], plain.Seed) {
		t.Errorf("after a start with a secret the key is %q, kept in %d bytes, %v", after.Key, len(sealedKey.Seed), err)
	}
	pair, err := directoryapi.NewClient(again.bus).PushKey(t.Context())
	private, _ := base64.RawURLEncoding.DecodeString(pair.Private)
	if err != nil || pair.Public != before.Key || !slices.Equal(private, plain.Seed) {
		t.Errorf("notify gets %v, %v", pair.Public, err)
	}
}

func TestBadSubscriptionsAreRefused(t *testing.T) {
	w := openWorld(t, config())
	ann := w.register("Ann")
	good := subscription(t, "https://push.example/1")
	for name, body := range map[string]string{
		"no https":       subscription(t, "http://push.example/1"),
		"this machine":   subscription(t, "https://127.0.0.1/1"),
		"its name":       subscription(t, "https://localhost/1"),
		"a private one":  subscription(t, "https://10.0.0.1/1"),
		"the cloud's":    subscription(t, "https://169.254.169.254/latest/meta-data"),
		"a password":     subscription(t, "https://a:b@push.example/1"),
		"too long":       subscription(t, "https://push.example/"+strings.Repeat("x", 1100)),
		"no address":     subscription(t, ""),
		"no point":       strings.Replace(good, `"p256dh":"B`, `"p256dh":"C`, 1),
		"no base64":      strings.Replace(good, `"p256dh":"B`, `"p256dh":"!`, 1),
		"a short secret": strings.Replace(good, `"auth":"AAAA`, `"auth":"`, 1),
		"no keys":        `{"endpoint":"https://push.example/1"}`,
	} {
		if c := w.code(ann, "PUT", "/v1/push", body); c != "bad_request" {
			t.Errorf("%s: %q", name, c)
		}
	}
	var state pushState
	if w.ok("GET", "/v1/push", ann.Token, "", &state); state.On {
		t.Error("one of them was taken")
	}
	w.ok("PUT", "/v1/push", ann.Token, good, nil)
	if w.ok("GET", "/v1/push", ann.Token, "", &state); !state.On {
		t.Error("a good one was not taken")
	}
	w.ok("DELETE", "/v1/push", ann.Token, "", nil)
	if w.ok("GET", "/v1/push", ann.Token, "", &state); state.On {
		t.Error("it is on after it was turned off")
	}
}

// TestDevicesEndWithTheirLogIn, however that ends.
func TestDevicesEndWithTheirLogIn(t *testing.T) {
	for name, end := range map[string]func(w *world, op, bob credentials){
		"log-out": func(w *world, _, bob credentials) { w.ok("POST", "/v1/logout", bob.Token, "", nil) },
		"ban": func(w *world, op, bob credentials) {
			w.ok("PUT", "/v1/bans/"+bob.User.ID, op.Token, `{"reason":"spam"}`, nil)
		},
		"deletion": func(w *world, _, bob credentials) {
			w.ok("POST", "/v1/me/delete", bob.Token, `{"password":"correct horse"}`, nil)
		},
		"all log-ins end": func(w *world, _, bob credentials) {
			if err := w.store.EndSessionsOf(w.t.Context(), bob.User.ID); err != nil {
				w.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := openWorld(t, config())
			op, bob := w.operator("Op"), w.register("Bob")
			w.subscribes(bob, "https://push.example/bob")
			ask := directoryapi.ReachRequest{Room: "lobby", Users: []string{bob.User.ID}}
			if got := w.reached(ask); !slices.Equal(got[bob.User.ID], []string{"https://push.example/bob"}) {
				t.Fatalf("before, he is reached at %v", got)
			}
			end(w, op, bob)
			w.eventually("he is reached no more", func() bool { return len(w.reached(ask)) == 0 })
			if err := w.departures.removeEnded(t.Context()); err != nil {
				t.Fatal(err)
			}
			if left, err := w.store.SubscriptionsAfter(t.Context(), "", 10); err != nil || len(left) > 0 && name != "ban" {
				t.Errorf("there is left %v, %v", left, err)
			}
		})
	}
}

// TestBrowserTellsOneAccount: who logs in where somebody else was gets that browser's subscription.
func TestBrowserTellsOneAccount(t *testing.T) {
	w := openWorld(t, config())
	ann, bob := w.register("Ann"), w.register("Bob")
	w.subscribes(ann, "https://push.example/shared")
	w.subscribes(bob, "https://push.example/shared")
	got := w.reached(directoryapi.ReachRequest{Room: "lobby", Users: []string{ann.User.ID, bob.User.ID}})
	if len(got) != 1 || len(got[bob.User.ID]) != 1 {
		t.Errorf("reached are %v", got)
	}
}

func TestReachIsForMembersWhoTakeTheSenders(t *testing.T) {
	w := openWorld(t, config())
	ann, bob, cyd := w.register("Ann"), w.register("Bob"), w.register("Cyd")
	for i, c := range []credentials{ann, bob, cyd} {
		w.subscribes(c, fmt.Sprintf("https://push.example/%d", i))
	}
	room := w.create(ann, `{"name":"Council","private":true}`)
	w.bring(ann, room.ID, bob, directoryapi.RoleMember)
	everybody := []string{ann.User.ID, bob.User.ID, cyd.User.ID, "nobody"}
	got := w.reached(directoryapi.ReachRequest{Room: room.ID, Users: everybody})
	if len(got) != 2 || got[cyd.User.ID] != nil {
		t.Errorf("in a private room reached are %v", got)
	}
	if got := w.reached(directoryapi.ReachRequest{Room: "none", Users: everybody}); len(got) != 0 {
		t.Errorf("in no room reached are %v", got)
	}
	w.ok("PUT", "/v1/blocks/"+cyd.User.ID, bob.Token, `{"kind":"ignore"}`, nil)
	w.ok("PUT", "/v1/preferences", bob.Token, `{"version":0,"values":{"notify":{"rooms":{"`+room.ID+`":"nothing"}}}}`, nil)
	reach, err := directoryapi.NewClient(w.bus).Reach(t.Context(), directoryapi.ReachRequest{Room: room.ID, Users: []string{bob.User.ID}, Senders: []string{ann.User.ID, cyd.User.ID}})
	if err != nil || reach.Name != "Council" || reach.Direct || len(reach.People) != 1 {
		t.Fatalf("%+v, %v", reach, err)
	}
	if p := reach.People[0]; !slices.Equal(p.Hidden, []string{cyd.User.ID}) || p.Choices.In(room.ID) != attention.Nothing || len(p.Devices[0].Key) != 65 || len(p.Devices[0].Secret) != deviceSecretSize {
		t.Errorf("Bob is %+v", p)
	}
	w.ok("DELETE", "/v1/rooms/"+room.ID+"/members/"+bob.User.ID, ann.Token, "", nil)
	if got := w.reached(directoryapi.ReachRequest{Room: room.ID, Users: []string{bob.User.ID}}); len(got) != 0 {
		t.Errorf("who was removed is reached: %v", got)
	}
	var direct roomView
	w.ok("POST", "/v1/direct", ann.Token, fmt.Sprintf(`{"user":%q}`, bob.User.ID), &direct)
	if got := w.reached(directoryapi.ReachRequest{Room: direct.ID}); len(got) != 2 {
		t.Errorf("in a direct room reached are %v", got)
	}
	var group roomView
	w.ok("POST", "/v1/direct", ann.Token, among(bob, cyd), &group)
	if got := w.reached(directoryapi.ReachRequest{Room: group.ID}); len(got) != 3 {
		t.Errorf("in a group reached are %v", got)
	}
	if _, err := directoryapi.NewClient(w.bus).Reach(t.Context(), directoryapi.ReachRequest{Room: room.ID, Users: make([]string, directoryapi.MaxReach+1)}); chat.CodeOf(err) != chat.CodeBadRequest {
		t.Errorf("too many at a time: %v", err)
	}
}

func TestReachableNamesWhoHasADevice(t *testing.T) {
	w := openWorld(t, config())
	ann, _, cyd := w.register("Ann"), w.register("Bob"), w.register("Cyd")
	room := w.create(cyd, `{"name":"Council","private":true}`)
	w.subscribes(ann, "https://push.example/a")
	w.subscribes(cyd, "https://push.example/c")
	w.ok("PUT", "/v1/preferences", cyd.Token, `{"version":0,"values":{"notify":{"level":"everything","words":["deploy"]}}}`, nil)
	client := directoryapi.NewClient(w.bus)
	all, err := client.Reachable(t.Context(), directoryapi.ReachableRequest{})
	if err != nil || len(all.People) != 2 || all.Next != "" {
		t.Fatalf("%+v, %v", all, err)
	}
	one, err := client.Reachable(t.Context(), directoryapi.ReachableRequest{User: cyd.User.ID})
	if err != nil || len(one.People) != 1 || !slices.Contains(one.People[0].Rooms, room.ID) || !slices.Contains(one.People[0].Rooms, "lobby") ||
		!slices.Equal(one.People[0].Choices.Words, []string{"deploy"}) {
		t.Errorf("%+v, %v", one, err)
	}
	for i := range directoryapi.MaxReachable {
		x := store.Subscription{Session: fmt.Sprintf("zz%03d", i), User: ann.User.ID, Endpoint: fmt.Sprintf("https://push.example/z%d", i)}
		if err := w.store.PutSubscription(t.Context(), x); err != nil {
			t.Fatal(err)
		}
	}
	pages, after := 0, ""
	for pages == 0 || after != "" {
		page, err := client.Reachable(t.Context(), directoryapi.ReachableRequest{After: after})
		if err != nil || pages > 3 {
			t.Fatalf("page %d: %v", pages, err)
		}
		pages, after = pages+1, page.Next
	}
	if pages != 2 {
		t.Errorf("%d pages", pages)
	}
}

// TestLapsedDeviceIsForgotten, but not one that has subscribed anew meanwhile.
func TestLapsedDeviceIsForgotten(t *testing.T) {
	w := openWorld(t, config())
	ann := w.register("Ann")
	session := w.claims(ann).Session
	w.subscribes(ann, "https://push.example/new")
	client := directoryapi.NewClient(w.bus)
	for _, r := range []directoryapi.LapsedRequest{{Session: session, Endpoint: "https://push.example/old"}, {Session: "none", Endpoint: "https://push.example/new"}} {
		if err := client.Lapsed(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := client.Devices(t.Context(), directoryapi.DevicesRequest{User: ann.User.ID, Session: session}); err != nil || len(all) != 1 {
		t.Fatalf("devices are %v, %v", all, err)
	}
	if err := client.Lapsed(t.Context(), directoryapi.LapsedRequest{Session: session, Endpoint: "https://push.example/new"}); err != nil {
		t.Fatal(err)
	}
	if all, err := client.Devices(t.Context(), directoryapi.DevicesRequest{User: ann.User.ID}); err != nil || len(all) != 0 {
		t.Errorf("devices are %v, %v", all, err)
	}
}

// TestChangesOfReachAreTold on the bus, so that notify does not ask all the time.
func TestChangesOfReachAreTold(t *testing.T) {
	w := openWorld(t, config())
	ann := w.register("Ann")
	told := make(chan string, 10)
	sub, err := w.connect(t).Subscribe(t.Context(), directoryapi.ReachChannel, func(user []byte) { told <- string(user) })
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Stop()
	w.subscribes(ann, "https://push.example/a")
	w.ok("PUT", "/v1/preferences", ann.Token, `{"version":0,"values":{}}`, nil)
	w.ok("DELETE", "/v1/push", ann.Token, "", nil)
	for range 3 {
		if user := <-told; user != ann.User.ID {
			t.Errorf("told of %s", user)
		}
	}
}

func TestChoicesOfNoFormAreRefused(t *testing.T) {
	w := openWorld(t, config())
	ann := w.register("Ann")
	if c := w.code(ann, "PUT", "/v1/preferences", `{"version":0,"values":{"notify":{"level":"loud"}}}`); c != "bad_request" {
		t.Errorf("code %q", c)
	}
	// of another release, which the store has
	if err := w.store.PutPreferences(t.Context(), store.Preferences{User: ann.User.ID, Values: `{"notify":7}`}); err != nil {
		t.Fatal(err)
	}
	if c, err := w.reach.choices(t.Context(), ann.User.ID); err != nil || c.In("lobby") != attention.Mentions {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestTryAsksNotify(t *testing.T) {
	w := openWorld(t, config())
	ann := w.register("Ann")
	if c := w.code(ann, "POST", "/v1/push/try", ""); c != "unavailable" {
		t.Errorf("without notify: %q", c)
	}
	asked := make(chan notifyapi.TryRequest, 1)
	sub, err := api.Handle(t.Context(), w.connect(t), notifyapi.ServiceTry, nil, func(_ context.Context, r notifyapi.TryRequest) (notifyapi.TryReply, error) {
		asked <- r
		return notifyapi.TryReply{}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Stop()
	w.ok("POST", "/v1/push/try", ann.Token, "", nil)
	if r := <-asked; r.User != ann.User.ID || r.Session != w.claims(ann).Session {
		t.Errorf("asked was %+v", r)
	}
}
