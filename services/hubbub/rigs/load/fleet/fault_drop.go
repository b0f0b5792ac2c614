//go:build linux && loadfault_drop

package fleet

const faulty = 0
