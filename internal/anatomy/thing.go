package anatomy

import (
	"regexp"
	"slices"
	"strings"

	"github.com/podpath/podpath/internal/topology"
)

// Thing is something that lines of a node's state are about: an interface with what belongs to it, or one address.
type Thing struct {
	ID   string // if-<interface> or ip-<address>
	Name string // the interface's or the address
	Of   string // the pod at a veth's far end, the card's name: what a reader calls it
	// Keys are the words by which lines mention it: names, addresses, `lookup 2` of a card's own table.
	Keys []string
}

func interfaceID(name string) string { return "if-" + name }

func addressID(a string) string { return "ip-" + a }

// things are the node's interfaces, each with the addresses behind it, and those addresses each by itself.
func (b *builder) things() []Thing {
	var out []Thing
	for _, i := range b.ns.Interfaces {
		t := Thing{ID: interfaceID(i.Name), Name: i.Name, Keys: []string{i.Name}}
		for _, a := range i.Addresses {
			t.Keys = append(t.Keys, a.Prefix.Addr().String())
		}
		if i.ENI != nil {
			t.Of = i.ENI.Name
		}
		if k := slices.IndexFunc(b.pods, func(p pod) bool { return p.veth == i }); k >= 0 {
			t.Of = label(b.pods[k].ns)
			t.Keys = append(t.Keys, podAddresses(b.pods[k])...)
		}
		for _, table := range b.ownTables(i.Name) {
			t.Keys = append(t.Keys, "lookup "+table, "table "+table)
		}
		out = append(out, t)
	}
	for _, p := range b.pods {
		for _, a := range podAddresses(p) {
			out = append(out, Thing{ID: addressID(a), Name: a, Of: label(p.ns), Keys: []string{a}})
		}
	}
	for _, i := range b.cards() {
		for _, a := range cardAddresses(i) {
			if id := addressID(a); !slices.ContainsFunc(out, func(t Thing) bool { return t.ID == id }) {
				out = append(out, Thing{ID: id, Name: a, Of: i.Name, Keys: []string{a}})
			}
		}
	}
	return out
}

func podAddresses(p pod) []string {
	var out []string
	if p.eth != nil {
		for _, a := range p.eth.Addresses {
			out = append(out, a.Prefix.Addr().String())
		}
		return out
	}
	if a := p.ns.PrimaryAddress(); a.IsValid() {
		out = append(out, a.String())
	}
	return out
}

// cardAddresses are a card's, the primary one first.
func cardAddresses(i *topology.Interface) []string {
	var out []string
	if i.ENI != nil {
		for _, a := range i.ENI.Addresses {
			out = append(out, a.String())
		}
		return out
	}
	for _, a := range i.Addresses {
		out = append(out, a.Prefix.Addr().String())
	}
	return out
}

// ownTables are the routing tables in which every route leads out by one device: a card's own, as policy routing uses it.
// The kernel's three tables are nobody's.
func (b *builder) ownTables(dev string) []string {
	var out []string
	for _, table := range b.tables() {
		if table == topology.TableMain {
			continue
		}
		own := true
		for _, r := range b.ns.Routes {
			own = own && (r.Table != table || r.Dev() == dev)
		}
		if own {
			out = append(out, table.String())
		}
	}
	return out
}

// tables are those with routes that rules lead to, without local and default.
func (b *builder) tables() []topology.TableID {
	var out []topology.TableID
	for _, r := range b.ns.Routes {
		if r.Table != topology.TableLocal && r.Table != topology.TableDefault && !slices.Contains(out, r.Table) {
			out = append(out, r.Table)
		}
	}
	slices.Sort(out)
	// main first: most packets end there
	if i := slices.Index(out, topology.TableMain); i > 0 {
		out = slices.Insert(slices.Delete(out, i, i+1), 0, topology.TableMain)
	}
	return out
}

// wildcard is a name that stands for several interfaces: eni+ in iptables, "eni*" in nft.
var wildcard = regexp.MustCompile(`([A-Za-z0-9_.-]+)[+*]`)

// Mentions are the IDs of the things that a line is about. A wildcard mentions every interface that it fits.
func (a *Anatomy) Mentions(line string) []string {
	var out []string
	line = strings.ReplaceAll(line, "\t", " ")
	var wild []string
	for _, m := range wildcard.FindAllStringSubmatch(line, -1) {
		wild = append(wild, m[1])
	}
	for _, t := range a.Things {
		named := slices.ContainsFunc(t.Keys, func(k string) bool { return Says(line, k) })
		fits := strings.HasPrefix(t.ID, "if-") && slices.ContainsFunc(wild, func(p string) bool { return strings.HasPrefix(t.Name, p) })
		if named || fits {
			out = append(out, t.ID)
		}
	}
	return out
}

// Token is a piece of a line; Thing is what it names, "" for the text between.
type Token struct{ Text, Thing string }

// Tokens takes a line apart so that each name and address can be selected in it.
func (a *Anatomy) Tokens(line string) []Token {
	var out []Token
	for line != "" {
		at, end, thing := len(line), len(line), ""
		for _, t := range a.Things {
			// An interface goes by its name alone here: its addresses are things of their own.
			if i := find(line, t.Name); i >= 0 && (i < at || i == at && i+len(t.Name) > end) {
				at, end, thing = i, i+len(t.Name), t.ID
			}
		}
		if at > 0 {
			out = append(out, Token{Text: line[:at]})
		}
		if thing != "" {
			out = append(out, Token{line[at:end], thing})
		}
		line = line[end:]
	}
	return out
}

// Says tells whether a line has a key as a word of its own.
func Says(line, key string) bool { return find(line, key) >= 0 }

// find is where a line has a key as a word of its own: 192.168.1.10 is not in 192.168.1.101, eth1 not in eth10.
func find(line, key string) int {
	for at := 0; ; {
		i := strings.Index(line[at:], key)
		if i < 0 || key == "" {
			return -1
		}
		i += at
		end := i + len(key)
		before := i == 0 || !wordByte(line[i-1]) && line[i-1] != '.' && line[i-1] != '-'
		after := end == len(line) || !wordByte(line[end]) && line[end] != '-' && !(line[end] == '.' && end+1 < len(line) && wordByte(line[end+1]))
		if before && after {
			return i
		}
		at = i + 1
	}
}

func wordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
}
