//go:build !race

package bustest

// Race says that the race detector is at work.
const Race = false

// ChurnRooms is how many rooms a test of churn follows.
const ChurnRooms = 100_000
