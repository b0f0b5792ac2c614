package storetest

import (
	"testing"

	api "hubbub.internal/libs/api/directory"
	"hubbub.internal/services/directory/store"
)

// Records of the sample of kinds that stores of version 0 lack.
var (
	sampleAccount = store.Account{
		User: "u-ann", DeviceKey: []byte{9, 0, 8}, SeenBy: "nobody", Unlisted: true, InvitedBy: "rooms", DirectBy: "nobody", Mail: "Ann@x", MailKey: "ann@x",
		DigestDue: 1_900_000_000_041, DigestSent: 1_700_000_000_041,
	}
	sampleTicket  = store.Ticket{Hash: "aa", Kind: "reset", User: "u-ann", Created: 1_700_000_000_030, Expires: 1_900_000_000_030, Detail: "link"}
	sampleLetters = []store.Letter{
		{ID: "l1", Kind: store.LetterForgot, Key: "ann@x", ByMail: true, Address: "192.0.2.1", Expires: 1_900_000_000_031, Holder: "p1", Until: 1_700_000_000_031},
		{ID: "l2", Kind: store.LetterNotice, User: "u-ann", To: "ann@x", Subject: "Changed", Text: "it is", Expires: 1_900_000_000_032},
		{ID: "l3", Kind: store.LetterDigest, User: "u-ann", Since: 1_700_000_000_042, Expires: 1_900_000_000_042},
	}
	sampleReports = []store.Report{
		{
			ID: "p1", Room: "r1", Author: "u-gus", AuthorName: "Gus", Message: "m1", Text: "buy this", Sent: 4, Reporter: "u-ann", ReporterName: "Ann",
			Reason: "spam", Words: "again", Created: 1_700_000_000_033, State: store.ReportOpen,
		},
		{
			ID: "p2", Room: "r2", Author: "u-gus", Message: "m2", Reporter: "u-ann", State: store.ReportResolved, Taker: "u-ivan", TakerName: "Иван",
			Outcome: "delete", Note: "spam", Resolved: 1_700_000_000_034,
		},
	}
	sampleBlock   = store.Block{User: "u-ann", Other: "u-eve", Name: "Eve", Ignore: true, Created: 1_700_000_000_035}
	sampleNetwork = store.NetworkBan{Network: "198.51.100.0/24", Reason: "spam", Actor: "u-ann", User: "u-gus", Created: 1_700_000_000_036, Until: 1_900_000_000_036}
	sampleRequest = store.Request{
		Room: "d-Z", From: "u-gus", FromName: "Gus", To: "u-ivan", ToName: "Иван", Sent: []string{"m1", "m2"}, Refused: true,
		Created: 1_700_000_000_037, Expires: 1_900_000_000_037,
	}
	sampleInvitation = store.Invitation{
		Room: "r2", User: "u-gus", Name: "Gus", Role: api.RoleMember, Actor: "u-ivan", ActorName: "Иван", Declined: true,
		Created: 1_700_000_000_038, Expires: 1_900_000_000_038,
	}
	sampleEmoji    = store.Emoji{Name: "party", Type: "image/gif", Hash: "ff", Image: []byte("GIF89a"), Actor: "u-ann", Created: 1_700_000_000_040}
	sampleActivity = store.Activity{Head: 1 << 40, Active: 1_700_000_000_039, Size: 2}
)

// fillLater adds the records of kinds that version 0 lacks.
func fillLater(t *testing.T, s store.Store) {
	t.Helper()
	ctx := t.Context()
	a := sampleAccount
	must(t, s.PatchAccount(ctx, a.User, store.AccountPatch{
		DeviceKey: a.DeviceKey, SeenBy: &a.SeenBy, Unlisted: &a.Unlisted, InvitedBy: &a.InvitedBy, DirectBy: &a.DirectBy, Mail: &a.Mail, MailKey: &a.MailKey, DigestDue: &a.DigestDue,
	}))
	must(t, s.MoveDigest(ctx, a.User, a.DigestDue, a.DigestDue, a.DigestSent))
	must(t, s.PutTicket(ctx, sampleTicket))
	for _, l := range sampleLetters {
		must(t, s.PutLetter(ctx, l))
	}
	for _, r := range sampleReports {
		must(t, s.PutReport(ctx, r))
	}
	must(t, s.PutBlock(ctx, sampleBlock))
	must(t, s.PutNetworkBan(ctx, sampleNetwork))
	must(t, s.CreateRequest(ctx, sampleRequest))
	must(t, s.CreateInvitation(ctx, sampleInvitation))
	must(t, s.PutReader(ctx, "r2", "u-gus"))
	must(t, s.PutEmoji(ctx, sampleEmoji))
	must(t, s.SetActivity(ctx, "r1", sampleActivity))
}

// verifyLater checks the records that fillLater added.
func verifyLater(t *testing.T, s store.Store, has Sample) {
	t.Helper()
	ctx := t.Context()
	letters, err := s.FreeLetters(ctx, 1_700_000_000_031, 10)
	sampleAccount, sampleLetters := sampleAccount, sampleLetters
	if has == WithoutDigests {
		sampleAccount.DigestDue, sampleAccount.DigestSent, sampleLetters = 0, 0, sampleLetters[:2]
	}
	same(t, sampleLetters, letters, err)
	account, err := s.Account(ctx, "u-ann")
	same(t, sampleAccount, account, err)
	accounts, err := s.AccountsByMail(ctx, "ann@x", 10)
	same(t, []store.Account{sampleAccount}, accounts, err)
	ticket, err := s.Ticket(ctx, "aa")
	same(t, sampleTicket, ticket, err)
	reports, err := s.Reports(ctx, store.ReportQuery{Limit: 10})
	same(t, sampleReports[:1], reports, err)
	reports, err = s.Reports(ctx, store.ReportQuery{Resolved: true, Limit: 10})
	same(t, sampleReports[1:], reports, err)
	block, err := s.Block(ctx, sampleBlock.User, sampleBlock.Other)
	same(t, sampleBlock, block, err)
	networks, err := s.NetworkBans(ctx, 10)
	same(t, []store.NetworkBan{sampleNetwork}, networks, err)
	request, err := s.Request(ctx, sampleRequest.Room)
	same(t, sampleRequest, request, err)
	invite, err := s.Invitation(ctx, sampleInvitation.Room, sampleInvitation.User)
	same(t, sampleInvitation, invite, err)
	reader, err := s.Reader(ctx, "r2", "u-gus")
	same(t, true, reader, err)
	mutes, err := s.MutesOf(ctx, "u-eve")
	same(t, sampleMutes[:1], mutes, err)
	room, err := s.Room(ctx, "r1")
	same(t, sampleActivity, room.Activity, err)
	acts, err := s.Acts(ctx, store.ActFilter{}, 10)
	same(t, []store.Act{sampleAct}, acts, err)
	invitation, err := s.InvitationLink(ctx, "in1")
	same(t, sampleInvitationLink, invitation, err)
}
