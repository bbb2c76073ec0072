package iptables

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of what Parse takes, so that no input can use much memory or time. The largest dump known, a node of a cluster
// with 10,000 Services, is about 30 MB and 200,000 rules.
const (
	MaxLine  = 64 << 10
	MaxInput = 64 << 20
	MaxRules = 1_000_000
)

// ParseError is what is wrong with an input and where. Reason ends with what would be right, in parentheses, where that
// can be said.
type ParseError struct {
	File   string
	Line   int
	Reason string
}

// Error gives "file:line: reason".
func (e *ParseError) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Reason) }

var errOpenQuote = errors.New(`a quote is not closed (write \" for a quote within quotes)`)

// checkText says what is wrong with text that is not text.
func checkText(s string) error {
	if strings.IndexByte(s, 0) >= 0 {
		return errors.New("the line has a NUL byte: this is not text (give the output of iptables-save)")
	}
	if !utf8.ValidString(s) {
		return errors.New("the line is not UTF-8: this is not text (give the output of iptables-save)")
	}
	return nil
}

// Parse reads the output of iptables-save, input of iptables-restore, or the output of one or more `iptables -S`. The
// name stands for the input in errors.
//
//	save  = { comment | "*" TABLE { chain | rule | comment } "COMMIT" }
//	chain = ":" NAME POLICY [ "[" packets ":" bytes "]" ]
//	rule  = [ "[" packets ":" bytes "]" ] ( "-A" CHAIN | "-I" CHAIN [ NUMBER ] | … ) spec
//	list  = { comment | prompt | "-P" CHAIN POLICY | "-N" CHAIN | "-A" CHAIN spec }
//
// A table of `iptables -S` is named by a comment or prompt before it (`# iptables -t nat -S`), else by its built-in
// chains. What stands between tables is kept if it is a comment or blank. Rules may name chains that were not declared:
// iptables-restore --noflush takes them from what is there already.
func Parse(r io.Reader, name string) (*Ruleset, error) {
	p := parser{file: name, rs: &Ruleset{}, chunk: chunkSize, workers: min(runtime.GOMAXPROCS(0), maxReaders) - 1}
	return p.read(r)
}

func (p *parser) read(r io.Reader) (*Ruleset, error) {
	// Lines are cut from the text of a block, and words from the lines: what rules keep of them is not copied again.
	size := int64(MaxLine)
	if known, ok := r.(interface{ Len() int }); ok {
		size = max(min(int64(known.Len()), MaxInput)+1, 512) // all in one block
	}
	buf := make([]byte, min(size, MaxLine/2))
	total := int64(0)
	open := "" // the beginning of a line that the next block goes on with
	for {
		var block strings.Builder
		block.Grow(len(open) + int(size))
		block.WriteString(open)
		n, err := io.CopyBuffer(&block, io.LimitReader(r, size), buf)
		if total += n; total > MaxInput {
			p.number++
			return nil, p.errorf("the input is longer than MaxInput, %d bytes (split it by table)", MaxInput)
		}
		last := err == nil && n < size
		text := block.String()
		if len(text) < block.Cap()/2 {
			text = strings.Clone(text) // rules keep it whole
		}
		if open, err = p.lines(text, last, err); err != nil {
			return nil, err
		}
		if last {
			return p.finish()
		}
	}
}

// lines takes the lines of a block, and returns the open one at its end: of the last block that is a line too. An error of
// reading counts once the lines before it were taken.
func (p *parser) lines(text string, last bool, read error) (open string, err error) {
	whole := text[:strings.LastIndexByte(text, '\n')+1]
	p.checked = checkText(whole) == nil // all at once is faster than line by line
	var early *ahead
	if p.checked && p.workers > 0 && len(whole) >= minChunks*p.chunk {
		early = newAhead(whole, p.chunk, p.workers, MaxRules-p.rules)
		defer early.stop()
		if p.begun != nil {
			p.begun(early)
		}
	}
	behind := len(text) - len(whole)
	for text != "" {
		line, rest := text, ""
		end := strings.IndexByte(text, '\n')
		ended := end >= 0
		if ended {
			line, rest = text[:end], text[end+1:]
		}
		if len(text)-len(rest) > MaxLine {
			p.number++
			return "", p.errorf("the line is longer than MaxLine, %d bytes (no rule is)", MaxLine)
		}
		if !ended {
			if !last {
				break
			}
			p.checked = false
		}
		p.number++
		p.ready = nil
		if early != nil {
			p.ready = early.take(len(text) - behind)
		}
		if err := p.take(line); err != nil {
			return "", err
		}
		text = rest
	}
	if read != nil {
		return "", fmt.Errorf("%s:%d: %w", p.file, p.number+1, read)
	}
	return text, nil
}

// parser holds what has been read so far.
type parser struct {
	file     string
	number   int // of the line being read
	rules    int
	rs       *Ruleset
	table    *Table
	opened   int      // the line of the table's *name
	list     bool     // in the output of -S
	named    string   // the table that a prompt has announced
	pending  []string // comments that may belong to the next table
	done     bool     // the last table may still get its "# Completed"
	reader   ruleReader
	counters slab[Counters] // of chains
	checked  bool           // the block was found to be text, so that its lines need not be looked at
	ended    map[string]int // where each table was committed
	chunk    int            // how much is read ahead at once
	workers  int            // how many goroutines do so, beside the parser's
	begun    func(*ahead)   // of tests
	ready    *Rule          // of the line being read, if it was read ahead
}

func (p *parser) errorf(format string, args ...any) error {
	return &ParseError{File: p.file, Line: p.number, Reason: fmt.Sprintf(format, args...)}
}

func (p *parser) take(line string) error {
	if !p.checked {
		if err := checkText(line); err != nil {
			return p.errorf("%v", err)
		}
	}
	line, text := trimLine(line)
	if p.table != nil && !p.list {
		return p.inTable(text)
	}
	switch {
	case strings.HasPrefix(text, "*"):
		return p.openTable(text)
	case strings.HasPrefix(text, "-"):
		return p.listed(text)
	case text == "" || text[0] == '#':
		p.comment(line, text)
		return nil
	case isPrompt(text):
		return p.prompt(text)
	case text == "COMMIT":
		return p.errorf("COMMIT without a table (a table begins with a line such as *filter)")
	}
	return p.errorf("%q stands outside any table (want *TABLE, or `iptables -S` lines: -P, -N, -A)", short(text))
}

// trimLine is a line without carriage returns at its end, and its text without blanks around it.
func trimLine(s string) (line, text string) {
	for line = s; strings.HasSuffix(line, "\r"); {
		line = line[:len(line)-1]
	}
	if line != "" && (line[0] <= ' ' || line[len(line)-1] <= ' ') {
		return line, strings.Trim(line, " \t")
	}
	return line, line
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

func (p *parser) comment(line, text string) {
	if text != "" && isPrompt(text) && p.prompt(text) == nil {
		return
	}
	if p.list {
		return // -S prints none
	}
	if p.done && strings.HasPrefix(text, "# Completed") {
		t := p.rs.Tables[len(p.rs.Tables)-1]
		t.Completed = append(t.Completed, line)
		p.done = false
		return
	}
	p.pending = append(p.pending, line)
}

func (p *parser) openTable(text string) error {
	if err := p.endList(); err != nil {
		return err
	}
	name := strings.TrimSpace(text[1:])
	if name == "" || strings.ContainsAny(name, " \t") {
		return p.errorf("%q names no table (want a line such as *filter)", short(text))
	}
	if line, twice := p.ended[name]; twice {
		return p.errorf("table %s again; it ended in line %d (give one dump at a time)", name, line)
	}
	p.table = &Table{Name: name, Leading: p.pending, reading: true}
	p.pending, p.opened, p.done, p.named = nil, p.number, false, ""
	p.reader.printed = false
	return nil
}

// inTable reads a line between *name and COMMIT.
func (p *parser) inTable(text string) error {
	switch {
	case text == "" || text[0] == '#':
		return nil
	case text == "COMMIT":
		p.endTable()
		p.done = true
		return nil
	case text[0] == ':':
		return p.declare(text[1:])
	case text[0] == '*':
		return p.errorf("table %s begins within table %s of line %d (COMMIT is missing)", text[1:], p.table.Name, p.opened)
	case text[0] == '[':
		return p.counted(text)
	case text[0] == '-':
		return p.command(text, nil)
	}
	return p.errorf("%q is no line of a table (want :CHAIN, -A CHAIN …, COMMIT or #)", short(text))
}

// declare reads what follows the colon: a chain, its policy, its counters.
func (p *parser) declare(text string) error {
	var f [3]string
	n := 0
	for w := range strings.FieldsSeq(text) {
		if n == len(f) {
			n++
			break
		}
		f[n] = w
		n++
	}
	if n < 2 || n > 3 {
		return p.errorf("chain line %q (want :NAME POLICY [packets:bytes])", short(":"+text))
	}
	var counters *Counters
	if n == 3 {
		c, ok := parseCounters(f[2])
		if !ok {
			return p.errorf("counters %q of chain %s (want [packets:bytes])", short(f[2]), f[0])
		}
		counters = p.counters.take()
		*counters = c
	}
	return p.addChain(f[0], f[1], counters)
}

func (p *parser) addChain(name, policy string, n *Counters) error {
	if err := p.checkPolicy(name, policy); err != nil {
		return err
	}
	c := p.table.AddChain(name)
	if c.declared != 0 && c.Policy != policy {
		return p.errorf("chain %s has policy %s here and %s in line %d (give one dump at a time)", name, policy, c.Policy, c.declared)
	}
	if c.BuiltIn() {
		p.reader.printed = true // what declares a built-in chain is a dump, or was one
	}
	c.Policy, c.Counters, c.declared = policy, n, p.number
	return nil
}

func (p *parser) checkPolicy(name, policy string) error {
	if !chainName(name) {
		return p.errorf("chain name %q (no blank, and no - or ! first)", short(name))
	}
	switch policy {
	case "ACCEPT", "DROP", "QUEUE":
		if len(builtIns[p.table.Name]) > 0 && !isBuiltIn(p.table.Name, name) {
			return p.errorf("chain %s of table %s is not built in and can have no policy %s (want -)", name, p.table.Name, policy)
		}
		return nil
	case "-":
		if isBuiltIn(p.table.Name, name) {
			return p.errorf("built-in chain %s of table %s has no policy (want ACCEPT or DROP)", name, p.table.Name)
		}
		return nil
	}
	return p.errorf("policy %q of chain %s (want ACCEPT, DROP or -)", short(policy), name)
}

// chainName says whether iptables takes the name (assert_valid_chain_name in xshared.c; nft's limit is not enforced).
func chainName(s string) bool {
	i := 0
	for i < len(s) && bare(s[i]) {
		i++
	}
	return s != "" && s[0] != '-' && s[0] != '!' && !strings.ContainsFunc(s[i:], func(r rune) bool {
		return r == '"' || unicode.IsSpace(r) || unicode.IsControl(r)
	})
}

func parseCounters(s string) (Counters, bool) {
	s, open := strings.CutPrefix(s, "[")
	s, closed := strings.CutSuffix(s, "]")
	packets, bytes, colon := strings.Cut(s, ":")
	a, ok1 := parseCount(packets)
	b, ok2 := parseCount(bytes)
	return Counters{a, b}, open && closed && colon && ok1 && ok2
}

func parseCount(s string) (n uint64, ok bool) {
	for i := 0; i < len(s); i++ {
		d := uint64(s[i] - '0')
		if d > 9 || n > (1<<64-1-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, s != ""
}

// counted reads a rule with counters before it, as iptables-save -c prints them.
func (p *parser) counted(text string) error {
	counters, rest, ok := strings.Cut(text, "]")
	n, good := parseCounters(counters + "]")
	if rest = strings.TrimLeft(rest, " \t"); !ok || !good || !strings.HasPrefix(rest, "-") {
		return p.errorf("%q (want [packets:bytes] -A CHAIN …)", short(text))
	}
	return p.command(rest, &n)
}

// command reads one -A, -I or other command of iptables-restore input.
func (p *parser) command(text string, n *Counters) error {
	if p.ready != nil {
		return p.appendReady(text, n)
	}
	var closed bool
	p.reader.line = text
	p.reader.a.toks, closed = split(p.reader.a.toks[:0], text)
	if !closed {
		return p.errorf("%v", errOpenQuote)
	}
	p.reader.a.i = 0
	if err := p.count(); err != nil {
		return err
	}
	err := p.table.execute(&p.reader, n, p.number)
	if err != nil {
		return p.errorf("%v", err)
	}
	return nil
}

// appendReady is command for an -A whose rule was read ahead.
func (p *parser) appendReady(text string, n *Counters) error {
	if err := p.count(); err != nil {
		return err
	}
	name := appendsTo(text)
	c := p.reader.chainAt(p.table, name)
	if c == nil {
		c = p.reader.addChain(p.table, name)
	}
	p.table.placeRule(c, len(c.Rules), p.ready, n, p.number)
	return nil
}

// count counts one more rule.
func (p *parser) count() error {
	if p.rules++; p.rules > MaxRules {
		return p.errorf("more than MaxRules, %d rules", MaxRules)
	}
	return nil
}

// endTable closes the table being read. Jumps to chains that are nowhere make their rules not understood.
func (p *parser) endTable() {
	t := p.table
	t.link(func(r *Rule, name string) {
		text := "jump to unknown chain " + name
		if c := t.Chain(name); c != nil {
			text = "jump to built-in chain " + name
		}
		r.Target = &UnknownTarget{Text: string(r.Target.AppendTo(nil))}
		r.addNotUnderstood(text)
	})
	p.rs.Tables = append(p.rs.Tables, t)
	if p.ended == nil {
		p.ended = map[string]int{}
	}
	p.ended[t.Name] = p.number
	p.table, t.reading = nil, false
}

func (p *parser) finish() (*Ruleset, error) {
	if p.table != nil && !p.list {
		return nil, p.errorf("the input ends within table %s of line %d (COMMIT is missing: the dump was cut off)", p.table.Name, p.opened)
	}
	if err := p.endList(); err != nil {
		return nil, err
	}
	p.rs.Trailing = p.pending
	return p.rs, nil
}
