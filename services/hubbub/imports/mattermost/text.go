package mattermost

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/hubbub/imports/roster"
	"hubbub.internal/services/hubbub/imports/shortcode"
)

var (
	code = regexp.MustCompile("```(?s:.+?)```|`[^`\n]+`|https?://[^\\s<>]+")
	name = regexp.MustCompile(`@[a-zA-Z0-9._-]{1,64}`)
)

// Markdown returns a text of Mattermost, which is Markdown already, with the names that people have
// here and with emoji in place of their names, and the ids of the users that it mentions.
func Markdown(text string, names *roster.Roster) (string, []string) {
	var b strings.Builder
	var who roster.Mentioned
	end := 0
	for _, m := range code.FindAllStringIndex(text, -1) {
		b.WriteString(prose(text[end:m[0]], names, &who))
		b.WriteString(text[m[0]:m[1]])
		end = m[1]
	}
	b.WriteString(prose(text[end:], names, &who))
	return b.String(), who.Users
}

func prose(text string, names *roster.Roster, who *roster.Mentioned) string {
	text = shortcode.Replace(text)
	var b strings.Builder
	end := 0
	for _, m := range name.FindAllStringIndex(text, -1) {
		if m[0] > 0 && isWord(text[:m[0]]) {
			continue // a mail address
		}
		known, used := mentioned(text[m[0]+1:m[1]], names, who)
		if used == 0 {
			continue
		}
		b.WriteString(text[end:m[0]] + "@" + known)
		end = m[0] + 1 + used
	}
	b.WriteString(text[end:])
	return b.String()
}

// mentioned returns the user that a name mentions, and the length of the name, because punctuation
// may follow it.
func mentioned(name string, names *roster.Roster, who *roster.Mentioned) (known string, used int) {
	for tried := name; tried != ""; tried = tried[:len(tried)-1] {
		switch key := strings.ToLower(tried); key {
		case "all", "channel":
			who.Add(chat.MentionsRoom)
			return "room", len(tried)
		case "here":
			who.Add(chat.MentionsHere)
			return "here", len(tried)
		default:
			if p, ok := names.People[key]; ok {
				who.Add(p.ID)
				return p.Name, len(tried)
			}
		}
		if !strings.ContainsRune("._-", rune(tried[len(tried)-1])) {
			break
		}
	}
	return "", 0
}

func isWord(before string) bool {
	r, _ := utf8.DecodeLastRuneInString(before)
	return r == '_' || r == '-' || r == '.' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}
