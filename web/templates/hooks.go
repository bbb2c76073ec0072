package templates

import "strconv"

// hookBox is a box of the netfilter map.
type hookBox struct {
	ID      string
	X, Y, W int
	Name    string
}

// hookBoxes is the way of a packet through the hooks, as every picture of netfilter draws it.
var hookBoxes = []hookBox{
	{"rx", 4, 14, 30, "RX"}, {"pre", 46, 14, 88, "PREROUTING"}, {"rt", 146, 14, 62, "routing"}, {"fwd", 220, 14, 68, "FORWARD"},
	{"post", 300, 14, 96, "POSTROUTING"}, {"tx", 408, 14, 30, "TX"}, {"in", 146, 62, 62, "INPUT"}, {"sock", 220, 62, 68, "socket"},
	{"out", 300, 62, 96, "OUTPUT"},
}

func hookLabel(p *TracePage, s *StationView) string {
	for _, b := range hookBoxes {
		if b.ID == s.Hook {
			return "netfilter: " + b.Name
		}
	}
	return "netfilter: " + p.L.T("ui.outside-kernel")
}

// totalBytes is the length that the byte strip stands for.
func (v *PacketView) totalBytes() float64 {
	t := 0
	for _, b := range v.Bytes {
		t += b.Bytes
	}
	return float64(max(t, 1))
}

func (v *PacketView) bytePct(i int) string {
	at := 0
	for _, b := range v.Bytes[:i] {
		at += b.Bytes
	}
	return strconv.FormatFloat(float64(at)/v.totalBytes()*100, 'f', 2, 64) + "%"
}

func (v *PacketView) byteWidth(i int) string {
	return strconv.FormatFloat(float64(v.Bytes[i].Bytes)/v.totalBytes()*100, 'f', 2, 64) + "%"
}
