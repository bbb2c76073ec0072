package iptables

import (
	"strings"
	"sync"
	"sync/atomic"
)

// chunkSize is how much text is read ahead at once: some 600 rules. A block of less than minChunks is read line by line.
// What the parser does itself takes half as long as reading the rules, so that more than maxReaders goroutines, its own
// among them, have nothing to do.
const (
	chunkSize  = 64 << 10
	minChunks  = 4
	maxReaders = 4
)

// ahead has rules of a block that were read before their turn, on all cores. To make a rule of `-A CHAIN spec` takes most of
// the time of reading a dump, and what comes out depends on no other line, but for what [ruleReader.asked] says. All else
// stays with the parser, which goes through the lines in their order and takes what is ready: errors, counts, chains, and
// the rules' places in them. Where nothing is ready it reads the line itself.
type ahead struct {
	chunks  []chunk
	next    atomic.Int64 // no chunk before it is left to be read ahead
	room    atomic.Int64 // how many more rules may be read ahead
	workers sync.WaitGroup
	own     ruleReader // of the parser's goroutine, for when it has to wait

	at    int     // the first chunk that the parser has not come to
	left  int     // how much of the block will be left when it does
	ready []*Rule // of the lines from where it is to the end of its chunk, nil where it reads them itself
}

// chunk is a part of a block, cut at line ends.
type chunk struct {
	text  string
	taken atomic.Bool   // by the goroutine that reads it
	done  chan struct{} // closed when rules is there; not where the parser took the chunk to read it line by line
	rules []*Rule       // one for each line; nil where the line is no such rule, or is to be read in its turn
}

// newAhead begins to read the rules of whole lines ahead, at most about room of them. The caller has to call stop.
func newAhead(text string, size, workers, room int) *ahead {
	a := &ahead{chunks: make([]chunk, 0, len(text)/size+1), left: len(text)}
	a.room.Store(int64(room))
	for text != "" {
		end := min(size, len(text))
		if i := strings.IndexByte(text[end-1:], '\n'); i >= 0 {
			end += i
		} else {
			end = len(text)
		}
		a.chunks = append(a.chunks, chunk{text: text[:end], done: make(chan struct{})})
		text = text[end:]
	}
	for range workers {
		a.workers.Go(func() {
			var p ruleReader
			for a.help(&p) {
			}
		})
	}
	return a
}

// help reads the next chunk that nobody has taken; false where there is none.
func (a *ahead) help(p *ruleReader) bool {
	for {
		i := int(a.next.Add(1)) - 1
		if i >= len(a.chunks) {
			return false
		}
		if c := &a.chunks[i]; c.taken.CompareAndSwap(false, true) {
			if made := c.read(p); a.room.Add(-int64(made)) < 0 {
				a.cancel()
			}
			return true
		}
	}
}

// cancel lets nobody begin another chunk.
func (a *ahead) cancel() { a.next.Store(int64(len(a.chunks))) }

// stop ends the reading ahead. No goroutine of it is left then.
func (a *ahead) stop() {
	a.cancel()
	a.workers.Wait()
}

// take is the rule of the line that the parser has come to, nil where it has to read it; left is how much of the block
// there is from that line on. It has to be called for each line.
func (a *ahead) take(left int) *Rule {
	if left == a.left && a.at < len(a.chunks) {
		a.ready = a.arrive(&a.chunks[a.at])
		a.at++
	}
	if len(a.ready) == 0 {
		return nil
	}
	r := a.ready[0]
	a.ready = a.ready[1:]
	return r
}

// arrive is what is ready of the next chunk. Until another goroutine has finished it, this one reads chunks behind it.
func (a *ahead) arrive(c *chunk) []*Rule {
	a.left -= len(c.text)
	if c.taken.CompareAndSwap(false, true) {
		return nil
	}
	for {
		select {
		case <-c.done:
			rules := c.rules
			c.rules = nil
			return rules
		default:
		}
		if !a.help(&a.own) {
			<-c.done
		}
	}
}

// read reads the rules of a chunk, and says how many it made; c.rules is the parser's from then on. A panic is left to the
// parser, which has the caller's goroutine, and will meet the same line.
func (c *chunk) read(p *ruleReader) (made int) {
	defer func() {
		_ = recover() // c.rules is not set then
		close(c.done)
	}()
	rules := make([]*Rule, 0, strings.Count(c.text, "\n"))
	for text := c.text; text != ""; {
		line, rest, _ := strings.Cut(text, "\n")
		_, line = trimLine(line)
		r := p.ahead(line)
		if rules = append(rules, r); r != nil {
			made++
		}
		text = rest
	}
	c.rules = rules
	return made
}

// ahead reads a line if it is an -A with one rule, which would be the same wherever it stood.
func (p *ruleReader) ahead(text string) *Rule {
	if text != "" && text[0] == '[' {
		_, text, _ = strings.Cut(text, "]")
		text = strings.TrimLeft(text, " \t")
	}
	if len(text) > MaxLine {
		return nil
	}
	if name := appendsTo(text); !chainName(name) {
		return nil
	}
	var closed bool
	p.line = text
	if p.a.toks, closed = split(p.a.toks[:0], text); !closed {
		return nil
	}
	p.a.i, p.asked = 2, false
	r, lists := p.readOne()
	if lists || p.asked {
		return nil
	}
	return r
}

// appendsTo is the chain's name in `-A CHAIN spec`, "" where the line does not begin so.
func appendsTo(text string) string {
	name, ok := strings.CutPrefix(text, "-A ")
	if !ok {
		return ""
	}
	if i := strings.IndexByte(name, ' '); i >= 0 {
		return name[:i]
	}
	return name
}
