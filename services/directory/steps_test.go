package directory

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/membus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
	"hubbub.internal/services/directory/store/memory"
)

// idle returns a service that is prepared and does not run: nobody keeps house but the test.
func idle(t *testing.T, cfg Config) *world {
	t.Helper()
	w := &world{t: t, server: membus.NewServer(membus.Options{}), memory: memory.New()}
	w.connect, w.store = onServer(w.server), newFaulty(w.memory)
	var err error
	if w.Service, err = New(cfg, Deps{Bus: w.connect(t), Store: w.store, Log: zap.NewNop(), Metrics: prometheus.NewRegistry()}); err != nil {
		t.Fatal(err)
	}
	if !w.prepare(t.Context()) {
		t.Fatal("not prepared")
	}
	return w
}

// deed is something that somebody does: what is answered when it is done, what may be answered when
// it is done again, and what is then true.
type deed struct {
	name  string
	do    func(s *scene) string
	again string // "": it can be done again
	then  func(s *scene) error
}

var deeds = []deed{
	{"register", func(s *scene) string { return s.post("/v1/register", s.account("Zoe")) }, "conflict", func(s *scene) error {
		if code := s.post("/v1/login", s.account("Zoe")); code != "" {
			return fmt.Errorf("log-in: %s", code)
		}
		return nil
	}},
	{"log in", func(s *scene) string { return s.post("/v1/login", s.account("Bob")) }, "", nil},
	{"come in", func(s *scene) string { return s.post("/v1/guest", `{"name":"Gil"}`) }, "", nil},
	{"refresh", func(s *scene) string { return s.post("/v1/refresh", refreshBody(s.bob)) }, "", nil},
	{"log out", func(s *scene) string { return s.code(s.bob, "POST", "/v1/logout", "") }, "unauthorized", func(s *scene) error {
		if code := s.post("/v1/refresh", refreshBody(s.bob)); code != "unauthorized" {
			return fmt.Errorf("refresh: %s", code)
		}
		return nil
	}},
	{"me", func(s *scene) string { return s.code(s.bob, "GET", "/v1/me", "") }, "", nil},
	{"look for users", func(s *scene) string { return s.code(s.bob, "GET", "/v1/users?q=an", "") }, "", nil},
	{"list rooms", func(s *scene) string { return s.code(s.bob, "GET", "/v1/rooms", "") }, "", nil},
	{"look at a room", func(s *scene) string { return s.code(s.bob, "GET", "/v1/rooms/"+s.room, "") }, "", nil},
	{"list members", func(s *scene) string { return s.code(s.bob, "GET", "/v1/rooms/"+s.room+"/members", "") }, "", nil},
	{"list everybody", func(s *scene) string { return s.code(s.bob, "GET", "/v1/rooms/lobby/members", "") }, "", nil},
	{"list bans", func(s *scene) string { return s.code(s.ann, "GET", "/v1/rooms/"+s.room+"/bans", "") }, "", nil},
	{"list the server's bans", func(s *scene) string { return s.code(s.op, "GET", "/v1/bans", "") }, "", nil},
	{"make a private room", func(s *scene) string { return s.code(s.bob, "POST", "/v1/rooms", `{"name":"Bob's","private":true}`) }, "", nil},
	{"describe", func(s *scene) string { return s.code(s.ann, "PATCH", "/v1/rooms/"+s.room, `{"topic":"tea"}`) }, "", func(s *scene) error {
		if e := s.last(s.room); e.Type != chat.TypeTopic || e.Text != "tea" {
			return fmt.Errorf("the room was told %+v", e)
		}
		return nil
	}},
	{"join", func(s *scene) string { return s.code(s.eve, "POST", "/v1/rooms/"+s.room+"/join", "") }, "", func(s *scene) error {
		return errors.Join(s.is(s.room, s.eve, directoryapi.RoleMember), s.told(s.room, s.eve))
	}},
	{"leave", func(s *scene) string { return s.code(s.bob, "POST", "/v1/rooms/"+s.room+"/leave", "") }, "", func(s *scene) error {
		return errors.Join(s.is(s.room, s.bob, ""), s.told(s.room, s.bob))
	}},
	{"invite", func(s *scene) string {
		return s.code(s.ann, "POST", "/v1/rooms/"+s.closed+"/members", fmt.Sprintf(`{"user":%q}`, s.eve.User.ID))
	}, "", func(s *scene) error {
		return errors.Join(s.is(s.closed, s.eve, directoryapi.RoleMember), s.told(s.closed, s.eve))
	}},
	{"appoint", func(s *scene) string {
		return s.code(s.ann, "POST", "/v1/rooms/"+s.room+"/members", fmt.Sprintf(`{"user":%q,"role":"moderator"}`, s.bob.User.ID))
	}, "", func(s *scene) error {
		return errors.Join(s.is(s.room, s.bob, directoryapi.RoleModerator), s.told(s.room, s.bob))
	}},
	{"remove", func(s *scene) string {
		return s.code(s.mod, "DELETE", "/v1/rooms/"+s.room+"/members/"+s.bob.User.ID, "")
	}, "", func(s *scene) error {
		return errors.Join(s.is(s.room, s.bob, ""), s.told(s.room, s.bob))
	}},
	{"ban from a room", func(s *scene) string { return s.code(s.mod, "PUT", "/v1/rooms/"+s.room+"/bans/"+s.bob.User.ID, `{}`) }, "", func(s *scene) error {
		out, err := s.rights.banned(s.t.Context(), s.room, s.bob.User.ID)
		if err == nil && !out {
			err = errors.New("there is no ban")
		}
		return errors.Join(err, s.is(s.room, s.bob, ""), s.told(s.room, s.bob))
	}},
	{"end a ban", func(s *scene) string { return s.code(s.mod, "DELETE", "/v1/rooms/"+s.room+"/bans/"+s.op.User.ID, "") }, "", func(s *scene) error {
		out, err := s.rights.banned(s.t.Context(), s.room, s.op.User.ID)
		if err == nil && out {
			err = errors.New("there is a ban")
		}
		return errors.Join(err, s.told(s.room, s.op))
	}},
	{"ban from the server", func(s *scene) string { return s.code(s.op, "PUT", "/v1/bans/"+s.eve.User.ID, `{}`) }, "", func(s *scene) error {
		if code := s.code(s.eve, "GET", "/v1/me", ""); code != chat.CodeForbidden {
			return fmt.Errorf("me: %s", code)
		}
		for _, c := range s.control() {
			if c.Kind == directoryapi.ChangeUser && c.User == s.eve.User.ID && c.Session == "" {
				return nil
			}
		}
		return errors.New("nobody was told")
	}},
	{"end a ban from the server", func(s *scene) string { return s.code(s.op, "DELETE", "/v1/bans/"+s.eve.User.ID, "") }, "", nil},
	{"mute in a room", func(s *scene) string {
		return s.code(s.mod, "PUT", "/v1/rooms/"+s.room+"/mutes/"+s.bob.User.ID, `{"minutes":10,"reason":"spam"}`)
	}, "", func(s *scene) error {
		return errors.Join(s.hears(s.room, chat.ActMute, s.bob), s.hears(chat.UserRoom(s.bob.User.ID), chat.ActMute, s.bob))
	}},
	{"end a mute", func(s *scene) string { return s.code(s.mod, "DELETE", "/v1/rooms/"+s.room+"/mutes/"+s.gus.User.ID, "") }, "", func(s *scene) error {
		return errors.Join(s.hears(s.room, chat.ActUnmute, s.gus), s.hears(chat.UserRoom(s.gus.User.ID), chat.ActUnmute, s.gus))
	}},
	{"mute on the server", func(s *scene) string { return s.code(s.op, "PUT", "/v1/mutes/"+s.eve.User.ID, `{}`) }, "", func(s *scene) error {
		return s.hears(chat.UserRoom(s.eve.User.ID), chat.ActMute, s.eve)
	}},
	{"set the slow mode", func(s *scene) string { return s.code(s.mod, "PATCH", "/v1/rooms/"+s.room, `{"slow":30}`) }, "", func(s *scene) error {
		if e := s.last(s.room); e.Act != chat.ActRules || e.Slow != 30 {
			return fmt.Errorf("the room was told %+v", e)
		}
		return nil
	}},
	{"list mutes", func(s *scene) string { return s.code(s.ann, "GET", "/v1/rooms/"+s.room+"/mutes", "") }, "", nil},
	{"archive", func(s *scene) string { return s.code(s.ann, "POST", "/v1/rooms/"+s.room+"/archive", "") }, "", func(s *scene) error {
		if e := s.last(s.room); e.Act != chat.ActArchive {
			return fmt.Errorf("the room was told %+v", e)
		}
		return nil
	}},
	{"purge", func(s *scene) string {
		return s.code(s.mod, "POST", "/v1/rooms/"+s.room+"/purges/"+s.bob.User.ID, `{"span":"day"}`)
	}, "", func(s *scene) error {
		return errors.Join(s.hears(s.room, chat.ActPurge, s.bob), s.hears(chat.UserRoom(s.bob.User.ID), chat.ActPurge, s.bob))
	}},
	{"delete a room", func(s *scene) string { return s.code(s.ann, "POST", "/v1/rooms/"+s.room+"/delete", `{"name":"Open"}`) }, "forbidden", func(s *scene) error {
		left, err := s.store.Members(s.t.Context(), s.room, "", 10)
		if err == nil && len(left) > 0 {
			err = fmt.Errorf("left are %+v", left)
		}
		if e := s.last(chat.UserRoom(s.bob.User.ID)); e.Act != chat.ActDelete || e.Target != s.room {
			err = errors.Join(err, fmt.Errorf("a member was told %+v", e))
		}
		return err
	}},
	{"open a direct room", func(s *scene) string {
		return s.code(s.bob, "POST", "/v1/direct", fmt.Sprintf(`{"user":%q}`, s.eve.User.ID))
	}, "", func(s *scene) error {
		room := chat.DirectRoom(s.bob.User.ID, s.eve.User.ID)
		return errors.Join(s.is(room, s.bob, directoryapi.RoleMember), s.is(room, s.eve, directoryapi.RoleMember), s.told(room, s.bob), s.told(room, s.eve))
	}},
	{"a guest goes", func(s *scene) string {
		if code := s.code(s.gus, "POST", "/v1/logout", ""); code != "" && code != chat.CodeUnauthorized {
			return code
		}
		if err := s.departures.removeEnded(s.t.Context()); err != nil {
			return chat.CodeOf(s.fail(s.t.Context(), err))
		}
		return ""
	}, "", func(s *scene) error {
		if _, err := s.store.User(s.t.Context(), s.gus.User.ID); !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("the guest is there, %w", err)
		}
		return errors.Join(s.is(s.room, s.gus, ""), s.told(s.room, s.gus))
	}},
	{"an owner leaves to an heir", func(s *scene) string {
		if code := s.code(s.ann, "POST", "/v1/rooms/"+s.closed+"/members", fmt.Sprintf(`{"user":%q,"role":"owner"}`, s.bob.User.ID)); code != "" && code != chat.CodeForbidden {
			return code
		}
		// she may not see it any more
		if code := s.code(s.ann, "POST", "/v1/rooms/"+s.closed+"/leave", ""); code != chat.CodeForbidden {
			return code
		}
		return ""
	}, "", func(s *scene) error {
		return errors.Join(s.is(s.closed, s.ann, ""), s.is(s.closed, s.bob, directoryapi.RoleOwner), s.told(s.closed, s.ann), s.told(s.closed, s.bob))
	}},
}

func (w *world) post(path, body string) string {
	w.t.Helper()
	_, code := w.call("POST", path, "", body, nil)
	return code
}

// control returns what the control log says.
func (w *world) control() (all []directoryapi.Change) {
	w.t.Helper()
	for after := (bus.Position{}); ; {
		r, err := w.bus.Replay(w.t.Context(), chat.ControlRoom, after, 1000)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, e := range r.Entries {
			var c directoryapi.Change
			if err := json.Unmarshal(e.Data[1:], &c); err != nil {
				w.t.Fatal(err)
			}
			all, after.Seq = append(all, c), e.Seq
		}
		if !r.More {
			return all
		}
	}
}

var writes = regexp.MustCompile("^(Create|Put|Patch|Set|Extend|End|Delete)")

// TestEveryStepMayFail has the store, before and after each of its steps, and the bus, at each
// append, fail once under everything that can be done. It is answered that the service is
// unavailable, or done; and when the store and the bus work again, and it is done again, all is as
// if nothing had happened, and told.
func TestEveryStepMayFail(t *testing.T) {
	for i, d := range slices.Concat(deeds, busyDeeds) {
		t.Run(d.name, func(t *testing.T) {
			cfg := config()
			cfg.AccountRate = 1_000_000
			cfg.AccountDay = 1_000_000
			w := idle(t, cfg)
			w.historian()
			op := w.operator("Op")
			hash, err := w.passwords.hasher.Hash("correct horse")
			if err != nil {
				t.Fatal(err)
			}
			steps, scenes := 0, 0
			for _, where := range []string{"store", "bus"} {
				for at := 0; ; at++ {
					scenes++
					s := newScene(w, op, hash, scenes)
					if i >= len(deeds) {
						s.busy()
					}
					n, failed := 0, ""
					step := func(what string) error {
						if n++; n-1 != at {
							return nil
						}
						failed = what
						return io.ErrUnexpectedEOF
					}
					if where == "store" {
						s.memory.Fail(func(call string, done bool) error {
							if done && !writes.MatchString(call) {
								return nil // which is no other than not to have read
							}
							return step(fmt.Sprint(call, " ", done))
						})
					} else {
						s.server.Fail(func(call, name string) error {
							if call != "Append" {
								return nil
							}
							return step(call + " " + name)
						})
					}
					code := d.do(s)
					s.memory.Fail(nil)
					s.server.Fail(nil)
					if failed == "" {
						if code != "" {
							t.Errorf("without a fault: %q", code)
						}
						break
					}
					steps++
					what := fmt.Sprintf("with a fault at %s (step %d of the %s)", failed, at, where)
					if code != "" && code != chat.CodeUnavailable {
						t.Errorf("%s: %q", what, code)
					}
					s.age()
					s.keepHouse(t.Context())
					if left := s.age(); len(left) > 0 {
						t.Errorf("%s: left to tell is %+v", what, left)
					}
					if code != "" { // so it is done again
						if code := d.do(s); code != "" && code != d.again {
							t.Errorf("%s, and done again: %q", what, code)
						}
					}
					if d.then != nil {
						if err := d.then(s); err != nil {
							t.Errorf("%s: %v", what, err)
						}
					}
				}
			}
			if steps == 0 {
				t.Error("nothing could fail")
			}
		})
	}
}
