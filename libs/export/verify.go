package export

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
)

// MaxLine is how long a line may be, in bytes: more than the longest message with its reactions.
const MaxLine = 4 << 20

// ErrAltered is in the chain of the error of a copy that is not as it was made.
var ErrAltered = errors.New("the export is not as it was made")

// Line is a line of a copy whose hash was checked.
type Line struct {
	Kind    string
	Content json.RawMessage
}

// Summary is what a whole copy has.
type Summary struct {
	Head  Head
	Lines map[string]int // by kind, without the last one
	// Hash is that of the last line, which stands for the whole copy: two copies with one hash are
	// equal. The audit log of the server that made the copy has it.
	Hash Hash
}

// Verify reads a copy to its end and checks every hash, the first and the last line, and the
// numbers there. It calls each, which may be nil, with every line but the last, in order, as soon
// as that is checked; the content is valid until each returns. Of a copy that was altered the error
// wraps ErrAltered, says at which line, and what may have happened.
func Verify(r io.Reader, each func(Line) error) (sum Summary, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, MaxLine)
	var state State
	ended, n := false, 0
	for lines.Scan() {
		n++
		if ended {
			return sum, altered(n, "it follows the last line: something was added")
		}
		line, err := state.check(lines.Bytes())
		if err != nil {
			return sum, altered(n, err.Error())
		}
		switch first := n == 1; {
		case first != (line.Kind == KindHead):
			return sum, altered(n, "an export has a head, as its first line and nowhere else")
		case first:
			if err := json.Unmarshal(line.Content, &sum.Head); err != nil || sum.Head.Version < 1 {
				return sum, altered(n, "its head is not of the form of an export")
			}
		case line.Kind == KindEnd:
			delete(state.Lines, KindEnd)
			var end End
			if err := json.Unmarshal(line.Content, &end); err != nil || !maps.Equal(end.Lines, state.Lines) {
				return sum, altered(n, fmt.Sprintf("it says that the lines before it are %v; they are %v", end.Lines, state.Lines))
			}
			ended = true
			continue
		}
		if each != nil {
			if err := each(line); err != nil {
				return sum, err
			}
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return sum, altered(n+1, fmt.Sprintf("it has more than %d bytes", MaxLine))
	case err != nil:
		return sum, fmt.Errorf("read the export: %w", err)
	case !ended:
		return sum, fmt.Errorf("%w: it has %d lines and its last one is missing: the end was cut off", ErrAltered, n)
	}
	sum.Lines, sum.Hash = state.Lines, state.Hash
	return sum, nil
}

func altered(line int, why string) error { return fmt.Errorf("%w: line %d: %s", ErrAltered, line, why) }

// check checks a line against the chain before it, and adds it.
func (s *State) check(line []byte) (l Line, err error) {
	h, body, err := split(line)
	if err != nil {
		return l, err
	}
	if s.Hash.next(body) != h {
		return l, errors.New("its hash does not fit: this line was changed, or lines before it were added, removed or moved")
	}
	if l, err = member(body); err != nil {
		return l, err
	}
	s.Hash = h
	if s.Lines == nil {
		s.Lines = map[string]int{}
	}
	s.Lines[l.Kind]++
	return l, nil
}

// Parse returns a line of a copy without checking its hash, for whoever has just made it.
func Parse(line []byte) (Line, error) {
	_, body, err := split(line)
	if err != nil {
		return Line{}, err
	}
	return member(body)
}

// member returns the one member of an object.
func member(body []byte) (l Line, err error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(body, &all); err != nil || len(all) != 1 {
		return l, errors.New("it is not an object with a hash and one member more")
	}
	for l.Kind, l.Content = range all {
	}
	return l, nil
}
