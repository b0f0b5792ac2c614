// Package roster knows what the users and rooms of an export are called here. Texts name them.
package roster

import (
	"slices"

	"hubbub.internal/libs/mentions"
)

// Person is somebody here.
type Person struct{ ID, Name string }

// Roster is who and what there is, by the keys of the export. It is not changed while it is read.
type Roster struct {
	People map[string]Person
	Rooms  map[string]string // names
}

// Mentioned collects whom a text mentions.
type Mentioned struct{ Users []string }

// Add adds a user's id, or chat.MentionsRoom or chat.MentionsHere, once, and up to what counts.
func (m *Mentioned) Add(id string) {
	if len(m.Users) < mentions.Max && !slices.Contains(m.Users, id) {
		m.Users = append(m.Users, id)
	}
}
