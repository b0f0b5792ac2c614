//go:build race

package bustest

// ChurnRooms is how many rooms a test of churn follows, with the race detector.
const ChurnRooms = 10_000
