// Package rules holds the rules of the repository by its tests, which need no server: words, sleeps
// and the lengths of files and lines, links, imports, the methods of a type, dependencies, and what
// documents say of the code. `make check` runs them.
package rules
