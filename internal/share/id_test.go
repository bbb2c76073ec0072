package share

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// TestIDOf: the id is what sha256sum and base 32 give: printf 'podpath link plain 1\n{}' | sha256sum begins with
// 2af7570b8fffb7c8….
func TestIDOf(t *testing.T) {
	id := IDOf(Plain, 1, []byte("{}"))
	if got, want := fmt.Sprintf("%x", id[:]), "2af7570b8fffb7c82faf065681db3250"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := id.String(), "5bvne2wfzyvwgbxf0sb83psja0"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	seen := map[ID]string{}
	for _, x := range []struct {
		kind    Kind
		version int
		content string
	}{
		{Plain, 1, "x"}, {Encrypted, 1, "x"}, {Plain, 2, "x"}, {Plain, 12, "x"}, {Plain, 1, "2\nx"}, {Plain, 1, "X"}, {Plain, 1, "x\n"}, {Plain, 1, ""},
	} {
		id, what := IDOf(x.kind, x.version, []byte(x.content)), fmt.Sprintf("%+v", x)
		if other, ok := seen[id]; ok {
			t.Errorf("%s and %s have the same id", what, other)
		}
		seen[id] = what
	}
}

// TestIDText: any id is 26 letters and digits, is read back as it is, and however people write it.
func TestIDText(t *testing.T) {
	form := regexp.MustCompile(`^[0-9abcdefghjkmnpqrstvwxyz]{26}$`)
	rnd := rand.New(rand.NewPCG(1, 2))
	ids := []ID{{}, {15: 1}, {0: 0xff}, ID([]byte(strings.Repeat("\xff", 16)))}
	for range 1000 {
		var id ID
		for i := range id {
			id[i] = byte(rnd.Uint32())
		}
		ids = append(ids, id)
	}
	for _, id := range ids {
		text := id.String()
		if !form.MatchString(text) {
			t.Errorf("%x is %q", id[:], text)
		}
		for _, written := range []string{text, strings.ToUpper(text), strings.NewReplacer("1", "l", "0", "o").Replace(text), strings.NewReplacer("1", "I", "0", "O").Replace(text),
			strings.ReplaceAll(text, "1", "L"), strings.ReplaceAll(text, "1", "i")} {
			if got, err := ParseID(written); err != nil || got != id {
				t.Errorf("%q is %s, %v; want %s", written, got, err, id)
			}
		}
	}
}

func TestParseIDRefuses(t *testing.T) {
	good := IDOf(Plain, 1, []byte("x")).String()
	const room = "00000000000000000000000000"
	for _, x := range []struct{ text, want string }{
		{"", "got 0"},
		{good[:25], "got 25"},
		{good + "0", "got 27"},
		{good + ".", "got 27"},
		{" " + good, "got 27"},
		{"u" + room[1:], "character 1 is not of the alphabet"},
		{room[:12] + "-" + room[13:], "character 13"},
		{room[:25] + "!", "character 26"},
		{room[:23] + "\u212a", "character 24"}, // the Kelvin sign, whose lower case is k
		{room[:23] + "\xff\xff\xff", "character 24"},
		{room[:25] + "1", "can only be one of 048cgmrw"},
		{room[:25] + "z", "can only be one of 048cgmrw"},
		{strings.Repeat("x", 1000), "got 1000"},
	} {
		id, err := ParseID(x.text)
		var idErr *IDError
		if !errors.As(err, &idErr) || idErr.Text != x.text || !strings.Contains(err.Error(), x.want) || id != (ID{}) {
			t.Errorf("%q: %s, %v, want an error about %q", x.text, id, err, x.want)
		} else if len(err.Error()) > 250 {
			t.Errorf("%q: a message of %d bytes", x.text, len(err.Error()))
		}
	}
}

// FuzzParseID: what is taken for an id is one, and written as it was meant.
func FuzzParseID(f *testing.F) {
	f.Add(IDOf(Plain, 1, []byte("x")).String())
	f.Add("OIL00000000000000000000000")
	f.Add("0000000000000000000000000z")
	f.Fuzz(func(t *testing.T, text string) {
		id, err := ParseID(text)
		if err != nil {
			return
		}
		if again, err := ParseID(id.String()); err != nil || again != id {
			t.Errorf("%q is %s, which is %s, %v", text, id, again, err)
		}
		meant := strings.NewReplacer("i", "1", "l", "1", "o", "0").Replace(strings.ToLower(text))
		if id.String() != meant {
			t.Errorf("%q is %s", text, id)
		}
	})
}

func TestKey(t *testing.T) {
	k := NewKey()
	if other := NewKey(); k == other {
		t.Fatal("two keys are the same")
	}
	if got, err := ParseKey(strings.ToUpper(k.Text())); err != nil || got != k {
		t.Errorf("read back: %v, %v", err, got == k)
	}
	for _, text := range []string{"", k.Text()[:25], "u" + k.Text()[1:]} {
		if _, err := ParseKey(text); !errors.Is(err, ErrWrongKey) {
			t.Errorf("%d characters: %v", len(text), err)
		} else if len(text) > 0 && strings.Contains(err.Error(), text[1:]) {
			t.Errorf("the error repeats the key: %v", err)
		}
	}
}

// TestKeyIsHidden: a receipt that gets into a log does not give the key away.
func TestKeyIsHidden(t *testing.T) {
	r := Receipt{Key: NewKey()}
	secrets := []string{r.Key.Text(), fmt.Sprintf("%x", r.Key.secret[:]), fmt.Sprint(r.Key.secret[:])}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		for _, v := range []any{r, &r, r.Key} {
			out := fmt.Sprintf(format, v)
			for _, secret := range secrets {
				if strings.Contains(strings.ToLower(out), secret) {
					t.Errorf("%s of %T: %s", format, v, out)
				}
			}
		}
	}
	if out, err := json.Marshal(r); err != nil || !strings.Contains(string(out), `"Key":{}`) {
		t.Errorf("JSON: %s, %v", out, err)
	}
}
