package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/podpath/podpath/internal/snapshot"
)

func encode64(d []byte) string { return base64.RawURLEncoding.EncodeToString(d) }

// snapshot redacts dumps.
func (b *book) snapshot(text string) (string, error) {
	if _, err := snapshot.ReadArchive([]byte(text), "snapshot"); err != nil {
		return "", fmt.Errorf("redact: what cannot be read cannot be redacted: %w", err)
	}
	if _, err := b.pieces(text); err != nil {
		return "", err
	}
	b.seal()
	out, err := b.pieces(text)
	if err != nil {
		return "", err
	}
	if _, err := snapshot.ReadArchive([]byte(out), "redacted"); err != nil {
		return "", fmt.Errorf("redact: the result would not be read: %w", err)
	}
	return out, nil
}

// pieces replaces what a txtar text's pieces hold, each by what it is. A piece of an unknown kind is left out.
func (b *book) pieces(text string) (string, error) {
	var out strings.Builder
	b.cut = 0
	var name string
	var body []string
	count := 0
	flush := func() error {
		if name == "" {
			b.cut += len(body)
			return nil
		}
		count++
		kept, err := b.piece(name, strings.Join(body, ""))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if kept != "" {
			fmt.Fprintf(&out, "-- %s --\n%s", b.file(name, count), kept)
		}
		return nil
	}
	for l := range strings.Lines(text) {
		if n, ok := marker(l); ok {
			if err := flush(); err != nil {
				return "", err
			}
			name, body = n, nil
			continue
		}
		body = append(body, l)
	}
	if err := flush(); err != nil {
		return "", err
	}
	return out.String(), nil
}

// marker reads a line `-- name --` as internal/snapshot does.
func marker(l string) (string, bool) {
	name, ok := strings.CutPrefix(strings.TrimRight(l, "\r\n"), "-- ")
	if name, ok2 := strings.CutSuffix(name, " --"); ok && ok2 && strings.TrimSpace(name) != "" {
		return strings.TrimSpace(name), true
	}
	return "", false
}

// knownFiles are the conventional names of dumps.
var knownFiles = set(`ip-addr ip-rule ip-route ip-neigh bridge-fdb iptables-save nft ipset ipset-save sysctl objects cluster addr rule route neigh fdb lab ip-d-link
	nft-ruleset ip-link iptables iptables-nat iptables-filter iptables-mangle iptables-raw host all dump node`)

// unread are files of recordings that snapshot does not read, whatever is in them.
var unread = set(`commands.txt flow.json input.json README.md`)

// file replaces a piece's name: its folders are namespaces, and so is what is behind "pod-".
func (b *book) file(name string, count int) string {
	dir, base := path.Split(strings.TrimPrefix(path.Clean(strings.ReplaceAll(name, "\\", "/")), "/"))
	var parts []string
	for _, p := range strings.Split(strings.Trim(dir, "/"), "/") {
		switch p {
		case "", ".", "..":
		case "cluster": // the convention for what is of no node
			parts = append(parts, p)
		default:
			parts = append(parts, b.name(Node, p))
		}
	}
	ext := path.Ext(base)
	stem := strings.TrimSuffix(base, ext)
	if !set(".json .txt .yaml .yml")[ext] {
		ext = ".txt"
	}
	pod, isPod := strings.CutPrefix(stem, "pod-")
	switch {
	case isPod && ext == ".txt" && pod != "":
		to := "pod-" + b.name(Pod, pod)
		b.alias(stem, to)
		stem = to
	case isPod:
		stem = fmt.Sprintf("pod-%d", count)
	case !knownFiles[stem]:
		stem = fmt.Sprintf("dump-%d", count)
	}
	return strings.Join(append(parts, stem+ext), "/")
}

// maxSections is how many commands' outputs one file may hold (internal/snapshot).
const maxSections = 200

var (
	ansi     = regexp.MustCompile("\x1b\\[[0-9;]*m")
	rePrompt = regexp.MustCompile(`(?m)^(?:[^\s#$>]+(?: [^\s#$>]+)?)?[#$>] *(?:sudo +)?((?:ip|bridge|ipset|sysctl|nft|iptables(?:-nft|-legacy)?(?:-save)?)\b[^\r\n]*)\r?$`)
)

// piece replaces what one file holds, which may be several commands' outputs, each behind its prompt.
func (b *book) piece(name, text string) (string, error) {
	if unread[path.Base(name)] {
		b.cut += strings.Count(text, "\n")
		return "", nil
	}
	text = ansi.ReplaceAllString(text, "")
	at := rePrompt.FindAllStringSubmatchIndex(text, maxSections+1)
	if len(at) == 0 || len(at) > maxSections {
		return b.section(text)
	}
	out, err := b.section(text[:at[0][0]])
	if err != nil {
		return "", err
	}
	for i, m := range at {
		end := len(text)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		s, err := b.section(strings.TrimPrefix(text[m[1]:end], "\n"))
		if err != nil {
			return "", err
		}
		if s != "" { // of the command only its first word is needed to keep the sections apart
			word, _, _ := strings.Cut(text[m[2]:m[3]], " ")
			out += "# " + word + "\n" + s
		}
	}
	return out, nil
}

// The kinds of a section, as internal/snapshot tells them apart.
var (
	reObjects = regexp.MustCompile(`(?m)^apiVersion: ?\S`)
	reTables  = regexp.MustCompile(`(?m)^\*(raw|mangle|nat|filter|security)\s*$|^-(P|N|A) [A-Za-z]`)
	reRuleset = regexp.MustCompile(`(?m)^table (ip|ip6|inet|arp|bridge|netdev) \S+ \{`)
	reSysctl  = regexp.MustCompile(`(?m)^net\.[a-z0-9_.@-]+ ?= ?\S`)
	reSets    = regexp.MustCompile(`(?m)^create \S+ \S+:`)
	reAddr    = regexp.MustCompile(`(?m)^\d+: [^ :]+: <`)
	reRule    = regexp.MustCompile(`(?m)^\d+:\s+(not )?from `)
	reFDB     = regexp.MustCompile(`(?m)^([0-9a-f]{2}:){5}[0-9a-f]{2} dev `)
	reNeigh   = regexp.MustCompile(`(?m)^\d+\.\d+\.\d+\.\d+ dev \S+ (lladdr \S+ .*)?(PERMANENT|REACHABLE|STALE|DELAY|PROBE|FAILED|NOARP|INCOMPLETE|proxy)`)
	reRoute   = regexp.MustCompile(`(?m)^((local|broadcast|unicast|blackhole|unreachable|prohibit|throw|multicast|anycast) )?(default|\d+\.\d+\.\d+\.\d+(/\d+)?)( |$).*`)
)

// section replaces one output.
func (b *book) section(text string) (string, error) {
	data := strings.TrimSpace(text)
	switch {
	case data == "":
		return "", nil
	case data[0] == '[' || data[0] == '{':
		return b.json([]byte(data))
	case reObjects.MatchString(data):
		return b.yamlObjects(data)
	case reTables.MatchString(data):
		return b.lines(text, b.ruleLine), nil
	case reRuleset.MatchString(data):
		return b.lines(text, (&nft{b: b}).line), nil
	case reSysctl.MatchString(data):
		return b.lines(text, b.sysctlLine), nil
	case reSets.MatchString(data):
		return b.lines(text, b.setLine), nil
	case reAddr.MatchString(data):
		return b.lines(text, b.linkLine), nil
	case reRule.MatchString(data):
		return b.lines(text, func(l string) (string, bool) { return b.routing(l, reRule.MatchString(l)) }), nil
	case reFDB.MatchString(data):
		return b.lines(text, func(l string) (string, bool) { return b.routing(l, reFDB.MatchString(l)) }), nil
	case reNeigh.MatchString(data):
		return b.lines(text, func(l string) (string, bool) { return b.routing(l, reNeighLine.MatchString(l)) }), nil
	case reRoute.MatchString(data):
		return b.lines(text, func(l string) (string, bool) {
			return b.routing(l, reRoute.MatchString(l) || strings.HasPrefix(strings.TrimSpace(l), "nexthop "))
		}), nil
	}
	b.cut += strings.Count(data, "\n") + 1
	return "", nil
}

// lines replaces a text line by line; false leaves a line out.
func (b *book) lines(text string, f func(string) (string, bool)) string {
	var out strings.Builder
	for l := range strings.Lines(text) {
		l = strings.TrimRight(l, "\r\n\t ")
		if l == "" {
			continue
		}
		if to, ok := f(l); ok {
			out.WriteString(to + "\n")
		} else {
			b.cut++
		}
	}
	return out.String()
}

// yamlObjects replaces Kubernetes objects.
func (b *book) yamlObjects(text string) (string, error) {
	docs, err := documents(text)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	w := &walker{b: b}
	for _, d := range docs {
		n := w.copy(d, objectShape(""), 0)
		if w.deep {
			return "", errDeep
		}
		if n != nil {
			if err := encode(&out, n); err != nil {
				return "", err
			}
		}
	}
	b.cut += comments(text)
	return out.String(), nil
}

// json replaces what `ip -j` printed, or objects as JSON.
func (b *book) json(data []byte) (string, error) {
	root, err := readJSON(data)
	if err != nil {
		return "", fmt.Errorf("redact: %w", err)
	}
	s := jsonShape(root)
	if s == nil {
		b.cut += bytes.Count(data, []byte("\n")) + 1
		return "", nil
	}
	b.subnetsOf(root)
	w := &walker{b: b}
	n := w.copy(root, s, 0)
	if w.deep || n == nil {
		return "", errDeep
	}
	var out bytes.Buffer
	writeJSON(&out, n)
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, out.Bytes(), "", " "); err != nil {
		return "", fmt.Errorf("redact: %w", err)
	}
	return pretty.String() + "\n", nil
}
