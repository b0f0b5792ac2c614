-- +goose Up
-- Who made a room, direct rooms that one of the two does not want to see, message requests, and invitations.
ALTER TABLE rooms ADD COLUMN creator TEXT NOT NULL DEFAULT '';
CREATE INDEX rooms_creator ON rooms (creator, created) WHERE creator <> '';
ALTER TABLE members ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0;
CREATE TABLE requests (
	room TEXT PRIMARY KEY, sender TEXT NOT NULL, sender_name TEXT NOT NULL, receiver TEXT NOT NULL, receiver_name TEXT NOT NULL,
	sent TEXT NOT NULL, shown INTEGER NOT NULL, refused INTEGER NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX requests_sender ON requests (sender);
CREATE INDEX requests_receiver ON requests (receiver, shown, created);
CREATE INDEX requests_expires ON requests (expires) WHERE expires > 0;
CREATE TABLE invites (
	room TEXT NOT NULL, user TEXT NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL, actor TEXT NOT NULL, actor_name TEXT NOT NULL,
	declined INTEGER NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL, PRIMARY KEY (room, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX invites_user ON invites (user, created);
CREATE INDEX invites_actor ON invites (actor, created);
CREATE INDEX invites_expires ON invites (expires);
