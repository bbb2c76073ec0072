package iptables

import "strings"

// token is one word of a rule. Words that stood in quotes are values, never options: a comment may read "-j ACCEPT".
type token struct {
	text       string
	start, end int32 // in the line, quotes included
	quoted     bool
}

// endsWord are the characters that end a word without quotes.
var endsWord = [256]bool{' ': true, '\t': true, '\r': true, '"': true}

// split cuts a line into words the way iptables-restore does (add_param_to_argv in xshared.c): blanks separate, double
// quotes hold a word together, and a backslash means something inside them only. It appends to toks, which the caller
// reuses, and says whether the last quote was closed.
func split(toks []token, line string) ([]token, bool) {
	for i := 0; i < len(line); {
		switch c := line[i]; {
		case c == ' ' || c == '\t' || c == '\r':
			i++
		case c == '"':
			t, next, ok := quoted(line, i)
			toks = append(toks, t)
			if !ok {
				return toks, false
			}
			i = next
		default:
			j := i
			for j < len(line) && !endsWord[line[j]] {
				j++
			}
			toks = append(toks, token{text: line[i:j], start: int32(i), end: int32(j)})
			i = j
		}
	}
	return toks, true
}

// quoted reads the word whose opening quote is at i. Only a word with escapes needs memory of its own.
func quoted(line string, i int) (t token, next int, closed bool) {
	t = token{start: int32(i), quoted: true}
	var b strings.Builder
	from := i + 1
	for j := from; j < len(line); j++ {
		switch line[j] {
		case '\\':
			if j+1 == len(line) {
				return t, j, false
			}
			b.WriteString(line[from:j])
			j++
			from = j
		case '"':
			if t.text = line[from:j]; b.Len() > 0 || from > i+1 {
				b.WriteString(line[from:j])
				t.text = b.String()
			}
			t.end = int32(j + 1)
			return t, j + 1, true
		}
	}
	t.end = int32(len(line))
	return t, len(line), false
}

// splitShell cuts a command line as a shell would as far as setup scripts need it: single quotes, double quotes and
// backslashes, no expansions.
func splitShell(line string) ([]token, bool) {
	var toks []token
	for i := 0; i < len(line); {
		if line[i] == ' ' || line[i] == '\t' {
			i++
			continue
		}
		t := token{start: int32(i)}
		var b strings.Builder
		quote := byte(0)
		for ; i < len(line); i++ {
			c := line[i]
			switch {
			case quote == 0 && (c == ' ' || c == '\t'):
			case quote == 0 && (c == '\'' || c == '"'):
				quote, t.quoted = c, true
				continue
			case c == quote && quote != 0:
				quote = 0
				continue
			case c == '\\' && quote != '\'' && i+1 < len(line):
				i++
				b.WriteByte(line[i])
				continue
			default:
				b.WriteByte(c)
				continue
			}
			break
		}
		if quote != 0 {
			return nil, false
		}
		t.text, t.end = b.String(), int32(i)
		toks = append(toks, t)
	}
	return toks, true
}

// bare are the characters that need no quotes (xtables_save_string in xtables.c).
func bare(c byte) bool { return bareChars[c] }

var bareChars = func() (is [256]bool) {
	for _, c := range []byte("_-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
		is[c] = true
	}
	return is
}()

// appendQuoted writes a free text as iptables-save does: without quotes only where every character is harmless.
func appendQuoted(b []byte, s string) []byte {
	plain := s != ""
	for i := 0; i < len(s) && plain; i++ {
		plain = bare(s[i])
	}
	if plain {
		return append(b, s...)
	}
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		if c := s[i]; c == '"' || c == '\\' || c == '\'' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}
