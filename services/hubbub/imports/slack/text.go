package slack

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/hubbub/imports/roster"
	"hubbub.internal/services/hubbub/imports/shortcode"
)

var (
	codeBlock = regexp.MustCompile("```(?s:.+?)```|`[^`\n]+`")
	reference = regexp.MustCompile(`<([^<>|\n][^<>\n]*)>`)
	unescape  = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")
)

// Markdown returns a text of Slack as Markdown, with the names that people and rooms have here, and
// whom it mentions.
func Markdown(text string, names *roster.Roster) (string, []string) {
	var b strings.Builder
	var who roster.Mentioned
	end := 0
	for _, m := range codeBlock.FindAllStringIndex(text, -1) {
		b.WriteString(prose(text[end:m[0]], names, &who))
		b.WriteString(code(text[m[0]:m[1]], names))
		end = m[1]
	}
	b.WriteString(prose(text[end:], names, &who))
	return b.String(), who.Users
}

// code converts code, in which Slack marks up only links and names of people.
func code(text string, names *roster.Roster) string {
	var nobody roster.Mentioned
	return unescape.Replace(reference.ReplaceAllStringFunc(text, func(found string) string {
		target, label, _ := strings.Cut(found[1:len(found)-1], "|")
		if strings.ContainsAny(target[:1], "@#!") {
			return refer(target, label, names, &nobody)
		}
		return target
	}))
}

// prose converts a text without code. It replaces what stands between <> by placeholders while it
// converts the author's own text.
func prose(text string, names *roster.Roster, who *roster.Mentioned) string {
	var aside []string
	text = strings.ReplaceAll(text, "\x00", "")
	text = reference.ReplaceAllStringFunc(text, func(found string) string {
		target, label, _ := strings.Cut(found[1:len(found)-1], "|")
		aside = append(aside, refer(target, label, names, who))
		return "\x00"
	})
	text = shortcode.Replace(text)
	text = mark(text, '*', "**")
	text = mark(text, '~', "~~")
	text = unescape.Replace(text)
	if len(aside) == 0 {
		return text
	}
	var b strings.Builder
	for i, part := range strings.Split(text, "\x00") {
		b.WriteString(part)
		if i < len(aside) {
			b.WriteString(aside[i])
		}
	}
	return b.String()
}

// refer converts what stands between <> to Markdown.
func refer(target, label string, names *roster.Roster, who *roster.Mentioned) string {
	label = unescape.Replace(label)
	switch target[0] {
	case '@':
		p, ok := names.People[target[1:]]
		if !ok {
			if label == "" {
				label = target[1:]
			}
			return "@" + strings.TrimPrefix(label, "@")
		}
		who.Add(p.ID)
		return "@" + p.Name
	case '#':
		if name := names.Rooms[target[1:]]; name != "" {
			label = name
		}
		if label == "" {
			label = target[1:]
		}
		return "#" + label
	case '!':
		return special(target[1:], label, who)
	}
	target = unescape.Replace(target)
	if mail, ok := strings.CutPrefix(target, "mailto:"); ok {
		if label == "" || label == mail {
			return mail
		}
		return label + " (" + mail + ")"
	}
	if label == "" || label == target || !strings.Contains(target, "://") {
		return target
	}
	return "[" + strings.NewReplacer("[", `\[`, "]", `\]`).Replace(label) + "](" + strings.NewReplacer("(", "%28", ")", "%29", " ", "%20").Replace(target) + ")"
}

// special converts what Slack marks with !: mentions of many, dates and groups of users.
func special(what, label string, who *roster.Mentioned) string {
	switch what, _, _ := strings.Cut(what, "^"); what {
	case "here":
		who.Add(chat.MentionsHere)
		return "@here"
	case "channel", "everyone", "group":
		who.Add(chat.MentionsRoom)
		return "@room"
	default:
		if label != "" {
			return label
		}
		return what
	}
}

// mark replaces a sign around words, such as the * of *bold*, by Markdown's. As in Slack, a space
// or punctuation must be outside of the signs and none inside, and both must be on one line.
func mark(text string, sign byte, by string) string {
	if strings.Count(text, string(sign)) < 2 {
		return text
	}
	var b strings.Builder
	for {
		from := strings.IndexByte(text, sign)
		if from < 0 {
			break
		}
		rest := text[from+1:]
		to := strings.IndexByte(rest, sign)
		if to <= 0 || !opens(text[:from], rest) || !closes(rest[:to], rest[to+1:]) {
			b.WriteString(text[:from+1])
			text = rest
			continue
		}
		b.WriteString(text[:from] + by + rest[:to] + by)
		text = rest[to+1:]
	}
	b.WriteString(text)
	return b.String()
}

func opens(before, inside string) bool {
	r, n := utf8.DecodeLastRuneInString(before)
	first, _ := utf8.DecodeRuneInString(inside)
	return (n == 0 || !isWord(r)) && !unicode.IsSpace(first)
}

func closes(inside, after string) bool {
	last, _ := utf8.DecodeLastRuneInString(inside)
	r, n := utf8.DecodeRuneInString(after)
	return !strings.Contains(inside, "\n") && !unicode.IsSpace(last) && (n == 0 || !isWord(r))
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) || r == '\\' }
