// Package hubbub holds the tests of the whole: the rules of the repository, and end-to-end tests
// with real processes. The programs are in its subpackages.
package hubbub
