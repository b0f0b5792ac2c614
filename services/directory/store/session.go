package store

// Session is a log-in.
type Session struct {
	ID      string `bson:"_id"`
	User    string `bson:"user"`
	Created int64  `bson:"created"` // UTC milliseconds
	Turn    `bson:",inline"`
}

// Turn is the part of a session that changes with its secret.
type Turn struct {
	Hash []byte `bson:"hash"` // SHA-256 of the secret that the next token is fetched with
	// SHA-256 of the beginning that all secrets of the session share; empty: its secret never
	// changed
	Family   []byte `bson:"family"`
	Previous []byte `bson:"previous"` // SHA-256 of the secret before
	Salt     []byte `bson:"salt"`     // the secret is derived from the one before with it
	Grace    int64  `bson:"grace"`    // until when the secret before is good (UTC milliseconds)
	Expires  int64  `bson:"expires"`  // UTC milliseconds
	Used     int64  `bson:"used"`     // when the secret was last used (UTC milliseconds); 0: never
	Device   string `bson:"device"`   // what the client says it is (User-Agent)
	Address  string `bson:"address"`  // the network that it was last used from
	// SHA-256 of what the client says again if it has had no answer; empty: nothing
	Attempt []byte `bson:"attempt"`
}

// Key is a key that tokens are signed with.
type Key struct {
	ID      string `bson:"_id"`
	Seed    []byte `bson:"seed"`    // of the Ed25519 private key (RFC 8032), which may be encrypted
	Created int64  `bson:"created"` // UTC milliseconds
}
