package storetest

import (
	"slices"
	"testing"

	api "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/names"
	"hubbub.internal/services/directory/store"
)

// Records of the sample.
var (
	sampleUsers = []store.User{
		{ID: "u-ann", Name: "Ann", NameKey: "ann", Hash: "$argon2id$v=19$m=64,t=1,p=1$c2FsdA$aGFzaA", Created: 1_700_000_000_001},
		{ID: "u-gus", Name: "Gus (guest)", NameKey: ":u-gus", Created: 1_700_000_000_002},
		{ID: "u-ivan", Name: "Иван", NameKey: "ивah", Hash: "$argon2id$v=19$m=64,t=1,p=1$c2FsdA$aGFzaA", Created: 1_700_000_000_003},
	}
	// A session of a release whose secrets never changed.
	sampleSession = logIn("s1", "u-ann", []byte{0, 1, 0xff}, 1_700_000_000_004, 1_900_000_000_000)
	sampleKey     = store.Key{ID: "k1", Seed: []byte("0123456789abcdef0123456789abcdef"), Created: 1_700_000_000_005}
	sampleRooms   = []store.Room{
		{ID: "lobby", Name: "Lobby"},
		{ID: "r1", Name: "Garden", Topic: "What grows", Created: 1_700_000_000_006},
		{ID: "r2", Name: "Council", Private: true, Created: 1_700_000_000_007},
		{ID: "d-X", Name: "direct", Private: true, Direct: true, Created: 1_700_000_000_008},
	}
	sampleMembers = []store.Member{
		{Room: "d-X", User: "u-ann", Name: "Ann", Role: api.RoleMember, Since: 1_700_000_000_009},
		{Room: "r1", User: "u-ann", Name: "Ann", Role: api.RoleOwner, Since: 1_700_000_000_010},
		{Room: "r1", User: "u-ivan", Name: "Иван", Role: api.RoleModerator, Since: 1_700_000_000_011},
		{Room: "r2", User: "u-ivan", Name: "Иван", Role: api.RoleOwner, Since: 1_700_000_000_012},
	}
	sampleBans = []store.Ban{
		{Room: "", User: "u-eve", Name: "Eve", Actor: "u-ann", Reason: "spam", Created: 1_700_000_000_013},
		{Room: "r1", User: "u-gus", Name: "Gus (guest)", Actor: "u-ivan", Created: 1_700_000_000_014},
	}
	sampleIntent = store.Intent{
		ID: "i1", Kind: "access", Room: "r1", User: "u-gus", Name: "Gus (guest)", Role: "member", Actor: "u-ann", Created: 1_700_000_000_015,
	}
)

// sampleAct is from a release with an audit log; older stores have no acts.
var sampleAct = store.Act{
	ID: "018bcfe5-6811-7000-8000-000000000001", At: 1_700_000_000_017, Action: "server.ban", Actor: "u-ann", ActorName: "Ann", Subject: "u-eve",
	SubjectName: "Eve", Address: "192.0.2.1", Detail: "spam", Outcome: store.OutcomeDone,
}

// sampleServer and sampleInvitationLink are from a release that has them, like sampleAct.
var (
	sampleServer         = store.Server{Roles: map[string]api.Role{"u-ann": api.RoleOperator}, SetUp: 1_700_000_000_018, Registration: "invited"}
	sampleInvitationLink = store.InvitationLink{ID: "in1", Hash: []byte{7}, Actor: "u-ann", ActorName: "Ann", Uses: 3, Used: 1, Expires: 1_900_000_000_000}
)

// looking returns a registered user with the looks of the name.
func looking(u store.User) store.User {
	if !u.Guest() {
		u.Looks = names.LooksOf(u.Name)
	}
	return u
}

// shown returns a room, which is not direct, with the looks of its name.
func shown(r store.Room) store.Room {
	if !r.Direct {
		r.Looks = names.LooksOf(r.Name)
	}
	return r
}

// Fill puts the sample into an empty store. Each file or dump in testdata is what Fill of the
// release that it is named after wrote.
func Fill(t *testing.T, s store.Store) {
	t.Helper()
	ctx := t.Context()
	for _, u := range sampleUsers {
		must(t, s.CreateUser(ctx, looking(u)))
	}
	must(t, s.CreateSession(ctx, sampleSession))
	must(t, s.CreateKey(ctx, sampleKey))
	for _, r := range sampleRooms {
		must(t, s.CreateRoom(ctx, shown(r)))
	}
	for _, m := range sampleMembers {
		must(t, s.PutMember(ctx, m))
	}
	for _, b := range sampleBans {
		must(t, s.PutBan(ctx, b))
	}
	for _, m := range sampleMutes {
		must(t, s.PutMute(ctx, m))
	}
	must(t, s.PutSeen(ctx, []store.Seen{{User: "u-ann", At: 1_700_000_000_016}}))
	must(t, s.PutIntent(ctx, sampleIntent))
	must(t, s.PutAct(ctx, sampleAct))
	must(t, s.PutServer(ctx, sampleServer))
	must(t, s.CreateInvitationLink(ctx, sampleInvitationLink))
	fillLater(t, s)
}

// Sample is how much of the sample a store has: what the release that filled it could keep.
type Sample int

// The samples, from the smallest to the largest: the records of version 0; all but what the digests
// keep; all of it.
const (
	First Sample = iota
	WithoutDigests
	Whole
)

// SampleOf returns what a store has that a release with a version of the schema filled. digests is
// the version from which on a schema keeps digests.
func SampleOf(version, digests int) Sample {
	switch {
	case version == 0:
		return First
	case version < digests:
		return WithoutDigests
	}
	return Whole
}

// Verify checks that a store has so much of the sample as Fill left it, and that it works with it.
func Verify(t *testing.T, s store.Store, has Sample) {
	t.Helper()
	ctx := t.Context()
	sampleRooms := slices.Clone(sampleRooms)
	if has > First {
		verifyLater(t, s, has)
		sampleRooms[1].Activity = sampleActivity
	}
	for _, u := range sampleUsers {
		u = looking(u)
		got, err := s.UserByName(ctx, u.NameKey)
		same(t, u, got, err)
		got, err = s.User(ctx, u.ID)
		same(t, u, got, err)
	}
	session, err := s.Session(ctx, "s1")
	same(t, sampleSession, session, err)
	keys, err := s.Keys(ctx)
	same(t, []store.Key{sampleKey}, keys, err)
	for _, r := range sampleRooms {
		r = shown(r)
		got, err := s.Room(ctx, r.ID)
		same(t, r, got, err)
	}
	public, err := s.PublicAfter(ctx, "", 10)
	same(t, []store.Room{shown(sampleRooms[0]), shown(sampleRooms[1])}, public, err)
	found, err := s.PublicRoomsAlike(ctx, names.LooksOf("GARDEN"), 10)
	same(t, public[1:], found, err)
	members, err := s.MembersOf(ctx, []string{"d-X", "r1", "r2"})
	same(t, sampleMembers, members, err)
	for _, b := range sampleBans {
		got, err := s.Ban(ctx, b.Room, b.User)
		same(t, b, got, err)
	}
	mutes, err := s.MutesOf(ctx, "u-eve") // an empty collection of an earlier release
	if len(mutes) > 0 || err != nil {
		same(t, sampleMutes[:1], mutes, err)
	}
	emoji, err := s.Emoji(ctx, 10) // an empty collection of an earlier release
	if must(t, err); len(emoji) > 0 {
		image, err := s.EmojiByHash(ctx, sampleEmoji.Hash)
		same(t, sampleEmoji, image, err)
	}
	seen, err := s.Seen(ctx, "u-ann")
	same(t, int64(1_700_000_000_016), seen, err)
	intents, err := s.IntentsBefore(ctx, 1_800_000_000_000, 10)
	same(t, []store.Intent{sampleIntent}, intents, err)

	acts, err := s.Acts(ctx, store.ActFilter{}, 10)
	must(t, err)
	if len(acts) > 0 {
		same(t, []store.Act{sampleAct}, acts, err)
		must(t, s.EndAct(ctx, sampleAct.ID, store.OutcomeFailed)) // it keeps its outcome
	}
	ended, err := s.EndedBans(ctx, 1<<52, 10) // a ban from a release without ends never ends
	same(t, nil, ended, err)

	server, err := s.Server(ctx)
	must(t, err)
	if server.Version > 0 {
		sampleServer := sampleServer
		sampleServer.Version = 1
		same(t, sampleServer, server, err)
		invitation, err := s.InvitationLink(ctx, "in1")
		same(t, sampleInvitationLink, invitation, err)
	}
	must(t, s.PutServer(ctx, server))
	must(t, s.SetDisabled(ctx, "u-ann", true))

	// The store knows the old records, and keeps new ones beside them.
	want(t, store.ErrConflict, s.CreateUser(ctx, store.User{ID: "u-other", Name: "ANN", NameKey: "ann"}))
	must(t, s.CreateUser(ctx, store.User{ID: "u-new", Name: "New", NameKey: "new", Created: 1}))
	must(t, s.ExtendSession(ctx, "s1", 1_800_000_000_000, 2_000_000_000_000))
	must(t, s.TurnSession(ctx, "s1", sampleSession.Hash, 1_800_000_000_000, store.Turn{Hash: []byte{1}, Expires: 2_000_000_000_000}))
	of, err := s.SessionsOf(ctx, "u-ann", 10)
	same(t, []store.Session{logIn("s1", "u-ann", []byte{1}, sampleSession.Created, 2_000_000_000_000)}, of, err)
	must(t, s.SetRole(ctx, "r1", "u-ivan", api.RoleOwner))
	must(t, s.DeleteIntent(ctx, "i1"))
	must(t, s.PutAct(ctx, store.Act{ID: "018bcfe5-6812-7000-8000-000000000001", At: 1_700_000_000_018, Actor: "u-ann"}))
	acts, err = s.Acts(ctx, store.ActFilter{Actor: "u-ann"}, 1)
	if must(t, err); len(acts) != 1 || acts[0].At != 1_700_000_000_018 {
		t.Errorf("the newest act is %+v", acts)
	}
	must(t, s.PutReader(ctx, "r1", "u-ivan"))
	must(t, s.PutBlock(ctx, store.Block{User: "u-ann", Other: "u-gus"}))
	// a direct room from a release without hiding is not hidden
	directs, err := s.DirectsOf(ctx, "u-ann", later, 10)
	same(t, sampleMembers[:1], directs, err)
	found, err = s.FindPublic(ctx, store.PublicQuery{Limit: 1, Look: names.LooksOf("gard").Lower})
	same(t, []store.Room{shown(sampleRooms[1])}, found, err)
	must(t, s.SetActivity(ctx, "r1", store.Activity{Active: 5}))
	must(t, s.PutNetworkBan(ctx, store.NetworkBan{Network: "192.0.2.0/24"}))
	must(t, s.PutEmoji(ctx, store.Emoji{Name: "new", Type: "image/png", Hash: "ee", Image: []byte("PNG")}))
	must(t, s.CreateRequest(ctx, store.Request{Room: "d-Y", From: "u-gus", To: "u-ann"}))
	must(t, s.CreateInvitation(ctx, store.Invitation{Room: "r2", User: "u-ann", Actor: "u-ivan"}))
}
