package main

import (
	"regexp"
	"strings"
	"testing"
)

// markRow is what the marks' timeline says of a station: the state of each bit, and the rules that changed one.
func markRow(t *testing.T, body, station string) (states []string, rules string) {
	t.Helper()
	_, row, ok := strings.Cut(body, `step=`+station+`&lang=en" data-i=`)
	for ok && !strings.Contains(before(row, "</tr>"), `class="bit`) { // the same link stands in other places
		_, row, ok = strings.Cut(row, `step=`+station+`&lang=en" data-i=`)
	}
	if !ok {
		t.Fatalf("the timeline has no row for %s", station)
	}
	row = before(row, "</tr>")
	for _, m := range regexp.MustCompile(`class="bit ([a-z]+)"`).FindAllStringSubmatch(row, -1) {
		states = append(states, m[1])
	}
	return states, row
}

func before(s, end string) string {
	s, _, _ = strings.Cut(s, end)
	return s
}

// TestMarksTimeline: a node port's packet. The VPC CNI marks the connection (0x80), kube-proxy the packet (0x4000) until it
// has been masqueraded, and on the way back the connection's mark is copied to the packet (facts/aws-vpc-cni.md,
// facts/kube-proxy-iptables.md).
func TestMarksTimeline(t *testing.T) {
	h := pages(t)
	_, body := get(t, h, "/trace?preset=eks-study&from=internet&to=node/node-a&proto=tcp&dport=30080&lang=en")
	head := regexp.MustCompile(`<th scope="col"><span>(\w+)</span> <code>(0x[0-9a-f]+)</code></th>`).FindAllStringSubmatch(body, -1)
	var bits []string
	for _, m := range head {
		bits = append(bits, m[1]+" "+m[2])
	}
	if got := strings.Join(bits, ", "); got != "nfmark 0x80, nfmark 0x4000, ctmark 0x80" {
		t.Fatalf("bits: %s", got)
	}
	for _, tt := range []struct{ station, states, rule string }{
		{"request/node-a/1/receive", "off off off", ""},
		{"request/node-a/1/nat-PREROUTING", "off set set", "--set-xmark 0x4000/0x4000"},
		{"request/node-a/1/route", "off on on", ""},
		{"request/node-a/1/nat-POSTROUTING", "off cleared on", "KUBE-POSTROUTING"},
		{"reply/node-a/1/mangle-PREROUTING", "set off set", "--restore-mark"},
		{"reply/node-a/1/route", "on off on", ""},
	} {
		states, row := markRow(t, body, tt.station)
		if got := strings.Join(states, " "); got != tt.states {
			t.Errorf("%s: %s, want %s", tt.station, got, tt.states)
		}
		if !strings.Contains(row, tt.rule) {
			t.Errorf("%s: no rule %s in %s", tt.station, tt.rule, row)
		}
	}
	if _, body := get(t, h, "/trace?preset=eks-study&from=pod/default/netshoot-1&to=pod/default/web-1&proto=tcp&dport=8080"); strings.Contains(body, `class="mkt"`) {
		t.Error("a trace without marks has a timeline of them")
	}
}
