// Package swarm holds hundreds of thousands of WebSocket connections in one thread: raw sockets,
// one epoll, and 16 bytes for a connection that is idle. It opens connections, upgrades them, and
// splits their input into frames.
//
// It knows no protocol above RFC 6455: its Handler does. It needs Linux.
package swarm
