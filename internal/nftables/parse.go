package nftables

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of what Parse takes, so that no input can use much memory or time.
const (
	MaxLine  = 1 << 20 // the elements of a large set may stand in one line
	MaxInput = 64 << 20
	MaxRules = 1_000_000
)

// ParseError is what is wrong with an input and where. Reason ends with what would be right, in parentheses.
type ParseError struct {
	File   string
	Line   int
	Reason string
}

// Error gives "file:line: reason".
func (e *ParseError) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Reason) }

// Parse reads the output of `nft list ruleset`. The name stands for the input in errors.
//
//	ruleset = { comment | table }
//	table   = "table" FAMILY NAME "{" { chain | block | line } "}"
//	chain   = "chain" NAME "{" [ "type" … ] { rule } "}"
//	block   = WORD … "{" … "}"                      sets and maps are read; flowtables and objects kept as they are
//
// One line is one statement, as nft prints it; a line whose braces do not close goes on in the next.
func Parse(r io.Reader, name string) (*Ruleset, error) {
	p := parser{file: name, rs: &Ruleset{}}
	limited := &io.LimitedReader{R: r, N: MaxInput + 1}
	br := bufio.NewReaderSize(limited, MaxLine)
	for {
		text, err := br.ReadSlice('\n')
		if len(text) > 0 {
			p.number++
			if limited.N <= 0 {
				return nil, p.errorf("the input is longer than MaxInput, %d bytes (list one table at a time)", MaxInput)
			}
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, p.errorf("the line is longer than MaxLine, %d bytes", MaxLine)
		case err != nil && err != io.EOF:
			return nil, fmt.Errorf("%s:%d: %w", name, p.number+1, err)
		}
		if len(text) > 0 {
			if e := p.take(string(bytes.TrimRight(text, "\r\n"))); e != nil {
				return nil, e
			}
		}
		if err == io.EOF {
			return p.finish()
		}
	}
}

// ParseTable reads the text of one table that is the program's own.
func ParseTable(text string) (*Table, error) {
	rs, err := Parse(strings.NewReader(text), "table")
	if err != nil {
		return nil, err
	}
	if len(rs.Tables) != 1 {
		return nil, fmt.Errorf("%d tables in the text (want one)", len(rs.Tables))
	}
	return rs.Tables[0], nil
}

type parser struct {
	file    string
	number  int
	rules   int
	rs      *Ruleset
	table   *Table
	chain   *Chain
	opened  int      // the line where the table began
	pending []string // comments that may belong to the next table
	depth   int      // of braces in a block that is kept, or in a statement that goes on
	kept    []string // the lines of that
	first   int      // the line where that began
}

func (p *parser) errorf(format string, args ...any) error {
	return &ParseError{File: p.file, Line: p.number, Reason: fmt.Sprintf(format, args...)}
}

func (p *parser) take(text string) error {
	if strings.IndexByte(text, 0) >= 0 || !utf8.ValidString(text) {
		return p.errorf("the line is not text (give the output of `nft list ruleset`)")
	}
	bare := strings.TrimSpace(stripHandle(text))
	if p.depth > 0 {
		return p.goOn(text, bare)
	}
	switch {
	case p.table == nil:
		return p.outside(text, bare)
	case p.chain == nil:
		return p.inTable(text, bare)
	}
	return p.inChain(text, bare)
}

// stripHandle takes off what `nft -a` adds.
func stripHandle(s string) string {
	i := strings.LastIndex(s, " # handle ")
	if i < 0 || strings.Trim(s[i+len(" # handle "):], "0123456789") != "" {
		return s
	}
	return s[:i]
}

// balance counts opening less closing braces outside quotes.
func balance(s string) int {
	n, quote := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			quote = !quote
		case quote:
		case c == '#':
			return n
		case c == '{':
			n++
		case c == '}':
			n--
		}
	}
	return n
}

func (p *parser) outside(text, bare string) error {
	if bare == "" || bare[0] == '#' {
		p.pending = append(p.pending, text)
		return nil
	}
	f := strings.Fields(bare)
	if f[0] != "table" || f[len(f)-1] != "{" || len(f) < 3 || len(f) > 4 {
		return p.errorf("%q stands outside any table (want table FAMILY NAME {)", short(bare))
	}
	t := &Table{Family: "ip", Name: f[len(f)-2], Leading: p.pending, open: text}
	if len(f) == 4 {
		t.Family = f[1]
	}
	switch t.Family {
	case "ip", "ip6", "inet", "arp", "bridge", "netdev":
	default:
		return p.errorf("family %q (want ip, ip6, inet, arp, bridge or netdev)", short(t.Family))
	}
	if p.rs.Table(t.Family, t.Name) != nil {
		return p.errorf("table %s %s again (give one listing at a time)", t.Family, t.Name)
	}
	p.rs.Tables = append(p.rs.Tables, t)
	p.table, p.opened, p.pending = t, p.number, nil
	return nil
}

// short cuts a text so that an error stays one line.
func short(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	n := most
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

func (p *parser) inTable(text, bare string) error {
	f := strings.Fields(bare)
	switch {
	case bare == "}":
		if err := p.link(); err != nil {
			return err
		}
		p.table.items = append(p.table.items, item{lines: []string{text}})
		p.table = nil
		return nil
	case len(f) == 3 && f[0] == "chain" && f[2] == "{":
		if p.table.Chain(f[1]) != nil {
			return p.errorf("chain %s again", short(f[1]))
		}
		p.chain = &Chain{Name: f[1], Table: p.table, open: text}
		p.table.Chains = append(p.table.Chains, p.chain)
		p.table.items = append(p.table.items, item{chain: p.chain})
		return nil
	}
	if len(f) > 1 && f[0] == "flags" && strings.Contains(bare, "dormant") {
		p.table.Dormant = true
	}
	return p.keep(text, bare)
}

// keep starts a block that is kept as it is, or keeps one line.
func (p *parser) keep(text, bare string) error {
	p.depth = balance(bare)
	if p.depth < 0 {
		return p.errorf("a brace closes that never opened")
	}
	p.kept, p.first = append(p.kept[:0], text), p.number
	if p.depth > 0 {
		return nil
	}
	return p.endKept()
}

func (p *parser) goOn(text, bare string) error {
	p.kept = append(p.kept, text)
	if p.depth += balance(bare); p.depth < 0 {
		return p.errorf("a brace closes that never opened")
	}
	if p.depth > 0 {
		return nil
	}
	return p.endKept()
}

func (p *parser) endKept() error {
	if p.chain != nil {
		return p.statement(strings.Join(p.kept, "\n"))
	}
	p.table.items = append(p.table.items, item{lines: slices.Clone(p.kept)})
	if s := parseSet(p.kept); s != nil {
		if p.table.Set(s.Name) != nil {
			return p.errorf("%s again", short(s.Name))
		}
		p.table.Sets = append(p.table.Sets, s)
	}
	return nil
}

func (p *parser) inChain(text, bare string) error {
	switch {
	case bare == "}":
		p.chain.lines = append(p.chain.lines, line{text: text})
		p.chain = nil
		return nil
	case bare == "" || bare[0] == '#':
		p.chain.lines = append(p.chain.lines, line{text: text})
		return nil
	}
	p.depth = balance(bare)
	if p.depth < 0 {
		return p.errorf("a brace closes that never opened")
	}
	p.kept, p.first = append(p.kept[:0], text), p.number
	if p.depth > 0 {
		return nil
	}
	return p.statement(text)
}

// statement reads one whole statement of a chain: its hook, its comment or a rule.
func (p *parser) statement(text string) error {
	bare := strings.TrimSpace(stripHandle(text))
	first, _, _ := strings.Cut(bare, " ")
	switch {
	case first == "type" && strings.Contains(bare, " hook "):
		p.chain.lines = append(p.chain.lines, line{text: text})
		return p.hook(bare)
	case (first == "comment" || first == "policy" || first == "flags" || first == "devices") && len(p.chain.Rules) == 0:
		p.chain.lines = append(p.chain.lines, line{text: text})
		return nil
	}
	if p.rules++; p.rules > MaxRules {
		return p.errorf("more than MaxRules, %d rules", MaxRules)
	}
	r := parseRule(bare)
	r.Chain, r.Number, r.Line = p.chain, len(p.chain.Rules)+1, p.first
	p.chain.Rules = append(p.chain.Rules, r)
	p.chain.lines = append(p.chain.lines, line{rule: r, text: text})
	return nil
}

// priorities are the names that nft gives to priorities of the IP families (std_prios in nftables' rule.c).
var priorities = map[string]int{
	"raw": -300, "mangle": -150, "dstnat": -100, "filter": 0, "security": 50, "srcnat": 100,
}

// bridgePriorities are those of the bridge family.
var bridgePriorities = map[string]int{"dstnat": -300, "filter": -200, "out": 100, "srcnat": 300}

// hook reads `type T hook H [device D] priority P; [policy V;]`.
func (p *parser) hook(text string) error {
	c := p.chain
	if c.Hook != "" {
		return p.errorf("chain %s has two hooks", c.Name)
	}
	for part := range strings.SplitSeq(text, ";") {
		f := strings.Fields(part)
		for i := 0; i+1 < len(f); i++ {
			switch f[i] {
			case "type":
				c.Type = f[i+1]
			case "hook":
				c.Hook = f[i+1]
			case "policy":
				c.Policy = f[i+1]
			case "priority":
				c.PriorityText = strings.Join(f[i+1:], " ")
				var ok bool
				if c.Priority, ok = parsePriority(c.Table.Family, f[i+1:]); !ok {
					return p.errorf("priority %q of chain %s (want a number, or a name such as dstnat + 10)", short(c.PriorityText), c.Name)
				}
				i = len(f)
			}
		}
	}
	switch {
	case c.Type == "" || c.Hook == "" || c.PriorityText == "":
		return p.errorf("hook line %q of chain %s (want type T hook H priority P;)", short(text), c.Name)
	case c.Policy != "" && c.Policy != "accept" && c.Policy != "drop":
		return p.errorf("policy %q of chain %s (want accept or drop)", short(c.Policy), c.Name)
	}
	return nil
}

func parsePriority(family string, f []string) (int, bool) {
	names := priorities
	if family == "bridge" {
		names = bridgePriorities
	}
	base, ok := names[f[0]]
	if !ok {
		n, err := strconv.ParseInt(f[0], 10, 32)
		return int(n), err == nil && len(f) == 1
	}
	if len(f) == 1 {
		return base, true
	}
	if len(f) != 3 || f[1] != "+" && f[1] != "-" {
		return 0, false
	}
	n, err := strconv.ParseInt(f[2], 10, 32)
	if f[1] == "-" {
		n = -n
	}
	return base + int(n), err == nil && (f[2][0] != '-' && f[2][0] != '+')
}

// link finds the chains and sets that the table's rules name. One that is not there makes its rule not understood.
func (p *parser) link() error {
	for _, c := range p.table.Chains {
		for _, r := range c.Rules {
			for _, s := range r.Statements {
				if odd := linkStatement(s, p.table); odd != "" && r.NotUnderstood == "" {
					r.NotUnderstood = odd
				}
			}
		}
	}
	return nil
}

// linkStatement says what a statement names that is not there.
func linkStatement(s Statement, t *Table) string {
	switch s := s.(type) {
	case *verdictStatement:
		if s.chain == "" {
			return ""
		}
		if s.verdict.Chain = t.Chain(s.chain); s.verdict.Chain == nil {
			return "jump to unknown chain " + s.chain
		}
	case *setMatch:
		return s.link(t, false)
	case *verdictLookup:
		return s.link(t, true)
	case *natLookup:
		return s.link(t, true)
	case *setUpdate:
		return s.lookup.link(t, false)
	}
	return ""
}

func (p *parser) finish() (*Ruleset, error) {
	if p.table != nil {
		return nil, p.errorf("the input ends within table %s %s of line %d (a } is missing: the listing was cut off)",
			p.table.Family, p.table.Name, p.opened)
	}
	p.rs.Trailing = p.pending
	return p.rs, nil
}

// Table is the table of that family and name, nil where there is none.
func (rs *Ruleset) Table(family, name string) *Table {
	for _, t := range rs.Tables {
		if t.Family == family && t.Name == name {
			return t
		}
	}
	return nil
}

// Chain is the chain of that name, nil where there is none.
func (t *Table) Chain(name string) *Chain {
	for _, c := range t.Chains {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// NotUnderstood lists the rules with something that podpath does not model.
func (rs *Ruleset) NotUnderstood() []*Rule {
	var list []*Rule
	for _, t := range rs.Tables {
		for _, c := range t.Chains {
			for _, r := range c.Rules {
				if r.NotUnderstood != "" {
					list = append(list, r)
				}
			}
		}
	}
	return list
}
