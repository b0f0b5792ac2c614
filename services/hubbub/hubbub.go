// Package hubbub holds the tests of the whole: the rules of the repository, and people chatting
// through real processes, end to end. What runs is in its subpackages.
package hubbub
