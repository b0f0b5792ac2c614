package store

import "context"

// Emoji is an emoji of the server's own.
type Emoji struct {
	Name    string `bson:"_id"`     // see package emoji
	Type    string `bson:"type"`    // of the image: image/png, image/gif or image/webp
	Hash    string `bson:"hash"`    // SHA-256 of the image, in hexadecimal digits
	Image   []byte `bson:"image"`   // lists leave it out
	Actor   string `bson:"actor"`   // id of the user who made it
	Created int64  `bson:"created"` // UTC milliseconds
}

// EmojiKeeper keeps the emoji of the server's own.
type EmojiKeeper interface {
	// adds or replaces it
	PutEmoji(ctx context.Context, e Emoji) error
	Emoji(ctx context.Context, limit int) ([]Emoji, error) // by name, without Image
	// returns one whose image has the hash, of which there may be several; ErrNotFound
	EmojiByHash(ctx context.Context, hash string) (Emoji, error)
	DeleteEmoji(ctx context.Context, name string) error // ErrNotFound
}
