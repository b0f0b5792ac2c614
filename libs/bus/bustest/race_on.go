//go:build race

package bustest

// Race says that the race detector is at work, which makes everything some five times as slow. It
// finds the races of a driver on any kind of server, so a driver may leave one out that the same
// tests run on without it.
const Race = true

// ChurnRooms is how many rooms a test of churn follows, with the race detector.
const ChurnRooms = 10_000
