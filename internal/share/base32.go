package share

import (
	"encoding/base32"
	"fmt"
	"strings"
)

// alphabet is Douglas Crockford's (https://www.crockford.com/base32.html), in lower case: without i, l, o and u.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

var crockford = base32.NewEncoding(alphabet).WithPadding(base32.NoPadding)

// meant is the character that a person meant by one.
func meant(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	switch c {
	case 'i', 'l':
		return '1'
	case 'o':
		return '0'
	}
	return c
}

// length is how many characters 128 bits have: 25 of five bits, and one of the last three.
const length = 26

func encode(b [16]byte) string { return crockford.EncodeToString(b[:]) }

// decode reads what encode writes; why says what is wrong with a text, without repeating it.
func decode(text string) (b [16]byte, why string) {
	if len(text) != length {
		return b, fmt.Sprintf("want %d letters and digits, got %d", length, len(text))
	}
	plain := make([]byte, length)
	for i := range plain {
		plain[i] = meant(text[i])
		if strings.IndexByte(alphabet, plain[i]) < 0 {
			return b, fmt.Sprintf("character %d is not of the alphabet %s", i+1, alphabet)
		}
	}
	if _, err := crockford.Decode(b[:], plain); err != nil {
		return b, err.Error()
	}
	if encode(b) != string(plain) { // the last character has two bits that belong to nothing
		return b, fmt.Sprintf("character %d can only be one of 048cgmrw", length)
	}
	return b, ""
}
