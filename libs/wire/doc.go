// Package wire owns the encoding of the client protocol that PROTOCOL.md beside it describes: the
// decoder of commands and the encoders of events for the edge, and the form of both for the Go
// client. Its decoder and its Append functions allocate nothing.
//
// It knows no socket, no room and no permission: the caller decides what a frame means.
package wire
