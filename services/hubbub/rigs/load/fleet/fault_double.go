//go:build linux && loadfault_double && !loadfault_drop

package fleet

const faulty = 2
