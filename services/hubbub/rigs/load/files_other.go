//go:build !unix

package load

// checkFiles returns nil: no limit is known here.
func checkFiles(int, int) error { return nil }
