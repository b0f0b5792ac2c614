package directory

import (
	"fmt"
	"testing"
)

func TestLookAlikes(t *testing.T) {
	for _, tt := range []struct {
		one, two string
		same     bool
	}{
		{"Paul", "pAUL", true},
		{"paul", "рaul", true},       // Cyrillic er
		{"scope", "ѕсоре", true},     // all Cyrillic
		{"ｐａｕｌ", "paul", true},       // full width
		{"straße", "STRASSE", true},  // case folding
		{"okta", "оκτα", true},       // Cyrillic and Greek
		{"ilia", "ılıa", true},       // without dots
		{"ilia", "i\u0307lia", true}, // with two
		{"José", "Jose\u0301", true}, // composed or not
		{"Jose", "José", false},      // that is seen
		{"Иван", "Степан", false},    // names in one alphabet stay apart
		{"Ελένη", "Γιώργος", false},  //
		{"paul1", "paull", false},    // a digit is no letter
		{"rn", "m", false},           //
		{"محمد", "محمود", false},     //
		{"ann", "anna", false},       //
		{"a.b", "a_b", false},        //
	} {
		_, one, err := checkName(tt.one)
		if err != nil {
			t.Errorf("%q is no name: %v", tt.one, err)
		}
		_, two, err := checkName(tt.two)
		if err != nil {
			t.Errorf("%q is no name: %v", tt.two, err)
		}
		if (one == two) != tt.same {
			t.Errorf("%q has the key %q, %q the key %q; the same: %t", tt.one, one, tt.two, two, tt.same)
		}
	}
	for _, name := range []string{"a\u200db", "a\u202eb", "\u0301a", "a b", "ﬁ", "a\u00adb"} {
		if _, _, err := checkName(name); err == nil {
			t.Errorf("%q is a name", name)
		}
	}
}

func TestLookAlikeIsTaken(t *testing.T) {
	w := openWorld(t, config())
	paul := w.register("paul")
	if _, code := w.call("POST", "/v1/register", "", fmt.Sprintf(`{"name":%q,"password":"correct horse"}`, "раul"), nil); code != "conflict" {
		t.Errorf("a look-alike: %q", code)
	}
	ivan := w.register("Иван")
	var in credentials
	w.ok("POST", "/v1/login", "", `{"name":"иВАН","password":"correct horse"}`, &in)
	if in.User != ivan.User {
		t.Errorf("logged in as %+v", in.User)
	}
	var found struct{ Users []account }
	w.ok("GET", "/v1/users?q="+"%D0%98%D0%B2", paul.Token, "", &found)
	if len(found.Users) != 1 || found.Users[0] != ivan.User {
		t.Errorf("found %+v", found)
	}
}
