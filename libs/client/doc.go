// Package client is Hubbub's Go client: of the WebSocket protocol, for load, tests and bots, and of
// the HTTP routes for accounts, rooms and history.
//
// A Client owns one connection at a time. It keeps the promises of the protocol on the reader's
// side: it comes back after a lost connection, resumes each room behind the last event that it
// delivered, asks again where one is missing, and delivers none twice; and it repeats what was
// sent, with the same ids, until it is acknowledged.
//
// It refuses to know what an event means, and it stores nothing: positions live as long as the
// Client.
package client
