//go:build !unix

package doctor

func openFiles() (soft, hard uint64, ok bool) { return 0, 0, false }

func space(string) (free, all uint64, ok bool) { return 0, 0, false }
