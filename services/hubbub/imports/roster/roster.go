// Package roster maps the users and rooms of an export to their names here, for texts that mention
// them.
package roster

import (
	"slices"

	"hubbub.internal/libs/mentions"
)

// Person is somebody here.
type Person struct{ ID, Name string }

// Roster has the users and rooms by their keys in the export. It must not change while it is read.
type Roster struct {
	People map[string]Person
	Rooms  map[string]string // names
}

// Mentioned collects the users that a text mentions.
type Mentioned struct{ Users []string }

// Add adds a user's id, or chat.MentionsRoom or chat.MentionsHere, unless it is there already or
// the limit is reached.
func (m *Mentioned) Add(id string) {
	if len(m.Users) < mentions.Max && !slices.Contains(m.Users, id) {
		m.Users = append(m.Users, id)
	}
}
