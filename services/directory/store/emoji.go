package store

import "context"

// Emoji is an emoji of the server's own.
type Emoji struct {
	Name    string `bson:"_id"`     // see package emoji
	Type    string `bson:"type"`    // of the image: image/png, image/gif or image/webp
	Hash    string `bson:"hash"`    // SHA-256 of the image, in hexadecimal digits
	Image   []byte `bson:"image"`   // absent from lists
	Actor   string `bson:"actor"`   // id of the user who added it
	Created int64  `bson:"created"` // UTC milliseconds
}

// EmojiKeeper keeps the emoji of the server's own.
type EmojiKeeper interface {
	// adds or replaces the emoji
	PutEmoji(ctx context.Context, e Emoji) error
	Emoji(ctx context.Context, limit int) ([]Emoji, error) // ordered by name, without Image
	// one of the emoji whose image has this hash; ErrNotFound
	EmojiByHash(ctx context.Context, hash string) (Emoji, error)
	DeleteEmoji(ctx context.Context, name string) error // ErrNotFound
}
