package wire

import (
	"fmt"

	"hubbub.internal/libs/chat"
)

// problemsOf holds the errors of one field of one command.
type problemsOf struct{ missing, wrong, twice *chat.Error }

// wants says for each field what its value has to be.
var wants = [fieldCount]struct{ name, what string }{
	fType:        {"type", "a string, the name of a command"},
	fID:          {"id", anID},
	fRoom:        {"room", anID},
	fMsgID:       {"msg_id", anID},
	fReplyTo:     {"reply_to", anID},
	fReplyAuthor: {"reply_author", anID},
	fTarget:      {"target", anID},
	fAuthor:      {"author", anID},
	fToken:       {"token", "a token as login returns it"},
	fDevice:      {"device", "web, phone, desktop or bot"},
	fEmoji:       {"emoji", "a string of 1 to 64 bytes without control characters"},
	fStatus:      {"status", "online, idle, dnd or invisible"},
	fNext:        {"next", "the next of an answer"},
	fText:        {"text", "a string that is not empty and has neither U+0000 nor an unpaired surrogate"},
	fBefore:      {"before", aSeq},
	fAfter:       {"after", "an integer from 0 to 9007199254740991"},
	fAround:      {"around", aSeq},
	fSeq:         {"seq", aSeq},
	fLimit:       {"limit", "an integer from 1 to 200"},
	fVersion:     {"version", "an integer from 1 to 32768"},
	fOn:          {"on", "true or false"},
	fRetry:       {"retry", "true or false"},
	fThread:      {"thread", "an object with the author and the id of the thread's root, each " + anID},
	fBroadcast:   {"broadcast", "true or false"},
	fRooms:       {"rooms", "a list of 1 to 100 objects, each with a room"},
}

const (
	anID      = "1 to 64 characters of A-Z, a-z, 0-9, _ and -"
	aSeq      = "an integer from 1 to 9007199254740991"
	aPosition = "an object with a seq (an integer from 0 to 9007199254740991) and the id of the event there"
)

// problems are the errors of all fields, made once: a flood of bad frames allocates nothing.
var problems = makeProblems()

func makeProblems() (all [NumKinds][fieldCount]problemsOf) {
	for k := range NumKinds {
		for f := fType; f < fieldCount; f++ {
			name, what := wants[f].name, wants[f].what
			if k == Join && f == fAfter {
				what = aPosition
			}
			of := k.String() + ": "
			if k == KindUnknown {
				of = ""
			}
			all[k][f] = problemsOf{
				missing: chat.E(chat.CodeBadRequest, fmt.Sprintf("%s%s is missing; it must be %s", of, name, what)),
				wrong:   chat.E(chat.CodeBadRequest, fmt.Sprintf("%s%s must be %s", of, name, what)),
				twice:   chat.E(chat.CodeBadRequest, fmt.Sprintf("%s%s stands in the frame twice", of, name)),
			}
		}
	}
	return all
}
