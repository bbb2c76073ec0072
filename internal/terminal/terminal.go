// Package terminal prints for people in a terminal: in colour where that makes sense, in their language.
package terminal

import (
	"fmt"
	"io"
	"os"

	"github.com/podpath/podpath/web/locales"
)

// Printer prints until the first error, which stays in Err.
type Printer struct {
	W     io.Writer
	Say   *locales.Printer
	Color bool
	Err   error
}

// New prints to w in a language, in colour where w is a terminal that takes it.
func New(w io.Writer, lang string) Printer {
	return Printer{W: w, Say: locales.New(lang), Color: Is(w)}
}

// Is says whether colours make sense: the output is a terminal, and NO_COLOR (no-color.org) is not set.
func Is(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}

// Colours have one meaning each, as on the page: blue the request, magenta the answer, yellow what changed, green a rule
// that matched, red the end.
const (
	Blue    = "34;1"
	Magenta = "35;1"
	Yellow  = "33;1"
	Green   = "32"
	Red     = "31;1"
	Dim     = "2"
	Bold    = "1"
)

// Paint is s in a colour (a SGR parameter of ECMA-48), where there is colour.
func (p *Printer) Paint(colour, s string) string {
	if !p.Color || s == "" {
		return s
	}
	return "\x1b[" + colour + "m" + s + "\x1b[0m"
}

// Printf prints.
func (p *Printer) Printf(format string, args ...any) {
	if p.Err == nil {
		_, p.Err = fmt.Fprintf(p.W, format, args...)
	}
}
