package share_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/share"
)

const clusterText = "name: mine\nvpc:\n  cidrs: [10.0.0.0/16]\n# 한글, \"quotes\" and <b>\n"

func TestFragment(t *testing.T) {
	for _, in := range []share.Input{
		{Kind: share.ClusterInput, Text: clusterText},
		{Kind: share.SnapshotInput, Text: "-- a/rule.txt --\n0: from all lookup local\n"},
		{Kind: share.ClusterInput, Text: strings.Repeat("x: y\n", 200_000)},
	} {
		text, err := in.Fragment()
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := in.Fragment(); again != text {
			t.Error("the same input gives another fragment")
		}
		if strings.Trim(text[3:], "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" || !strings.HasPrefix(text, "p1:") || !strings.HasSuffix(text, "z") {
			t.Errorf("the fragment is %.80s…", text)
		}
		for _, form := range []string{text, "#" + text, " " + text + "\n"} {
			if got, err := share.ParseFragment(form); err != nil || *got != in {
				t.Errorf("it does not come back: %v", err)
			}
		}
	}
}

// packed makes a fragment of anything.
func packed(t *testing.T, data []byte) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return "p1:" + base64.RawURLEncoding.EncodeToString(b.Bytes()) + "z"
}

func TestFragmentFaults(t *testing.T) {
	good, err := (&share.Input{Kind: share.ClusterInput, Text: clusterText}).Fragment()
	if err != nil {
		t.Fatal(err)
	}
	huge, err := json.Marshal(share.Input{Kind: share.ClusterInput, Text: strings.Repeat("x", share.MaxContent+1)})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, text string
		want       share.FragmentFault
	}{
		{"nothing", "", share.NoFragment},
		{"another anchor", "#detail", share.NoFragment},
		{"a later version", "p2:" + good[3:], share.NewerFragment},
		{"a much later one", "p123:xyz", share.NewerFragment},
		{"only the prefix", "p1:", share.CutFragment},
		{"without its end", good[:len(good)-1], share.DamagedFragment},
		{"without its last characters", good[:len(good)-9], share.CutFragment},
		{"half of it", good[:len(good)/2], share.CutFragment},
		{"half of it and the end", good[:len(good)/2] + "z", share.CutFragment},
		{"a character that is none", good[:9] + "!" + good[10:], share.DamagedFragment},
		{"no gzip", "p1:" + base64.RawURLEncoding.EncodeToString([]byte("hello, hello")) + "z", share.DamagedFragment},
		{"no JSON", packed(t, []byte("hello")), share.DamagedFragment},
		{"another object", packed(t, []byte(`{"text":"x","kind":"cluster","more":1}`)), share.DamagedFragment},
		{"two objects", packed(t, []byte(`{"text":"x","kind":"cluster"}{}`)), share.DamagedFragment},
		{"a bomb", packed(t, huge), share.TooLargeFragment},
	} {
		_, err := share.ParseFragment(tt.text)
		var f *share.FragmentError
		if !errors.As(err, &f) || f.Why != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
	// A kind that is none is a field's fault.
	var c *share.ContentError
	if _, err := share.ParseFragment(packed(t, []byte(`{"kind":"x","text":"y"}`))); !errors.As(err, &c) {
		t.Errorf("another kind: %v", err)
	}
	// One character changed anywhere is noticed: gzip has a checksum.
	for i := 3; i < len(good)-1; i++ {
		other := byte('A')
		if good[i] == 'A' {
			other = 'B'
		}
		changed := good[:i] + string(other) + good[i+1:]
		if in, err := share.ParseFragment(changed); err == nil && in.Text != clusterText {
			t.Errorf("character %d changed gives another input: %q", i, in.Text)
		}
	}
}

func FuzzParseFragment(f *testing.F) {
	good, err := (&share.Input{Kind: share.ClusterInput, Text: clusterText}).Fragment()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add("p1:z")
	f.Add("p9:")
	f.Fuzz(func(t *testing.T, text string) {
		in, err := share.ParseFragment(text)
		if err != nil {
			return
		}
		again, err := in.Fragment()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := share.ParseFragment(again); err != nil || *back != *in {
			t.Fatalf("%q is read and does not come back: %v", text, err)
		}
	})
}
