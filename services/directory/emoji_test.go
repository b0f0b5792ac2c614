package directory

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"hubbub.internal/services/directory/store"
)

// webp is an image of 1 × 1 pixels, as cwebp makes it.
func webp(t *testing.T) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// pngOf returns an image of a size.
func pngOf(t testing.TB, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{color.Black})); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gifOf(t testing.TB, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := gif.Encode(&b, image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{color.Black}), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// emojiOf returns the names of the server's own emoji.
func (w *world) emojiOf(c credentials) (names []string) {
	w.t.Helper()
	var out emojiOutput
	w.ok("GET", "/v1/emoji", c.Token, "", &out)
	for _, e := range out.Emoji {
		names = append(names, e.Name)
	}
	return names
}

// TestEmoji: an operator adds an emoji, everybody lists it, any browser shows its image, and it is
// gone when an operator has removed it; the audit log knows of both.
func TestEmoji(t *testing.T) {
	w := openWorld(t, config())
	op, ann := w.operator("Op"), w.register("Ann")
	guest := w.comeIn("Gus")
	first, other := gifOf(t, 3, 2), pngOf(t, maxEmojiSide, maxEmojiSide)
	var v emojiView
	w.ok("PUT", "/v1/emoji/party", op.Token, string(first), &v)
	sum := sha256.Sum256(first)
	path := "/v1/emoji/images/" + hex.EncodeToString(sum[:])
	if v.Name != "party" || v.Image != path || v.By != op.User.ID || v.ByName != "Op" || v.Created == 0 {
		t.Errorf("made was %+v", v)
	}
	w.ok("PUT", "/v1/emoji/+1_b-9", op.Token, string(other), nil)
	w.ok("PUT", "/v1/emoji/tada", op.Token, string(webp(t)), nil)
	for _, c := range []credentials{op, ann, guest} {
		if names := w.emojiOf(c); strings.Join(names, " ") != "+1_b-9 party tada" {
			t.Errorf("%s sees %q", c.User.Name, names)
		}
	}
	var all emojiOutput
	if w.ok("GET", "/v1/emoji", ann.Token, "", &all); all.Emoji[1] != v {
		t.Errorf("listed is %+v, made was %+v", all.Emoji[1], v)
	}
	image := func(path string) *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		w.Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, http.NoBody))
		return rec
	}
	for i, want := range []struct {
		kind  string
		bytes []byte
	}{{"image/png", other}, {"image/gif", first}, {"image/webp", webp(t)}} {
		r := image(all.Emoji[i].Image)
		if r.Code != http.StatusOK || !bytes.Equal(r.Body.Bytes(), want.bytes) || r.Header().Get("Content-Type") != want.kind {
			t.Errorf("the image of %s: %d %v, %d bytes", all.Emoji[i].Name, r.Code, r.Header(), r.Body.Len())
		}
		for header, want := range map[string]string{
			"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff",
			"Content-Security-Policy": "default-src 'none'; sandbox", "Cross-Origin-Resource-Policy": "cross-origin",
		} {
			if got := r.Header().Get(header); got != want {
				t.Errorf("%s is %q", header, got)
			}
		}
	}
	// of the same name another image, whose address is another one
	w.ok("PUT", "/v1/emoji/party", op.Token, string(other), &v)
	if names := w.emojiOf(ann); len(names) != 3 || v.Image == path {
		t.Errorf("replaced: %q, %+v", names, v)
	}
	if act := w.lastAudited(op); act.Action != actEmojiAdd || !strings.Contains(act.Detail, ":party: ") || act.Actor != op.User.ID {
		t.Errorf("audited is %+v", act)
	}
	if r := image(path); r.Code != http.StatusNotFound || r.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("the image that was replaced: %d %v", r.Code, r.Header())
	}
	w.ok("DELETE", "/v1/emoji/party", op.Token, "", nil)
	if act := w.lastAudited(op); act.Action != actEmojiRemove || !strings.Contains(act.Detail, ":party: ") || act.Subject != op.User.ID {
		t.Errorf("audited is %+v", act)
	}
	if r := image(v.Image); r.Code != http.StatusOK { // +1_b-9 has it, too
		t.Errorf("an image that another emoji has: %d", r.Code)
	}
	w.ok("DELETE", "/v1/emoji/+1_b-9", op.Token, "", nil)
	if r := image(v.Image); r.Code != http.StatusNotFound {
		t.Errorf("an image that was removed: %d", r.Code)
	}
	if c := w.code(op, "DELETE", "/v1/emoji/party", ""); c != "not_found" {
		t.Errorf("removed twice: %q", c)
	}
}

// TestEmojiRefused: what is no image of a kind that all browsers show, or is too large, is refused,
// however it calls itself.
func TestEmojiRefused(t *testing.T) {
	w := openWorld(t, config())
	op, ann := w.operator("Op"), w.register("Ann")
	good := string(gifOf(t, 1, 1))
	bomb := pngOf(t, 1, 1)
	// of its head, to which the checksum is made anew
	copy(bomb[16:24], []byte{0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff})
	binary.BigEndian.PutUint32(bomb[29:33], crc32.ChecksumIEEE(bomb[12:29]))
	chunked := func(body string) string {
		r := httptest.NewRequest(http.MethodPut, "/v1/emoji/big", io.MultiReader(strings.NewReader(body)))
		r.ContentLength = -1
		r.Header.Set("Authorization", "Bearer "+op.Token)
		rec := httptest.NewRecorder()
		w.Handler().ServeHTTP(rec, r)
		return fmt.Sprint(rec.Code)
	}
	for _, tt := range []struct{ what, path, body, code string }{
		{"a short name", "x", good, "bad_request"},
		{"a long name", strings.Repeat("x", 33), good, "bad_request"},
		{"capitals", "Party", good, "bad_request"},
		{"a space", "par%20ty", good, "bad_request"},
		{"letters of others", "p%C3%A4rty", good, "bad_request"},
		{"nothing", "party", "", "bad_request"},
		{"a text", "party", "hello", "bad_request"},
		{"SVG", "party", `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`, "bad_request"},
		{"HTML", "party", `<!doctype html><script>alert(1)</script>`, "bad_request"},
		{"JPEG", "party", "\xff\xd8\xff\xe0\x00\x10JFIF", "bad_request"},
		{"the beginning of a PNG", "party", string(bomb[:12]), "bad_request"},
		{"a PNG that says it is huge", "party", string(bomb), "bad_request"},
		{"a GIF that is too wide", "party", string(gifOf(t, maxEmojiSide+1, 1)), "bad_request"},
		{"a PNG that is too high", "party", string(pngOf(t, 1, maxEmojiSide+1)), "bad_request"},
		{"the beginning of a GIF", "party", "GIF89a\x01", "bad_request"},
		{"too many bytes", "party", good + strings.Repeat("x", maxEmojiImage), "too_large"},
	} {
		if c := w.code(op, "PUT", "/v1/emoji/"+tt.path, tt.body); c != tt.code {
			t.Errorf("%s: %q, want %q", tt.what, c, tt.code)
		}
	}
	if c := chunked(good + strings.Repeat("x", maxEmojiImage)); c != "413" {
		t.Errorf("too many bytes, without a length: %s", c)
	}
	if c := w.code(ann, "PUT", "/v1/emoji/party", good); c != "forbidden" {
		t.Errorf("of somebody: %q", c)
	}
	if names := w.emojiOf(ann); len(names) > 0 {
		t.Errorf("there are %q", names)
	}
	// as large as it may be
	w.ok("PUT", "/v1/emoji/party", op.Token, good+strings.Repeat("\x00", maxEmojiImage-len(good)), nil)
}

// unread is a body that fails the test when it is read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body is read")
	return 0, errors.New("it is read")
}

// TestEmojiTooLargeIsNotRead: what says that it is too large is refused before any of it is read.
func TestEmojiTooLargeIsNotRead(t *testing.T) {
	w := openWorld(t, config())
	op := w.operator("Op")
	r := httptest.NewRequest(http.MethodPut, "/v1/emoji/party", unread{t})
	r.ContentLength = maxEmojiImage + 1
	r.Header.Set("Authorization", "Bearer "+op.Token)
	rec := httptest.NewRecorder()
	w.Handler().ServeHTTP(rec, r)
	if rec.Code != http.StatusRequestEntityTooLarge || rec.Header().Get("Connection") != "close" || !strings.Contains(rec.Body.String(), "128 KiB") {
		t.Errorf("%d %v %s", rec.Code, rec.Header(), rec.Body)
	}
}

// TestEmojiBound: there are at most 500, also when two are added at the same moment; one that is
// there can have another image.
func TestEmojiBound(t *testing.T) {
	w := openWorld(t, config())
	op := w.operator("Op")
	good := string(gifOf(t, 1, 1))
	put := func(name string) {
		t.Helper()
		if err := w.memory.PutEmoji(t.Context(), store.Emoji{Name: name, Type: "image/gif", Hash: name, Image: []byte(good)}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range maxEmoji - 1 {
		put(fmt.Sprintf("e%d", i))
	}
	w.during("PutEmoji", func() { put("other") })
	if c := w.code(op, "PUT", "/v1/emoji/party", good); c != "too_many" {
		t.Errorf("at the same moment as another: %q", c)
	}
	if c := w.code(op, "PUT", "/v1/emoji/party", good); c != "too_many" {
		t.Errorf("one more: %q", c)
	}
	if n := len(w.emojiOf(op)); n != maxEmoji {
		t.Errorf("there are %d", n)
	}
	w.ok("PUT", "/v1/emoji/e7", op.Token, good, nil)
	w.ok("DELETE", "/v1/emoji/e8", op.Token, "", nil)
	w.ok("PUT", "/v1/emoji/party", op.Token, good, nil)
	// gone in the meantime
	w.during("Emoji", func() {
		if err := w.memory.DeleteEmoji(context.Background(), "party"); err != nil {
			t.Error(err)
		}
	})
	if c := w.code(op, "DELETE", "/v1/emoji/party", ""); c != "not_found" {
		t.Errorf("removed by two: %q", c)
	}
}

// TestWebPHeads: each of the three kinds of WebP says how large it is.
func TestWebPHeads(t *testing.T) {
	head := func(chunk, rest string) []byte {
		return []byte("RIFF\x00\x00\x00\x00WEBP" + chunk + "\x0a\x00\x00\x00" + rest)
	}
	for _, tt := range []struct {
		b             []byte
		width, height int
	}{
		{webp(t), 1, 1},
		{head("VP8X", "\x10\x00\x00\x00\xff\x01\x00\x0f\x00\x00"), 512, 16},
		{head("VP8X", "\x10\x00\x00\x00\xff\xff\xff\x00\x00\x00"), 1 << 24, 1},
		{head("VP8L", "\x2f\xff\xc1\x03\x00\x00\x00\x00\x00\x00"), 512, 16},
		{head("VP8L", "\x2e\xff\xc1\x03\x00\x00\x00\x00\x00\x00"), 0, 0},
		{head("VP8 ", "\x00\x00\x00\x9d\x01\x2a\x00\x02\x10\x40"), 512, 16},
		{head("VP8 ", "\x01\x00\x00\x9d\x01\x2a\x00\x02\x10\x40"), 0, 0}, // not a key frame
		{head("VP8 ", "\x00\x00\x00\x9d\x01\x2b\x00\x02\x10\x40"), 0, 0},
		{head("VP8 ", "\x00\x00\x00\x9d\x01\x2a\x00\x02\x10"), 0, 0},
		{head("VP8Z", "\x00\x00\x00\x9d\x01\x2a\x00\x02\x10\x40"), 0, 0},
	} {
		c, err := webpConfig(tt.b)
		if c.Width != tt.width || c.Height != tt.height || (err == nil) != (tt.width > 0) {
			t.Errorf("%q: %d × %d, %v", tt.b, c.Width, c.Height, err)
		}
	}
}

// TestEmojiSides: an image has a pixel at least, and as many on a side as browsers are to decode.
func TestEmojiSides(t *testing.T) {
	screen := func(width, height byte) []byte {
		return []byte{'G', 'I', 'F', '8', '9', 'a', width, 0, height, 0, 0, 0, 0, ';'}
	}
	for _, tt := range []struct {
		name string
		b    []byte
		good bool
	}{
		{"no width", screen(0, 1), false}, {"no height", screen(1, 0), false}, {"one pixel", screen(1, 1), true},
		{"the greatest", pngOf(t, maxEmojiSide, maxEmojiSide), true}, {"too wide", pngOf(t, maxEmojiSide+1, 1), false}, {"too high", pngOf(t, 1, maxEmojiSide+1), false},
	} {
		if kind, err := checkEmojiImage(tt.b); (err == nil) != tt.good {
			t.Errorf("%s: %q, %v", tt.name, kind, err)
		}
	}
}

// FuzzEmojiImage: whatever the bytes are, they are an image within the bounds or refused.
func FuzzEmojiImage(f *testing.F) {
	f.Add(pngOf(f, 2, 2))
	f.Add(gifOf(f, 2, 2))
	f.Add([]byte("RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x10\x00\x00\x00\xff\x01\x00\x0f\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		kind, err := checkEmojiImage(b)
		if (kind == "") != (err != nil) {
			t.Errorf("%q, %v", kind, err)
		}
		if err != nil {
			return
		}
		c, format, err := image.DecodeConfig(bytes.NewReader(b))
		if errors.Is(err, image.ErrFormat) {
			format = "webp"
			c, err = webpConfig(b)
		}
		if err != nil || kind != "image/"+format || len(b) > maxEmojiImage || min(c.Width, c.Height) < 1 || max(c.Width, c.Height) > maxEmojiSide {
			t.Errorf("%q of %d × %d pixels, %v", kind, c.Width, c.Height, err)
		}
	})
}
