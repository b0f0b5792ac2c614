package names

import "strings"

// reserved are names that speak for the server, or for many people: nobody takes them, nor names
// that look like them.
var reserved = looksOf(strings.Fields(`
	admin administrator root superuser system sysadmin operator auditor owner moderator mod staff team support help
	security abuse postmaster webmaster hostmaster info hubbub official server service services
	everyone everybody all here room channel guest guests anonymous anyone nobody someone me you
	deleted deleted-account account user users bot webhook notifications null undefined none
`))

// Reserved reports whether a name is, or looks like, one that nobody may take.
func Reserved(name string) bool {
	x := LooksOf(name)
	return reserved[x.Written] || reserved[x.Lower]
}

func looksOf(list []string) map[string]bool {
	all := make(map[string]bool, 2*len(list))
	for _, name := range list {
		x := LooksOf(name)
		all[x.Written], all[x.Lower] = true, true
	}
	return all
}
