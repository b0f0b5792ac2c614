// Package swarm is WebSocket connections by the hundred thousand in one thread: raw sockets, one
// epoll, and 16 bytes for a connection that is idle. It opens them, upgrades them, and cuts frames.
//
// It knows no protocol above RFC 6455: its Handler does. It needs Linux.
package swarm
