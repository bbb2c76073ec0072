package iptables

import (
	"slices"
	"strings"
)

// isPrompt says whether a line is what someone typed before a dump: a prompt or comment sign and an iptables command
// that lists rules.
func isPrompt(text string) bool {
	_, ok := typedCommand(text)
	return ok
}

// typedCommand is the words of a typed `iptables -S` or `iptables-save` from the program's name on.
func typedCommand(text string) ([]string, bool) {
	f := strings.Fields(text)
	i := slices.IndexFunc(f, func(w string) bool {
		w = w[strings.LastIndexByte(w, '/')+1:]
		switch w {
		case "iptables", "iptables-nft", "iptables-legacy", "iptables-save", "iptables-nft-save", "iptables-legacy-save",
			"ip6tables", "ip6tables-nft", "ip6tables-legacy", "ip6tables-save", "ip6tables-nft-save", "ip6tables-legacy-save":
			return true
		}
		return false
	})
	if i < 0 {
		return nil, false
	}
	// What stands before is a prompt (`root@node:~#`, `$`, `#`) or sudo, not prose.
	for k, w := range f[:i] {
		if k == i-1 && w == "sudo" {
			continue
		}
		if !strings.ContainsAny(w[len(w)-1:], "#$>%") {
			return nil, false
		}
	}
	words := f[i:]
	if strings.HasSuffix(words[0], "-save") {
		return words, i > 0 || len(words) == 1
	}
	return words, slices.ContainsFunc(words, func(w string) bool {
		return w == "--list-rules" || w == "-S" || len(w) > 1 && w[0] == '-' && w[1] != '-' && strings.Contains(w, "S")
	})
}

// prompt notes which table a typed command announces. Without -t it is filter.
func (p *parser) prompt(text string) error {
	words, _ := typedCommand(text)
	if strings.HasSuffix(words[0], "-save") {
		return nil
	}
	if err := p.endList(); err != nil {
		return err
	}
	p.named = "filter"
	for i, w := range words {
		switch {
		case (w == "-t" || w == "--table") && i+1 < len(words):
			p.named = words[i+1]
		case strings.HasPrefix(w, "--table="):
			p.named = strings.TrimPrefix(w, "--table=")
		}
	}
	return nil
}

// listed reads a line of `iptables -S`.
func (p *parser) listed(text string) error {
	f := strings.Fields(text)
	if f[0] == "-P" && p.table != nil && len(f) > 1 && p.startsAgain(f[1]) {
		if err := p.endList(); err != nil {
			return err
		}
	}
	if p.table == nil {
		p.table, p.list, p.opened = &Table{Name: p.named, Leading: p.pending, reading: true}, true, p.number
		p.pending, p.reader.printed = nil, false
	}
	switch f[0] {
	case "-P", "--policy":
		if len(f) == 6 && f[3] == "-c" { // iptables -S -v
			if n, ok := parseCounters("[" + f[4] + ":" + f[5] + "]"); ok {
				return p.addChain(f[1], f[2], &n)
			}
		}
		if len(f) != 3 {
			return p.errorf("policy line %q (want -P CHAIN POLICY)", short(text))
		}
		return p.addChain(f[1], f[2], nil)
	case "-N", "--new-chain":
		if len(f) != 2 {
			return p.errorf("chain line %q (want -N CHAIN)", short(text))
		}
		return p.addChain(f[1], "-", nil)
	case "-A", "--append":
		return p.command(text, nil)
	}
	return p.errorf("%q stands outside any table (want *TABLE, or `iptables -S` lines: -P, -N, -A)", short(text))
}

// startsAgain says whether a policy line begins the next table: its chain has a policy already, or rules have passed.
func (p *parser) startsAgain(chain string) bool {
	c := p.table.Chain(chain)
	return c != nil && c.declared != 0 || slices.ContainsFunc(p.table.Chains, func(c *Chain) bool { return len(c.Rules) > 0 || c.Policy == "-" })
}

// endList closes the table of an `iptables -S` and finds its name where nothing announced it.
func (p *parser) endList() error {
	if p.table == nil || !p.list {
		return nil
	}
	if p.table.Name == "" {
		if p.table.Name = p.inferTable(); p.table.Name == "" {
			return &ParseError{File: p.file, Line: p.opened, Reason: "which table these rules are of cannot be told " +
				"(put a line such as `# iptables -t nat -S` before them)"}
		}
	}
	if line, twice := p.ended[p.table.Name]; twice {
		return &ParseError{File: p.file, Line: p.opened, Reason: "table " + p.table.Name + " again; it ended in line " +
			string(appendUint(nil, uint64(line))) + " (give one dump at a time)"}
	}
	p.endTable()
	p.list, p.named = false, ""
	return nil
}

// inferTable tells a table by its built-in chains. filter and security have the same; filter comes first. Kernels before
// 2.6.36 had no INPUT in nat.
func (p *parser) inferTable() string {
	var have []string
	for _, c := range p.table.Chains {
		if c.Policy != "-" {
			have = append(have, c.Name)
		}
	}
	slices.Sort(have)
	for _, name := range [...]string{"nat", "mangle", "raw", "filter"} {
		want := slices.Sorted(slices.Values(builtIns[name]))
		if slices.Equal(have, want) {
			if _, taken := p.ended[name]; name == "filter" && taken {
				return "security"
			}
			return name
		}
	}
	if slices.Equal(have, []string{"OUTPUT", "POSTROUTING", "PREROUTING"}) {
		return "nat"
	}
	return ""
}
