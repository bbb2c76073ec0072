package record

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/lab"
	"github.com/podpath/podpath/internal/trace"
)

// numbered is what a packet is called: its place in the order of first appearance, and a word.
type numbered struct {
	n     int
	label string
	// again says that it carries a later fragment of a packet in a tunnel: a trace has the packet once.
	again bool
}

// label is what recordings call a packet.
func label(ip *trace.IPRow, l4 *trace.L4Row) string {
	switch ip.Proto {
	case "tcp":
		names := map[string]string{"S": "SYN", "SA": "SYN-ACK", "A": "ACK", "PA": "DATA", "FA": "FIN", "F": "FIN", "R": "RST", "RA": "RST"}
		if n, ok := names[l4.Flags]; ok {
			return n
		}
		return l4.Flags
	case "icmp":
		if l4.Type == nil {
			return "ICMP"
		}
		switch [2]int{*l4.Type, *l4.Code} {
		case [2]int{3, 4}:
			return "ICMP fragmentation needed"
		case [2]int{11, 0}:
			return "ICMP time exceeded"
		case [2]int{3, 1}:
			return "ICMP host unreachable"
		case [2]int{3, 3}:
			return "ICMP port unreachable"
		}
		return fmt.Sprintf("ICMP %d/%d", *l4.Type, *l4.Code)
	}
	return "UDP"
}

// sight is a row with what it is sorted and joined by.
type sight struct {
	row
	time   int64
	packet string // the first fragment's key: what all of one packet share
}

// buildPath groups frames by packet, in order of first appearance, and by time within a packet, and says what each packet is
// called by its key. Fragments of one packet on one interface are one row of the whole: a trace shows them so.
func buildPath(frames []frame, vxlan map[uint16]bool) ([]row, map[string]numbered) {
	sort.SliceStable(frames, func(a, b int) bool { return frames[a].time < frames[b].time })
	var sights []*sight
	numbers := map[string]numbered{}
	heads := map[string]string{} // a fragment's protocol and identification → its first fragment's key
	open := map[string]*sight{}  // the row that later fragments on the same interface belong to
	for i := range frames {
		f := &frames[i]
		r, in, around, ok := frameRow(f, vxlan)
		if !ok {
			continue
		}
		part := &around // the packet that was cut up: the outermost, or one in a tunnel that was cut up before it came there
		if in.fragment() && !around.fragment() {
			part = &in
		}
		short := fragmentKey(part)
		place := fmt.Sprint(short, " ", f.ns, " ", f.dev, " ", f.out)
		if part.offset > 0 {
			if s := open[place]; s != nil {
				s.grow(len(part.body), part == &in)
			}
			if head, ok := heads[short]; ok {
				x := numbers[head]
				x.again = part != &around
				numbers[around.key], numbers[part.key] = x, x
			}
			continue
		}
		if part.more {
			heads[short] = in.key
		}
		if _, ok := numbers[in.key]; !ok {
			numbers[in.key] = numbered{n: len(numbers) + 1, label: label(&in.ip, &in.l4)}
		}
		if around.key != in.key {
			if _, ok := numbers[around.key]; !ok {
				numbers[around.key] = numbers[in.key]
			}
		}
		s := &sight{row: r, time: f.time, packet: in.key}
		s.Label = numbers[in.key].label
		if part.more {
			open[place] = s
		}
		sights = append(sights, s)
	}
	renumber(sights, numbers)
	sort.SliceStable(sights, func(a, b int) bool { return sights[a].Packet < sights[b].Packet })
	out := make([]row, len(sights))
	for i, s := range sights {
		out[i] = s.row
	}
	return out, numbers
}

// grow adds a fragment's bytes to the row of the whole; inner says that the packet in a tunnel was cut up, and not the one around it.
func (s *sight) grow(n int, inner bool) {
	if s.Outer == nil || inner {
		s.IP.Len += n
	}
	if s.Outer != nil {
		s.Outer.Len += n
	}
}

// fragmentKey is what the fragments of a packet have in common.
func fragmentKey(p *parsed) string { return fmt.Sprint(p.ip.Proto, " ", p.key[:keyPrefix(p.key)]) }

// keyPrefix is the length of a key's first two words: protocol and identification.
func keyPrefix(key string) int {
	spaces := 0
	for i := range key {
		if key[i] == ' ' {
			if spaces++; spaces == 2 {
				return i
			}
		}
	}
	return len(key)
}

// renumber closes the gaps that keys of outer packets left.
func renumber(sights []*sight, numbers map[string]numbered) {
	var used []int
	for _, s := range sights {
		used = append(used, numbers[s.packet].n)
	}
	slices.Sort(used)
	used = slices.Compact(used)
	for k, v := range numbers {
		if at, ok := slices.BinarySearch(used, v.n); ok {
			v.n = at + 1
			numbers[k] = v
		}
	}
	for _, s := range sights {
		s.Packet = numbers[s.packet].n
	}
}

func packets(path []row) int {
	n := 0
	for _, r := range path {
		n = max(n, r.Packet)
	}
	return n
}

// drawn are the ports that the kernel chose: all that it showed and that are in no flow's description.
func drawn(path []row, rules []trace.RuleRow, conns []string, f *lab.Flow) []int {
	out := []int{}
	take := func(p int) {
		if !f.Names(p) && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	for _, r := range path {
		for _, p := range []*int{r.L4.SrcPort, r.L4.DstPort} {
			if p != nil {
				take(*p)
			}
		}
	}
	for _, r := range rules {
		if r.At != nil && r.At.SPort != nil && r.At.DPort != nil {
			take(*r.At.SPort)
			take(*r.At.DPort)
		}
	}
	for _, l := range conns {
		for _, w := range strings.Fields(l) {
			if k, v, ok := strings.Cut(w, "="); ok && (k == "sport" || k == "dport") {
				if p, err := strconv.Atoi(v); err == nil {
					take(p)
				}
			}
		}
	}
	slices.Sort(out)
	return out
}
