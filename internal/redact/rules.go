package redact

import (
	"regexp"
	"strconv"
	"strings"
)

// The options of iptables that are read, by what stands behind them. What stands behind any other is replaced as a name, unless
// it is a word that everybody knows.
var (
	toChain   = set("-A -I -N -P -D -R -X -F -j -g --append --insert --new-chain --policy --jump --goto")
	toIface   = set("-i -o --in-interface --out-interface --physdev-in --physdev-out")
	toSet     = set("--match-set --set --add-set --del-set")
	toRemark  = set("--comment --log-prefix --nflog-prefix --string --hex-string")
	toRecent  = set("--name")
	toNumbers = set(`--dport --sport --dports --sports --ports --destination-port --source-port --mark --set-xmark --set-mark --and-mark --or-mark --xor-mark --nfmask --ctmask
		--probability --every --packet --seconds --hitcount --mask --to-ports --limit-burst --limit --nflog-group --nflog-threshold --nflog-size --nflog-range --ttl-set
		--ttl-inc --ttl-dec --left-shift-mark --right-shift-mark --length --zone --icmp-type --icmpv6-type --uid-owner --gid-owner --ctorigdstport --ctreplsrcport
		--timeout --log-level --save-mark --restore-mark -p --protocol --tcp-option --on-port --tproxy-mark --set-mss --pkt-type --queue-num`)
	// options are known and have a value of words or addresses, or none.
	options = set(`-s -d --source --destination -m --match -f -t --table --ctstate --state --ctstatus --ctdir --ctproto --ctorigsrc --ctorigdst --ctreplsrc --ctrepldst --src-type --dst-type --limit-iface-in
		--limit-iface-out --mode --rcheck --update --set --remove --reap --rsource --rdest --rttl --invert --loose --validmark --accept-local --to-source --to-destination --to
		--random --random-fully --persistent --reject-with --tcp-flags --syn --mac-source --src-range --dst-range --notrack --physdev-is-in --physdev-is-out --physdev-is-bridged
		--return-nomatch --update-counters --update-subcounters --packets-eq --bytes-eq --socket-exists --nfacct-name --transparent --nowildcard --restore-skmark --exist
		--zone-orig --zone-reply --helper --ctevents --clamp-mss-to-pmtu --on-ip --algo --from --log-tcp-options --log-ip-options --log-uid --src-group --dst-group -w`)
	reCounters = regexp.MustCompile(`^\[[0-9]+:[0-9]+\] ?`)
)

// ruleLine replaces a line of iptables-save or iptables -S.
func (b *book) ruleLine(l string) (string, bool) {
	l = strings.TrimSpace(l)
	switch {
	case l == "COMMIT":
		return l, true
	case l[0] == '*':
		return l, set("*raw *mangle *nat *filter *security")[l]
	case l[0] == ':':
		w := strings.Fields(l[1:])
		if len(w) < 2 {
			return "", false
		}
		return ":" + b.chain(w[0]) + " " + b.target(w[1]) + " [0:0]", true
	}
	l = reCounters.ReplaceAllString(l, "")
	if !strings.HasPrefix(l, "-") {
		return "", false
	}
	var out []string
	last := ""
	for _, t := range split(l) {
		option := !t.quoted && len(t.text) > 1 && t.text[0] == '-' && !reFigure.MatchString(t.text)
		switch {
		case option:
			out = append(out, b.option(t.text))
			last = t.text
			continue
		case !t.quoted && t.text == "!":
			out = append(out, "!")
			continue
		}
		out = append(out, b.operand(last, t))
		if toSet[last] || last == "--tcp-flags" || strings.HasPrefix(last, "-") && toChain[last] {
			last = "-m" // what follows are directions, flags, a chain's policy
		}
	}
	return strings.Join(out, " "), len(out) > 0
}

// option keeps an option that is known.
func (b *book) option(s string) string {
	if toChain[s] || toIface[s] || toSet[s] || toRemark[s] || toRecent[s] || toNumbers[s] || options[s] {
		return s
	}
	dashes := s[:len(s)-len(strings.TrimLeft(s, "-"))]
	return dashes + b.name(Word, s[len(dashes):])
}

// operand replaces a word behind an option.
func (b *book) operand(option string, t unquoted) string {
	s := t.text
	switch {
	case toChain[option]:
		s = b.target(s)
	case toIface[option]:
		s = b.iface(s)
	case toSet[option]:
		s = b.set(s)
	case toRemark[option]:
		s = b.remark(s)
	case toRecent[option]:
		s = b.chain(s)
	case toNumbers[option] || options[option]:
		s = b.word(s)
	case s != "" && !vocabulary[s]:
		if l, ok := b.literal(s); ok {
			s = l
		} else {
			s = b.name(Word, s)
		}
	}
	if t.quoted || strings.ContainsAny(s, " \t") || s == "" {
		return quote(s)
	}
	return s
}

// quote writes a value as iptables-save does.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// target replaces what a rule jumps to: a chain, or a target that iptables has.
func (b *book) target(s string) string {
	if vocabulary[s] || s == "-" {
		return s
	}
	return b.chain(s)
}

// unquoted is one word of a rule.
type unquoted struct {
	text   string
	quoted bool
}

// split cuts a rule into words; double quotes hold one together, and in them a backslash takes the next sign as it is.
func split(l string) []unquoted {
	var out []unquoted
	for i := 0; i < len(l); {
		switch c := l[i]; {
		case c == ' ' || c == '\t' || c == '\r':
			i++
		case c == '"':
			var s strings.Builder
			for i++; i < len(l) && l[i] != '"'; i++ {
				if l[i] == '\\' && i+1 < len(l) {
					i++
				}
				s.WriteByte(l[i])
			}
			i++
			out = append(out, unquoted{s.String(), true})
		default:
			j := i
			for j < len(l) && !strings.ContainsRune(" \t\r\"", rune(l[j])) {
				j++
			}
			out = append(out, unquoted{l[i:j], false})
			i = j
		}
	}
	return out
}

// nft replaces the lines of `nft list ruleset`.
type nft struct {
	b    *book
	last string // the word before, also on the line before: elements stand on several
}

const signs = "{};,\"()"

func (x *nft) line(l string) (string, bool) {
	head := l[:len(l)-len(strings.TrimLeft(l, " \t"))]
	l = strings.TrimSpace(l)
	if l[0] == '#' {
		return "", false
	}
	var out strings.Builder
	out.WriteString(head[:min(len(head), 64)])
	for i := 0; i < len(l); {
		c := l[i]
		switch {
		case c == ' ' || c == '\t':
			out.WriteByte(' ')
			i++
		case c == '"':
			end := i + 1
			for end < len(l) && l[end] != '"' {
				end++
			}
			out.WriteString(`"` + x.quoted(l[i+1:end]) + `"`)
			x.last = `"`
			i = end + 1
		case strings.IndexByte(signs, c) >= 0:
			out.WriteByte(c)
			x.last = string(c)
			i++
		default:
			j := i
			for j < len(l) && l[j] != ' ' && l[j] != '\t' && strings.IndexByte(signs, l[j]) < 0 {
				j++
			}
			out.WriteString(x.word(l[i:j]))
			x.last = l[i:j]
			i = j
		}
	}
	return out.String(), true
}

// quoted replaces what stands in quotes: a comment or prefix, or an interface's name.
func (x *nft) quoted(s string) string {
	if x.last == "comment" || x.last == "prefix" {
		return x.b.remark(s)
	}
	return x.b.iface(s)
}

// tables are the tables that plugins call alike on every node.
var tables = set("nat filter mangle raw security aws-cni kube-proxy calico flannel-ipv4 flannel-ipv6")

func (x *nft) word(s string) string {
	switch x.last {
	case "packets", "bytes":
		if _, err := strconv.ParseUint(s, 10, 64); err == nil {
			return "0"
		}
	case "chain", "jump", "goto":
		return x.b.chain(s)
	case "set", "map":
		if !vocabulary[s] { // `meta mark set ct mark`
			return x.b.set(s)
		}
	case "ip", "ip6", "inet", "arp", "bridge", "netdev":
		if tables[s] {
			return s
		}
	case "iifname", "oifname", "iif", "oif":
		if !vocabulary[s] && s != "!=" {
			return x.b.iface(s)
		}
	}
	if s[0] == '@' && len(s) > 1 {
		return "@" + x.b.set(s[1:])
	}
	return x.b.word(s)
}
