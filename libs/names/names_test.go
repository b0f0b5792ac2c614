package names

import (
	"strings"
	"testing"

	"hubbub.internal/libs/chat"
)

func TestPerson(t *testing.T) {
	for _, tt := range []struct{ in, out string }{
		{"Ada", "Ada"},
		{"ada.lovelace-1_x", "ada.lovelace-1_x"},
		{"ｐａｕｌ", "paul"},       // full width
		{"Jose\u0301", "José"}, // composed
		{"Иван", "Иван"},
		{"Ελένη", "Ελένη"},
		{"प्रिया", "प्रिया"},
		{"小明", "小明"},
		{"山田Taro", "山田Taro"},
		{"カタカナー", "カタカナー"},
		{"김철수abc", "김철수abc"},
		{"محمد", "محمد"},
		{"ትግስት", "ትግስት"},
		{"สมชาย", "สมชาย"},
		{"İstanbul", "İstanbul"},
		{strings.Repeat("ж", MaxPerson), strings.Repeat("ж", MaxPerson)},
	} {
		if got, err := Person(tt.in); err != nil || got != tt.out {
			t.Errorf("%q is %q, %v; want %q", tt.in, got, err, tt.out)
		}
	}
	for _, name := range []string{
		"", " ", "a b", ".ada", "-ada", "_ada", "\u0301a", "a\u200db", "a\u202eb", "a\u00adb", "a\ufe0fb", "a\u034fb", "ﬁ", "😀", "a/b", "a@b", "a\x00b", "\xff",
		strings.Repeat("a", MaxPerson+1), strings.Repeat("a", 1<<20),
		"раul",              // Cyrillic and Latin
		"Аda",               // one letter of it is enough
		"okτα",              // Latin and Greek
		"ᎪᎠᎪ", "ꓮꓓꓮ", "Ⲁⲇⲁ", // Cherokee, Lisu, Coptic: rare scripts
		"𐐀𐐁",           // Deseret
		"한かな",          // Hangul with kana are not written together
		"a١b2", "a1b१", // digits of two kinds
		"a\u0301\u0301",                         // a mark twice
		"a\u0300\u0301\u0302\u0303\u0304\u0305", // a tower of them
	} {
		if got, err := Person(name); chat.CodeOf(err) != chat.CodeBadRequest {
			t.Errorf("%q is a name: %q, %v", name, got, err)
		}
	}
}

func TestKey(t *testing.T) {
	for _, tt := range []struct {
		one, two string
		same     bool
	}{
		{"Paul", "pAUL", true},
		{"ｐａｕｌ", "paul", true},
		{"straße", "STRASSE", true},
		{"José", "Jose\u0301", true},
		{"ILKAYĞ", "ilkayğ", true},
		{"İstanbul", "istanbul", true},
		{"иВАН", "Иван", true},
		{"Jose", "José", false},
		{"paul", "раul", true}, // Cyrillic er and a
		{"Иван", "Степан", false},
		{"PauI", "paul", false},
	} {
		if (Key(tt.one) == Key(tt.two)) != tt.same {
			t.Errorf("%q has the key %q, %q has %q", tt.one, Key(tt.one), tt.two, Key(tt.two))
		}
	}
}

func TestLooks(t *testing.T) {
	for _, tt := range []struct {
		one, two string
		same     bool
	}{
		{"Paul", "pAUL", true},
		{"paul", "рaul", true},   // Cyrillic er
		{"scope", "ѕсоре", true}, // all Cyrillic
		{"okta", "оκτα", true},   // Cyrillic and Greek
		{"Ada", "Аdа", true},
		{"paul", "PauI", true}, // capital i
		{"PAUL", "pauI", true},
		{"paul", "pau1", true}, // one
		{"bob", "b0b", true},   // zero
		{"BOB", "B0B", true},
		{"mary", "rnary", true},
		{"ada", "ᴀᴅᴀ", true}, // small capitals
		{"lucy", "ʟᴜᴄʏ", true},
		{"ada", "ᎪᎠᎪ", true}, // Cherokee
		{"DAVE", "ᎠᎪᏙᎬ", true},
		{"at", "Ꭺꭲ", true},        // capital and small Cherokee
		{"SAW", "ꓢꓮꓪ", true},      // Lisu
		{"cop", "ⲥⲟⲣ", true},      // Coptic
		{"scope", "𝓼𝓬𝓸𝓹𝓮", true},  // mathematical
		{"paul", "pａul", true},    // full width
		{"ilia", "ılıa", true},    // without dots
		{"ilia", "i̇lia", true},   // with two
		{"coop", "сօօр", true},    // Armenian o
		{"Jose", "José", false},   // an accent is seen
		{"Иван", "Степан", false}, // names in one alphabet stay apart
		{"Neil", "Nell", false},   // small i and small l are told apart
		{"Ελένη", "Γιώργος", false},
		{"محمد", "محمود", false},
		{"ann", "anna", false},
		{"a.b", "a_b", false},
		{"小明", "小朋", false},
	} {
		if Alike(tt.one, tt.two) != tt.same || Alike(tt.two, tt.one) != tt.same {
			t.Errorf("%q looks %q, %q looks %q; alike: %t", tt.one, LooksOf(tt.one), tt.two, LooksOf(tt.two), tt.same)
		}
	}
}

func TestReserved(t *testing.T) {
	for name, want := range map[string]bool{
		"admin": true, "ADMIN": true, "Adrnin": true, "аdmin": true, "ᴀᴅᴍɪɴ": true, "r00t": true, "Hubbub": true, "everyone": true,
		"Ada": false, "Admira": false, "administrate": false, "Ruth": false,
	} {
		if Reserved(name) != want {
			t.Errorf("%q is reserved: %t", name, !want)
		}
	}
}

// What has one Key is one name, and looks alike however it is written.
func TestEqualNamesLookAlike(t *testing.T) {
	for _, name := range []string{"Paul", "straße", "İlker", "ΣΊΣΥΦΟΣ", "Иван", "ǅ", "ﬀ", "k\u212a"} {
		for _, same := range []string{strings.ToUpper(name), strings.ToLower(name), strings.ToTitle(name)} {
			if Key(same) == Key(name) && !Alike(same, name) {
				t.Errorf("%q looks %q, %q looks %q", name, LooksOf(name), same, LooksOf(same))
			}
		}
	}
}

func FuzzPerson(f *testing.F) {
	for _, s := range []string{"Ada", "a\u0301", "小明", "\xff", "ⲁ", "١1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := Person(s)
		if err != nil {
			return
		}
		if again, err := Person(name); err != nil || again != name {
			t.Errorf("%q is %q, and that is %q, %v", s, name, again, err)
		}
		if Key(name) != Key(Key(name)) {
			t.Errorf("the key of %q is %q, and its key is %q", name, Key(name), Key(Key(name)))
		}
	})
}
