package lab

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestOptions holds that options.txt says the same when it is read again, in one form whatever order a map has.
func TestOptions(t *testing.T) {
	for _, x := range []struct {
		name string
		in   Network
		text string
	}{
		{"nothing", Network{}, ""},
		{"by key", Network{Options: map[string]string{"mode": "ipvs", "cni": "calico-vxlan"}}, "cni=calico-vxlan\nmode=ipvs\n"},
		{"a blank", Network{Options: map[string]string{"excluded": "10.0.0.0/8 172.16.0.0/12 "}}, "excluded=10.0.0.0/8 172.16.0.0/12 \n"},
		{"an equals sign", Network{Options: map[string]string{"label": "a=b"}}, "label=a=b\n"},
		{"no value", Network{Options: map[string]string{"cni": ""}}, "cni=\n"},
		{"addresses", Network{Options: map[string]string{"cni": "flannel"}, Named: []string{"8.8.8.8", "1.1.1.1"}}, "cni=flannel\n8.8.8.8\n1.1.1.1\n"},
	} {
		text, err := x.in.formatOptions()
		if err != nil || text != x.text {
			t.Errorf("%s: %q, %v, want %q", x.name, text, err, x.text)
		}
		options, named := parseOptions(text)
		if !maps.Equal(options, x.in.Options) || !slices.Equal(named, x.in.Named) {
			t.Errorf("%s: %q is read as %q and %q, want %q and %q", x.name, text, options, named, x.in.Options, x.in.Named)
		}
	}
	lines := Network{Options: map[string]string{"cni": "a\nb"}}
	if _, err := lines.formatOptions(); err == nil || !strings.Contains(err.Error(), `option cni="a\nb"`) {
		t.Errorf("a value of two lines: %v, want an error that names it", err)
	}
}
