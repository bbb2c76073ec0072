package cluster

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kyaml "sigs.k8s.io/yaml"
)

// Objects are the objects of the Kubernetes API that decide a node's Service rules, and kube-proxy's configuration, as
// `kubectl get -o yaml` or a file of manifests gives them.
type Objects struct {
	KubeProxy      *KubeProxyConfig // nil where there is none
	Nodes          []*corev1.Node
	Services       []*corev1.Service
	EndpointSlices []*discoveryv1.EndpointSlice
	NetworkObjects // read behind a cluster only
	// Ignored are the objects of other kinds, for example "apps/v1 Deployment default/web".
	Ignored []string

	where map[any]place // where in the file each object stands
}

// The API groups and versions that are read, as an object's apiVersion has them.
const (
	coreVersion      = "v1"
	discoveryVersion = "discovery.k8s.io/v1"
	kubeProxyVersion = "kubeproxy.config.k8s.io/v1alpha1"
)

// wantVersion gives the apiVersion a kind must have to be read. Another group may have a kind of the same name, which is
// another thing.
var wantVersion = map[string]string{
	"Node": coreVersion, "Service": coreVersion, "EndpointSlice": discoveryVersion, "KubeProxyConfiguration": kubeProxyVersion,
	"NodeList": coreVersion, "ServiceList": coreVersion, "EndpointSliceList": discoveryVersion, "List": coreVersion,
}

// ReadObjects reads objects from YAML of one or many documents or from JSON, alone or in a List, completes them as the API
// server would (SetDefaults) and checks them. The error lists every problem with its line, object and field; what could be
// read is returned beside it.
func ReadObjects(data []byte, file string) (*Objects, error) {
	if len(data) > MaxSize {
		return nil, &Problem{File: file, Reason: fmt.Sprintf("%d bytes; a file of objects may have %d", len(data), MaxSize)}
	}
	r := readDocuments(splitDocuments(data), file, nil)
	if len(r.problems) == 0 && r.read == 0 {
		r.problems = append(r.problems, &Problem{File: file, Line: 1,
			Reason: "no objects (want Nodes, Services, EndpointSlices, a KubeProxyConfiguration)"})
	}
	return r.done()
}

// readDocuments reads the objects that stand behind a cluster; nil for objects by themselves.
func readDocuments(docs []*document, file string, c *Cluster) *objectReader {
	r := &objectReader{file: file, c: c, o: &Objects{where: map[any]place{}}}
	for _, d := range docs {
		r.document(d)
	}
	return r
}

// done completes and checks what was read.
func (r *objectReader) done() (*Objects, error) {
	r.o.SetDefaults()
	return r.o, errors.Join(append(r.problems, r.o.check(r.file, r.c)...)...)
}

// document is the text of one document and how many lines stand before it.
type document struct {
	text   []byte
	before int

	root *yaml.Node // see place
}

// padded is the text with its lines numbered as in the file.
func (d *document) padded() []byte {
	return append(bytes.Repeat([]byte{'\n'}, d.before), d.text...)
}

// splitDocuments cuts a file at the lines that YAML takes for a document's start or end wherever they stand (YAML 1.2.2,
// 9.1), so that each can be read, and be wrong, by itself. Documents of nothing but white space and comments are left out.
func splitDocuments(data []byte) []*document {
	var docs []*document
	start, first := 0, 0             // of the document: offset and line
	begun, something := false, false // it has its "---" or content; it has content or a directive
	cut := func(end int) {
		if something {
			docs = append(docs, &document{text: data[start:end], before: first})
		}
		something = false
	}
	for i, line := 0, 0; i < len(data); line++ {
		end := len(data)
		if j := bytes.IndexByte(data[i:], '\n'); j >= 0 {
			end = i + j + 1
		}
		l := data[i:end]
		if i == 0 {
			l = bytes.TrimPrefix(l, []byte("\ufeff"))
		}
		if (bytes.HasPrefix(l, []byte("---")) || bytes.HasPrefix(l, []byte("..."))) && (len(l) == 3 || bytes.IndexByte([]byte(" \t\r\n"), l[3]) >= 0) {
			starts := l[0] == '-'
			l = l[3:]
			switch {
			case !starts: // what follows on the line is the next document's: a comment, or a mistake to be told
				cut(i)
				start, first = end-len(l), line
			case begun:
				cut(i)
				start, first = i, line
			}
			begun = starts
		}
		if l = bytes.Trim(l, " \t\r\n"); len(l) > 0 && l[0] != '#' {
			something = true
			begun = begun || l[0] != '%' // directives stand before their document's "---"
		}
		i = end
	}
	cut(len(data))
	return docs
}

// place is where an object stands in a document. The lines of its fields are only known to the document's nodes, which are
// made when a problem asks for them: most files have none.
type place struct {
	d    *document // nil: not known
	path []any
}

// node is the object's node; nil where its text cannot be found, because an alias or a merge put it there.
func (p place) node() *yaml.Node {
	if p.d == nil {
		return nil
	}
	if p.d.root == nil {
		p.d.root = &yaml.Node{}
		var doc yaml.Node
		if err := yaml.Unmarshal(p.d.text, &doc); err == nil && len(doc.Content) > 0 {
			p.d.root = doc.Content[0]
		}
	}
	n := p.d.root
	for _, key := range p.path {
		n = child(n, key)
	}
	return n
}

// line is the line of the deepest part of a path in the object that is there: of a key, where it is one, since its value
// may begin on the next line.
func (p place) line(path ...any) int {
	if p.d == nil {
		return 0
	}
	n := p.node()
	if n == nil || n.Line == 0 {
		return p.d.before + 1
	}
	line := n.Line
	for _, key := range path {
		next := child(n, key)
		if next == nil {
			break
		}
		line = next.Line
		if key, ok := key.(string); ok {
			line = keyOf(n, key).Line
		}
		n = next
	}
	return p.d.before + line
}

// keyOf is the node of a key that is there.
func keyOf(n *yaml.Node, key string) *yaml.Node {
	for i := 0; ; i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i]
		}
	}
}

// objectReader collects objects and what is wrong with them.
type objectReader struct {
	file     string
	c        *Cluster // see readDocuments
	o        *Objects
	read     int
	problems []error
}

func (r *objectReader) bad(line int, field, format string, args ...any) {
	r.problems = append(r.problems, &Problem{File: r.file, Line: line, Field: field, Reason: fmt.Sprintf(format, args...)})
}

// document reads one document. It becomes JSON first, by the API's own rules of what YAML means, since the API's types are
// read from that.
func (r *objectReader) document(d *document) {
	text := d.text
	if !json.Valid(text) {
		var err error
		if text, err = kyaml.YAMLToJSONStrict(d.text); err != nil {
			r.bad(d.before+yamlLine(err), "", "%s", notYAML(err))
			return
		}
	}
	at := place{d: d}
	switch text = bytes.TrimLeft(text, " \t\r\n"); text[0] { // JSON is never empty
	case '{':
		r.object(text, at, metav1.TypeMeta{})
	case 'n': // null: empty, or nothing but comments
	case '[':
		r.bad(at.line(), "", "a list, want an object with apiVersion and kind")
	default:
		r.bad(at.line(), "", "text, want an object with apiVersion and kind")
	}
}

// notYAML is the reader's message without what is about the reader.
func notYAML(err error) string {
	s := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "error converting YAML to JSON: "), "yaml: ")
	s = strings.TrimSpace(strings.TrimPrefix(s, "unmarshal errors:"))
	return strings.Join(strings.Fields(reLineIn.ReplaceAllString(s, "")), " ")
}

// yamlLine is the line that a message names; 1 where it names none.
func yamlLine(err error) int {
	if m := reLineIn.FindStringSubmatch(err.Error()); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			return n
		}
	}
	return 1
}

// object reads one object. typed is what the items of a typed list are, which the API leaves out of each.
func (r *objectReader) object(text []byte, at place, typed metav1.TypeMeta) {
	var head struct {
		metav1.TypeMeta `json:",inline"`
		Metadata        struct {
			Namespace string `json:"namespace"`
			Name      string `json:"name"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		r.decodeError(err, at, "")
		return
	}
	if head.Kind == "" && head.APIVersion == "" {
		head.TypeMeta = typed
	}
	name := head.Metadata.Name
	if head.Metadata.Namespace != "" {
		name = head.Metadata.Namespace + "/" + name
	}
	r.read++
	want, known := wantVersion[head.Kind]
	switch {
	case head.Kind == "":
		r.bad(at.line(), "kind", "missing (want Node, Service, EndpointSlice, KubeProxyConfiguration or a List of them)")
	case head.APIVersion == "":
		r.bad(at.line(), head.Kind+" "+name+": apiVersion", "missing (want %s)", cmp.Or(want, "the kind's own"))
	case known && head.APIVersion == want:
		r.known(head.Kind, name, text, at)
	case known && group(head.APIVersion) == group(want):
		r.bad(at.line("apiVersion"), head.Kind+" "+name+": apiVersion", "%q (want %s)", head.APIVersion, want)
	case r.behind(head.APIVersion, head.Kind, name, text, at):
	case r.c != nil: // a dump has all sorts of objects, but who writes one behind a cluster wants it to count
		r.bad(at.line("kind"), strings.TrimSpace(head.APIVersion+" "+head.Kind+" "+name),
			"is not read behind a cluster (want Node, Service, EndpointSlice, KubeProxyConfiguration, Namespace, ServiceAccount, "+
				"networking.k8s.io/v1 NetworkPolicy, Calico's IPPool, FelixConfiguration, IPAMBlock, BGPConfiguration or a List of them)")
	default:
		r.o.Ignored = append(r.o.Ignored, strings.TrimSpace(head.APIVersion+" "+head.Kind+" "+name))
	}
}

// known reads an object of a kind that matters.
func (r *objectReader) known(kind, name string, text []byte, at place) {
	switch kind {
	case "Node":
		if x := decode[corev1.Node](r, kind, name, text, at); x != nil {
			r.o.Nodes = append(r.o.Nodes, x)
		}
	case "Service":
		if x := decode[corev1.Service](r, kind, withNamespace(name), text, at); x != nil {
			r.o.Services = append(r.o.Services, x)
		}
	case "EndpointSlice":
		if x := decode[discoveryv1.EndpointSlice](r, kind, withNamespace(name), text, at); x != nil {
			r.o.EndpointSlices = append(r.o.EndpointSlices, x)
		}
	case "KubeProxyConfiguration":
		x := decode[KubeProxyConfig](r, kind, "", text, at)
		switch {
		case x == nil:
		case r.o.KubeProxy != nil:
			r.bad(at.line(), kind, "a second one (want one: rules are those of one node)")
		default:
			r.o.KubeProxy = x
		}
	case "List":
		r.list(text, at, metav1.TypeMeta{})
	case "NodeList", "ServiceList", "EndpointSliceList":
		r.list(text, at, metav1.TypeMeta{Kind: strings.TrimSuffix(kind, "List"), APIVersion: wantVersion[kind]})
	default:
		panic("cluster: kind " + kind)
	}
}

func (r *objectReader) list(text []byte, at place, typed metav1.TypeMeta) {
	var list struct {
		Items []json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(text, &list); err != nil {
		r.decodeError(err, at, "")
		return
	}
	for i, text := range list.Items {
		item := place{at.d, append(slices.Clip(at.path), "items", i)}
		if len(text) == 0 || text[0] != '{' {
			r.bad(item.line(), "items["+itoa(i)+"]", "want an object")
			continue
		}
		r.object(text, item, typed)
	}
}

func group(apiVersion string) string {
	g, _, ok := strings.Cut(apiVersion, "/")
	if !ok {
		return "" // the core group has no name
	}
	return g
}

func withNamespace(name string) string {
	if strings.Contains(name, "/") {
		return name
	}
	return metav1.NamespaceDefault + "/" + name
}
