package storetest

import (
	"bytes"
	"testing"

	"hubbub.internal/services/directory/store"
)

func testEmoji(t *testing.T, s store.Store) {
	ctx := t.Context()
	large := bytes.Repeat([]byte{0, 1, 0xff}, 40<<10)
	party := store.Emoji{Name: "party", Type: "image/gif", Hash: "aa", Image: []byte("GIF"), Actor: "ua", Created: 5}
	cat := store.Emoji{Name: "cat", Type: "image/png", Hash: "bb", Image: large, Actor: "ub", Created: 6}
	again := store.Emoji{Name: "party_2", Type: "image/gif", Hash: "aa", Image: []byte("GIF"), Actor: "ub", Created: 7}
	listed := func(limit int, want ...store.Emoji) {
		t.Helper()
		for i := range want {
			want[i].Image = nil
		}
		got, err := s.Emoji(ctx, limit)
		same(t, want, got, err)
	}
	listed(10)
	_, err := s.EmojiByHash(ctx, "aa")
	want(t, store.ErrNotFound, err)
	want(t, store.ErrNotFound, s.DeleteEmoji(ctx, "party"))
	for _, e := range []store.Emoji{party, again, cat} {
		must(t, s.PutEmoji(ctx, e))
	}
	listed(10, cat, party, again)
	listed(2, cat, party)
	got, err := s.EmojiByHash(ctx, "aa")
	same(t, party, got, err)
	got, err = s.EmojiByHash(ctx, "bb")
	same(t, cat, got, err)

	party.Hash, party.Type, party.Image, party.Created = "cc", "image/webp", []byte("RIFF"), 8
	must(t, s.PutEmoji(ctx, party)) // another image
	listed(10, cat, party, again)
	got, err = s.EmojiByHash(ctx, "cc")
	same(t, party, got, err)
	got, err = s.EmojiByHash(ctx, "aa") // the other one still has it
	same(t, again, got, err)
	must(t, s.DeleteEmoji(ctx, "party_2"))
	want(t, store.ErrNotFound, s.DeleteEmoji(ctx, "party_2"))
	_, err = s.EmojiByHash(ctx, "aa")
	want(t, store.ErrNotFound, err)
	listed(10, cat, party)
}
