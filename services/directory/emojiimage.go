package directory

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/png"
	"net/http"

	"hubbub.internal/libs/chat"
)

const (
	// maxEmojiImage is the greatest size of an emoji's image, in bytes.
	maxEmojiImage = 128 << 10
	// maxEmojiSide is its greatest width and height, in pixels: browsers decode all of them.
	maxEmojiSide = 512
)

var errEmojiImage = chat.E(chat.CodeBadRequest, "the image is none that browsers show as an emoji: take a PNG, GIF or WebP")

// checkEmojiImage returns the media type of an emoji's image, as it is found by its first bytes. It
// reads the image's head alone, and decodes no pixel: how large it is unpacked costs nothing.
func checkEmojiImage(b []byte) (string, error) {
	if len(b) > maxEmojiImage {
		return "", chat.E(chat.CodeTooLarge, fmt.Sprintf("the image has %d KiB, and an emoji's has at most %d", (len(b)+1023)>>10, maxEmojiImage>>10))
	}
	kind := http.DetectContentType(b)
	var c image.Config
	var err error
	switch kind {
	case "image/png":
		c, err = png.DecodeConfig(bytes.NewReader(b))
	case "image/gif":
		c, err = gif.DecodeConfig(bytes.NewReader(b))
	case "image/webp":
		c, err = webpConfig(b)
	default:
		return "", errEmojiImage
	}
	switch {
	case err != nil || c.Width < 1 || c.Height < 1:
		return "", errEmojiImage
	case c.Width > maxEmojiSide || c.Height > maxEmojiSide:
		return "", chat.E(chat.CodeBadRequest, fmt.Sprintf("the image has %d × %d pixels, and an emoji's has at most %d × %d", c.Width, c.Height, maxEmojiSide, maxEmojiSide))
	}
	return kind, nil
}

var errWebP = errors.New("not the head of a WebP image")

// webpConfig returns how large a WebP image is (RFC 9649): the standard library does not read them.
// b begins with "RIFF", four bytes and "WEBPVP", as http.DetectContentType has found.
func webpConfig(b []byte) (c image.Config, err error) {
	const (
		chunk   = 12 // the first one: a name of four bytes, its size, and what it has
		payload = chunk + 8
		least   = payload + 10
	)
	if len(b) < least {
		return c, errWebP
	}
	of, le := b[payload:], binary.LittleEndian
	switch string(b[chunk : chunk+4]) {
	case "VP8X": // section 2.7: flags, three reserved bytes, and the width and height less one
		c.Width = 1 + int(of[4]) + int(of[5])<<8 + int(of[6])<<16
		c.Height = 1 + int(of[7]) + int(of[8])<<8 + int(of[9])<<16
	case "VP8L": // section 3.4: a signature, then 14 bits each of the width and height less one
		if of[0] != 0x2f {
			return c, errWebP
		}
		bits := le.Uint32(of[1:])
		c.Width, c.Height = 1+int(bits&0x3fff), 1+int(bits>>14&0x3fff)
	case "VP8 ": // RFC 6386, section 9.1: a tag whose first bit is 0, a start code, and the sizes
		if of[0]&1 != 0 || of[3] != 0x9d || of[4] != 0x01 || of[5] != 0x2a {
			return c, errWebP
		}
		c.Width, c.Height = int(le.Uint16(of[6:])&0x3fff), int(le.Uint16(of[8:])&0x3fff)
	default:
		return c, errWebP
	}
	return c, nil
}
