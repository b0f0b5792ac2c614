// Package driver is what bus.Bus needs of a server, and the types that both speak of. A caller of
// the bus never sees it.
package driver
