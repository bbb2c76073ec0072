package share

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// station is an id as traces have them.
const station = "request/node-a/1/nat-POSTROUTING"

func sample() *Content {
	return &Content{
		Version: ContentVersion,
		Engine:  "podpath 0.3.0",
		Query:   "from=pod/default/web-0&to=internet&proto=tcp&dport=80",
		Input:   &Input{Kind: ClusterInput, Text: "nodes:\n- name: a <b> & c\n\ttab\r\n"},
		Trace:   json.RawMessage(`{"version":1,"outcome":"delivered","text":"-j KUBE-SEP-1 <&> 한글"}`),
		Title:   "왜 SNAT 인가요? <b>",
		Notes:   map[string]string{station: "첫 줄\n\n둘째 줄", "reply/node-a/1/receive": "back", "a/b": "x"},
		Step:    station,
		Lang:    "ko",
	}
}

func encoded(t *testing.T, c *Content) []byte {
	t.Helper()
	b, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEncodeAndDecode(t *testing.T) {
	preset := &Content{Version: 1, Engine: "podpath", Query: "from=a&to=b", Trace: json.RawMessage("{}")}
	for name, c := range map[string]*Content{"everything": sample(), "a preset": preset} {
		b := encoded(t, c)
		got, err := Decode(b)
		if d := cmp.Diff(c, got); err != nil || d != "" {
			t.Errorf("%s: %v (-encoded +decoded):\n%s", name, err, d)
		}
		if again := encoded(t, got); !bytes.Equal(again, b) {
			t.Errorf("%s: encoded again:\n%s\nwant\n%s", name, again, b)
		}
	}
	if got, want := string(encoded(t, preset)), `{"version":1,"engine":"podpath","query":"from=a&to=b","trace":{}}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestEncodeIsCanonical: what is the same content has the same bytes, whatever way it was come by.
func TestEncodeIsCanonical(t *testing.T) {
	want := encoded(t, sample())
	for _, x := range []struct {
		name   string
		change func(c *Content)
		same   bool
	}{
		{"nothing", func(*Content) {}, true},
		{"notes in another order", func(c *Content) {
			notes := map[string]string{}
			for _, k := range slices.Backward(slices.Sorted(maps.Keys(c.Notes))) {
				notes[k] = c.Notes[k]
			}
			c.Notes = notes
		}, true},
		{"an indented trace", func(c *Content) {
			var b bytes.Buffer
			if err := json.Indent(&b, c.Trace, " ", "\t"); err != nil {
				t.Fatal(err)
			}
			c.Trace = json.RawMessage("\n" + b.String() + "\n")
		}, true},
		{"no version", func(c *Content) { c.Version = 0 }, true},
		{"another title", func(c *Content) { c.Title += "." }, false},
		{"no title", func(c *Content) { c.Title = "" }, false},
		{"another engine", func(c *Content) { c.Engine = "podpath 0.3.1" }, false},
		{"another query", func(c *Content) { c.Query += "&ttl=3" }, false},
		{"another input", func(c *Content) { c.Input.Text += "\n" }, false},
		{"another kind of input", func(c *Content) { c.Input.Kind = SnapshotInput }, false},
		{"another trace", func(c *Content) { c.Trace = json.RawMessage("{}") }, false},
		{"another drawing", func(c *Content) { c.Scene = json.RawMessage("{}") }, false},
		{"another note", func(c *Content) { c.Notes[station] += "." }, false},
		{"a note less", func(c *Content) { delete(c.Notes, station) }, false},
		{"another step", func(c *Content) { c.Step = "a/b" }, false},
		{"another language", func(c *Content) { c.Lang = "en" }, false},
	} {
		c := sample()
		x.change(c)
		if got := encoded(t, c); bytes.Equal(got, want) != x.same {
			t.Errorf("%s: got\n%s\nwant the same as this: %v\n%s", x.name, got, x.same, want)
		}
	}
	none, empty := sample(), sample()
	none.Notes, empty.Notes = nil, map[string]string{}
	if a, b := encoded(t, none), encoded(t, empty); !bytes.Equal(a, b) {
		t.Errorf("no notes: %s\nand none: %s", a, b)
	}
}

func TestContentLimits(t *testing.T) {
	notes := func(n int) map[string]string {
		m := map[string]string{}
		for i := range n {
			m[fmt.Sprint("station ", i)] = "x"
		}
		return m
	}
	for _, x := range []struct {
		name   string
		change func(c *Content)
		want   *ContentError // nil: it is taken
	}{
		{"no engine", func(c *Content) { c.Engine = "" }, &ContentError{Field: "engine", Problem: Missing}},
		{"no query", func(c *Content) { c.Query = "" }, nil},
		{"a query as in a URL", func(c *Content) { c.Query = "?from=a" }, &ContentError{Field: "query", Problem: Malformed}},
		{"a query with half an escape", func(c *Content) { c.Query = "from=%2" }, &ContentError{Field: "query", Problem: Malformed}},
		{"a query with a line feed", func(c *Content) { c.Query = "from=a\n" }, &ContentError{Field: "query", Problem: ControlCharacter}},

		{"no input", func(c *Content) { c.Input = nil }, nil},
		{"input of no kind", func(c *Content) { c.Input = &Input{Text: "x"} }, &ContentError{Field: "input", Problem: Malformed}},
		{"empty input", func(c *Content) { c.Input.Text = "" }, &ContentError{Field: "input", Problem: Missing}},
		{"input in another encoding", func(c *Content) { c.Input.Text = "caf\xe9" }, &ContentError{Field: "input", Problem: NotUTF8}},

		{"no trace", func(c *Content) { c.Trace = nil }, &ContentError{Field: "trace", Problem: Missing}},
		{"a trace of nothing", func(c *Content) { c.Trace = json.RawMessage("null") }, &ContentError{Field: "trace", Problem: Missing}},
		{"a trace that is none", func(c *Content) { c.Trace = json.RawMessage("[]") }, &ContentError{Field: "trace", Problem: Malformed}},
		{"a trace cut off", func(c *Content) { c.Trace = json.RawMessage(`{"version":`) }, &ContentError{Field: "trace", Problem: Malformed}},
		{"a drawing that is none", func(c *Content) { c.Scene = json.RawMessage("[]") }, &ContentError{Field: "scene", Problem: Malformed}},
		{"a trace in another encoding", func(c *Content) { c.Trace = json.RawMessage("{\"x\":\"caf\xe9\"}") }, &ContentError{Field: "trace", Problem: NotUTF8}},

		{"a long title", func(c *Content) { c.Title = strings.Repeat("한", 200) }, nil},
		{"too long a title", func(c *Content) { c.Title = strings.Repeat("한", 201) }, &ContentError{Field: "title", Problem: TooLong, Limit: 200}},
		{"a title of two lines", func(c *Content) { c.Title = "a\nb" }, &ContentError{Field: "title", Problem: ControlCharacter}},
		{"a title in another encoding", func(c *Content) { c.Title = "caf\xe9" }, &ContentError{Field: "title", Problem: NotUTF8}},

		{"a long note", func(c *Content) { c.Notes[station] = strings.Repeat("한\n", 1000) }, nil},
		{"too long a note", func(c *Content) { c.Notes[station] = strings.Repeat("한", 2001) }, &ContentError{Field: "note", Station: station, Problem: TooLong, Limit: 2000}},
		{"an empty note", func(c *Content) { c.Notes[station] = "" }, &ContentError{Field: "note", Station: station, Problem: Missing}},
		{"a note with a carriage return", func(c *Content) { c.Notes[station] = "a\r\nb" }, &ContentError{Field: "note", Station: station, Problem: ControlCharacter}},
		{"a note with C1's", func(c *Content) { c.Notes[station] = "a\u0085b" }, &ContentError{Field: "note", Station: station, Problem: ControlCharacter}},
		{"a note in another encoding", func(c *Content) { c.Notes[station] = "caf\xe9" }, &ContentError{Field: "note", Station: station, Problem: NotUTF8}},
		{"a note on nothing", func(c *Content) { c.Notes = map[string]string{"": "x"} }, &ContentError{Field: "notes", Problem: Missing}},
		{"a note on two lines", func(c *Content) { c.Notes = map[string]string{"a\nb": "x"} }, &ContentError{Field: "notes", Problem: ControlCharacter}},
		{"many notes", func(c *Content) { c.Notes = notes(200) }, nil},
		{"too many notes", func(c *Content) { c.Notes = notes(201) }, &ContentError{Field: "notes", Problem: TooMany, Limit: 200}},

		{"a step with a bell", func(c *Content) { c.Step = "a\a" }, &ContentError{Field: "step", Problem: ControlCharacter}},
		{"too long a step", func(c *Content) { c.Step = strings.Repeat("x", 401) }, &ContentError{Field: "step", Problem: TooLong, Limit: 400}},
		{"a language with a NUL", func(c *Content) { c.Lang = "k\x00" }, &ContentError{Field: "lang", Problem: ControlCharacter}},
	} {
		c := sample()
		x.change(c)
		b, err := c.Encode()
		var got *ContentError
		errors.As(err, &got)
		if d := cmp.Diff(x.want, got); d != "" || (err != nil) != (x.want != nil) {
			t.Errorf("%s: %v (-want +got):\n%s", x.name, err, d)
		}
		if err == nil {
			if _, err := Decode(b); err != nil {
				t.Errorf("%s: encoded, and not decoded: %v", x.name, err)
			}
		}
	}
	c := sample()
	c.Input.Text = strings.Repeat("x", MaxContent)
	if _, err := c.Encode(); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a large input: %v", err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := string(encoded(t, sample()))
	for _, x := range []struct{ name, data, want string }{
		{"nothing", "", "at byte 0 of 0"},
		{"half", good[:len(good)/2], fmt.Sprintf("cut off or damaged at byte %d of %[1]d", len(good)/2)},
		{"all but the end", good[:len(good)-1], fmt.Sprintf("cut off or damaged at byte %d of %[1]d", len(good)-1)},
		{"a brace more", good + "}", fmt.Sprintf("damaged at byte %d of %[1]d: invalid character '}'", len(good)+1)},
		{"a changed byte", strings.Replace(good, `"engine":`, `"engine";`, 1), "damaged at byte 22"},
		{"no JSON", "hello", "damaged at byte 1"},
		{"no object", "[]", "cannot unmarshal array"},
		{"a string for the version", `{"version":"1"}`, "cannot unmarshal string"},
		{"no version", `{"engine":"podpath"}`, "no version"},
		{"version 0", `{"version":0}`, "the first is 1"},
		{"a newer version", `{"version":2,"frames":[]}`, "version 2, and this podpath knows up to 1"},
		{"a field that nobody knows", strings.Replace(good, `"title"`, `"titel"`, 1), `unknown field "titel"`},
		{"a field of another type", strings.Replace(good, `"lang":"ko"`, `"lang":7`, 1), "lang"},
		{"no trace", `{"version":1,"engine":"podpath","query":""}`, "trace: missing"},
		{"a title that nobody could have given", strings.Replace(good, `"title":"`, `"title":"\n`, 1), "title: control-character"},
		{"too much", strings.Repeat(" ", MaxContent+1), "too large"},
	} {
		c, err := Decode([]byte(x.data))
		if err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %+v, %v, want an error about %q", x.name, c, err, x.want)
		}
		if newer := new(VersionError); errors.As(err, &newer) != (x.name == "a newer version") {
			t.Errorf("%s: a version error: %v", x.name, err)
		}
	}
}

func TestContentLink(t *testing.T) {
	expires := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	c := sample()
	got, err := c.Link(expires)
	want := Link{Kind: Plain, Version: ContentVersion, Content: encoded(t, c), Expires: expires}
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
	c.Trace = nil
	if _, err := c.Link(expires); err == nil {
		t.Error("a content without a trace becomes a link")
	}
}

// FuzzDecode: no bytes make it panic; what is decoded can be shared again, and stays the same from then on.
func FuzzDecode(f *testing.F) {
	for _, x := range fixtures(f) {
		f.Add(x.content)
	}
	b, err := sample().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)/2])
	f.Add([]byte(`{"version":2}`))
	f.Add([]byte("{\"version\":1,\"engine\":\"e\",\"query\":\"\",\"trace\": {\"a\":\"\u2028<\\ud800\"},\"TITLE\":\"\\ud800\"}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Decode(data)
		if err != nil {
			return
		}
		first, err := c.Encode()
		if err != nil {
			t.Fatalf("decoded, and not encoded: %v", err)
		}
		c, err = Decode(first)
		if err != nil {
			t.Fatalf("encoded, and not decoded: %v\n%s", err, first)
		}
		if second := encoded(t, c); !bytes.Equal(first, second) {
			t.Errorf("encoded:\n%s\nand again:\n%s", first, second)
		}
	})
}
