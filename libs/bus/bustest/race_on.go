//go:build race

package bustest

// Race says that the race detector is on, which makes everything some five times as slow. It finds
// a driver's races on any kind of server, so a driver may leave one out here that the same tests
// cover without it.
const Race = true

// ChurnRooms is how many rooms a test of churn follows, with the race detector.
const ChurnRooms = 10_000
