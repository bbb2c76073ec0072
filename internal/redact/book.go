package redact

import (
	"net/netip"
	"strconv"
	"strings"
)

// book is what is replaced by what. Everything is read twice with it: the first time it only notes what there is and gives
// each thing back as it is, then it is sealed and gives the replacements.
type book struct {
	key    []byte
	sealed bool
	four   *trie
	seen   map[netip.Prefix]bool
	words  map[string]*word
	tokens map[token]string // what is drawn by itself: MACs, hashes
	used   map[string]bool  // drawn values
	wild   map[string]bool  // beginnings of interfaces' names that rules ask for, such as "eni"
	fixed  map[string]string
	pods   []podOf
	cut    int // lines and fields left out
}

type token struct{ class, from string }

func newBook(key []byte) *book {
	return &book{key: key, four: newTrie(), seen: map[netip.Prefix]bool{}, words: map[string]*word{}, tokens: map[token]string{},
		used: map[string]bool{}, wild: map[string]bool{}, fixed: map[string]string{}}
}

// opaque replaces what has a form and no order: made draws one such thing from random bytes. No two become the same, and none
// becomes one that the input has.
func (b *book) opaque(class, from string, made func([]byte) string) string {
	t := token{class, from}
	if !b.sealed {
		b.tokens[t] = ""
		return from
	}
	if to := b.tokens[t]; to != "" {
		return to
	}
	for i := 0; ; i++ {
		to := made(digest(b.key, class+strconv.Itoa(i), from))
		if _, original := b.tokens[token{class, to}]; !original && !b.used[class+" "+to] || i > 1000 {
			b.used[class+" "+to] = true
			b.tokens[t] = to
			return to
		}
	}
}

// seal ends the noting and chooses the replacements.
func (b *book) seal() {
	b.four.draw(b.key)
	b.number()
	b.sealed = true
	b.search()
}

// alias says that a text which is made of others becomes what is made of theirs, so that a question may name it.
func (b *book) alias(from, to string) {
	if b.sealed && from != to {
		b.fixed[from] = to
	}
}

// isWord are the characters of which names, addresses and what is made of them consist.
func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_.:/+-", c) >= 0 || c >= 0x80
}

// eachWord gives every run of such characters to f, and puts its answers in their place.
func eachWord(s string, f func(string) string) string {
	var out strings.Builder
	for i := 0; i < len(s); {
		j := i
		for j < len(s) && isWord(s[j]) {
			j++
		}
		if j > i {
			out.WriteString(f(s[i:j]))
		} else {
			j = i + 1
			out.WriteByte(s[i])
		}
		i = j
	}
	return out.String()
}
