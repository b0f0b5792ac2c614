package chat

import (
	"encoding/json"
	"fmt"
)

// DeletedName is what a user is called who has deleted the account, wherever the name would be that
// an entry was appended with. Nobody can register it: it has a space.
const DeletedName = "Deleted account"

// Named returns the users whose names the entry of a sender has: who caused it, and the member that
// it is about. Empty: it has no such name. The entries of people need not be parsed for that.
func Named(sender string, data []byte) (user, member string) {
	switch TypeOf(data) {
	case TypeMsg, TypeEdited, TypeDeleted, TypeReacted, TypePinned:
		return sender, ""
	case TypeTopic, "":
		return "", "" // the name is the room's
	case TypeMember:
		_, member = people(data)
		return "", member
	}
	return people(data)
}

// people returns who caused an entry, and which member it is about.
func people(data []byte) (user, member string) {
	var e struct {
		User   string `json:"user"`
		Member string `json:"member"`
	}
	if json.Unmarshal(data[1:], &e) != nil {
		return "", ""
	}
	return e.User, e.Member
}

// Unnamed returns the data of the entry of a sender without the names of the users who are gone:
// they are called DeletedName. All its other fields stay, also those that this release does not
// know. It returns data itself where nobody is gone.
func Unnamed(sender string, data []byte, gone func(user string) bool) ([]byte, error) {
	user, member := Named(sender, data)
	user, member = onlyIf(gone, user), onlyIf(gone, member)
	if user == "" && member == "" {
		return data, nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data[1:], &fields); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadEntry, err)
	}
	literal := json.RawMessage(`"` + DeletedName + `"`)
	if _, named := fields["name"]; named && (user != "" || TypeOf(data) == TypeMember) {
		fields["name"] = literal
	}
	if _, named := fields["member_name"]; named && member != "" {
		fields["member_name"] = literal
	}
	b, err := json.Marshal(fields)
	if err != nil {
		return nil, fmt.Errorf("encode entry: %w", err)
	}
	return append([]byte{data[0]}, b...), nil
}

func onlyIf(gone func(string) bool, user string) string {
	if user != "" && gone(user) {
		return user
	}
	return ""
}
