// Package client is Hubbub's Go client: of the WebSocket protocol, for load, tests and bots, and of
// the HTTP routes for accounts, rooms and history.
//
// A Client owns one connection at a time. It keeps the reader's side of the protocol's promises: it
// reconnects after a lost connection, resumes each room after the last event that it delivered,
// asks again for missing events, and delivers none twice; and it repeats commands, with the same
// ids, until the server acknowledges them.
//
// It does not interpret events, and it stores nothing: positions live as long as the Client.
package client
