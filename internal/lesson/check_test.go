package lesson_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/podpath/podpath/internal/lesson"
)

const sample = "03-same-node"

// changed is the sample lesson with one thing in it said another way.
func changed(t *testing.T, file, was, becomes string) fs.FS {
	t.Helper()
	out := fstest.MapFS{}
	for _, name := range []string{"lesson.yaml", "en.md", "ko.md"} {
		data, err := fs.ReadFile(lesson.Files(), sample+"/"+name)
		if err != nil {
			t.Fatal(err)
		}
		text := string(data)
		if name == file {
			if strings.Count(text, was) == 0 {
				t.Fatalf("%s has no %q", file, was)
			}
			text = strings.Replace(text, was, becomes, 1)
		}
		out[sample+"/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

// TestCheckRefuses plants one mistake at a time into a lesson that is right.
func TestCheckRefuses(t *testing.T) {
	const yaml, en, ko = "lesson.yaml", "en.md", "ko.md"
	for _, tt := range []struct {
		name, file, was, becomes string
		want                     string // of the error
	}{
		// what the trace does not say
		{"rule", yaml, "rule: default via 169.254.1.1 dev eth0", "rule: default via 169.254.1.2 dev eth0", `nothing that decides there says "default via 169.254.1.2 dev eth0"`},
		{"code", yaml, "source-by-route, args: {src: 192.168.1.143}", "source-by-route, args: {src: 192.168.1.144}", "source-by-route with src=192.168.1.143"},
		{"field", yaml, `field: mark, is: "0x0"`, `field: mark, is: "0x80"`, `mark is "0x0" there, not "0x80"`},
		{"changes", yaml, `from: "64", to: "63"`, `from: "64", to: "62"`, "ip.ttl 64 → 63"},
		{"keeps", yaml, "keeps: ip.src, until", "keeps: ip.ttl, until", "ip.ttl is \"64\""},
		{"interface", yaml, "{interface: eni4f80b44affe}", "{interface: eth1}", `the interface there is "eni4f80b44affe", not "eth1"`},
		{"outcome", yaml, "{outcome: delivered}", "{outcome: dropped}", "the trace ends delivered, not dropped"},
		{"never", yaml, "{never: request/vpc/*}", "{never: request/node-a/*}", "the way has a station request/node-a/1/receive"},
		{"unasked", yaml, "at: reply/node-a/1/PREROUTING, unasked", "at: request/node-a/1/PREROUTING, unasked", "was met there"},
		{"connection", yaml, "in: node-a}", "in: node-b}", "no conntrack entry of node-b"},
		{"station", yaml, "at: request/node-a/1/receive", "at: request/node-z/1/receive", `the trace has no station "request/node-z/1/receive"`},
		{"trace", yaml, "to: pod/default/web-1,", "to: pod/default/web-2,", "request/vpc/"},
		// questions
		{"no right answer", yaml, "interface: eni0761ccbeace", "interface: eth9", "no answer is right"},
		{"two right answers", yaml, "transmit, interface: ens5", "transmit, interface: eni0761ccbeace", "several answers are right: ens5, veth"},
		{"answer missing", ko, "- ens5: 노드의 네트워크 카드를 거쳐 서브넷으로\n", "", "ko.md:27: step route: answer ens5 is missing"},
		{"nothing after it", en, "### then\n", "", "en.md:39: want - <answer>: <words>"},
		// words
		{"word beside a claim", en, "[gateway `169.254.1.1`](#route)", "[gateway `169.254.1.9`](#route)", `"169.254.1.9" is not what claim route shows`},
		{"number in a link", ko, "[64가 63이 됩니다](#ttl)", "[64가 62가 됩니다](#ttl)", `"62" is not what claim ttl shows`},
		{"code nobody says", en, "`eth0` is one end", "`eth7` is one end", "`eth7`: neither the traces nor their nodes' state say this"},
		{"number outside of a claim", en, "A router takes one from", "A router takes 12 from", "12: a number outside of a claim"},
		{"unknown claim", en, "(#route)", "(#rout)", "lesson.yaml has no claim rout in this step"},
		{"unused claim", ko, "[새 연결](#new)의", "새 연결의", "nothing links to claim new"},
		{"step missing", ko, "## veth: ", "## vethh: ", "lesson.yaml has no step vethh"},
		// form
		{"unknown field", yaml, "claims:", "claim:", "field claim not found"},
		{"two things at once", yaml, `{field: mark, is: "0x0"}`, `{field: mark, is: "0x0", code: ct-new}`, "claims several things"},
		{"nothing claimed", yaml, "{code: ct-new}", "{at: request/node-a/1/route}", "want what is claimed"},
		{"no front matter", en, "---\n", "", "en.md:1: want the front matter"},
		{"no title", en, "title: Pod to pod on one node\n", "", "en.md:1: front matter: want title and lead"},
		{"head without a step", en, "## veth: Out", "## Out", "want ## <step>: <title>"},
		{"id twice", yaml, "- id: arp", "- id: forward", "step forward: there are two of that id"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := checkAll(t, changed(t, tt.file, tt.was, tt.becomes))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %q for %q: got %v, want %q", tt.file, tt.becomes, tt.was, err, tt.want)
			}
		})
	}
}

func checkAll(t *testing.T, files fs.FS) error {
	t.Helper()
	lessons, err := lesson.Read(files)
	if err != nil {
		return err
	}
	w, err := lessons[0].Run(tracer())
	if err != nil {
		return err
	}
	return lessons[0].Check(w)
}
