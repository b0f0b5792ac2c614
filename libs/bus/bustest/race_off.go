//go:build !race

package bustest

// ChurnRooms is how many rooms a test of churn follows.
const ChurnRooms = 100_000
