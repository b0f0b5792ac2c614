package names

import (
	"errors"
	"strings"
	"testing"
)

// TestDigits: a name may have any digits of one kind, and none of two, also where Unicode has the
// kinds side by side.
func TestDigits(t *testing.T) {
	zeros := []rune{'0', 0x660, 0x6f0, 0x966, 0x9e6, 0xe50, 0xff10, 0x1d7ce, 0x1d7d8, 0x1d7f6}
	for _, zero := range zeros {
		var all strings.Builder
		for i := range rune(10) {
			all.WriteRune(zero + i)
		}
		if err := Restrict(all.String()); err != nil {
			t.Errorf("%q: %v", all.String(), err)
		}
		for _, other := range zeros {
			for _, i := range []rune{0, 9} {
				if err := Restrict(string([]rune{zero + i, other + 9 - i})); (zero == other) != (err == nil) || err != nil && !errors.Is(err, errDigits) {
					t.Errorf("%q: %v", string([]rune{zero + i, other + 9 - i}), err)
				}
			}
		}
	}
}

// TestMarks: so many marks may stand on each letter, and none twice on the same.
func TestMarks(t *testing.T) {
	tower := []rune{0x300, 0x301, 0x302, 0x303, 0x304}
	for name, want := range map[string]error{
		"a" + string(tower[:maxMarks]):   nil,
		"a" + string(tower[:maxMarks+1]): errMarks,
		"a\u0301b\u0301":                 nil,
		"a\u0301\u0301":                  errMarks,
		"a" + string(tower[:2]) + "b" + string(tower[:maxMarks]): nil,
	} {
		if err := Restrict(name); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", name, err, want)
		}
	}
}

// TestMixedScripts: those that are written together go in one name, and others do not.
func TestMixedScripts(t *testing.T) {
	for name, want := range map[string]error{
		"山田たろうタロウTaro": nil, "小ㄅa": nil, "김철수小abc": nil, "小": nil, "1-2": nil,
		"ㄅか": errScript, "ㄅ김": errScript, "김カ": errScript, "aж": errScript, "жא": errScript, "Ꭰ": errScript,
	} {
		if err := Restrict(name); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", name, err, want)
		}
	}
}

// TestLongestName is of letters that take most bytes.
func TestLongestName(t *testing.T) {
	long := strings.Repeat("𠀀", MaxPerson)
	if got, err := Person(long); err != nil || got != long {
		t.Errorf("%d bytes: %q, %v", len(long), got, err)
	}
	if _, err := Person(long + "a"); err == nil {
		t.Error("a letter too many")
	}
}

// TestReservedByLook: a capital i that stands for a small l hides no reserved name.
func TestReservedByLook(t *testing.T) {
	for _, name := range []string{"heIp", "nuII", "aII", "HELP"} {
		if !Reserved(name) {
			t.Errorf("%q can be had", name)
		}
	}
	for one, two := range map[string]string{"heIp": "help", "help": "heIp", "PauI": "pauI"} {
		if !Alike(one, two) {
			t.Errorf("%q and %q are told apart", one, two)
		}
	}
}
