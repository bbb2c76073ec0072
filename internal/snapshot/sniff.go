package snapshot

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
)

// kind is what a piece is.
type kind int

const (
	kindUnknown kind = iota
	kindIgnored      // known, and of no use here
	kindAddrJSON
	kindAddrText
	kindRouteJSON
	kindRouteText
	kindRuleJSON
	kindRuleText
	kindNeighJSON
	kindNeighText
	kindFDBJSON
	kindFDBText
	kindIPTables
	kindNFT
	kindSysctl
	kindIPSet
	kindLab
	kindPod
	kindObjects
)

var (
	reAddr   = regexp.MustCompile(`(?m)^\d+: [^ :]+: <`)
	reRule   = regexp.MustCompile(`(?m)^\d+:\s+(not )?from `)
	reNeigh  = regexp.MustCompile(`(?m)^\d+\.\d+\.\d+\.\d+ dev \S+ (lladdr \S+ .*)?(PERMANENT|REACHABLE|STALE|DELAY|PROBE|FAILED|NOARP|INCOMPLETE|proxy)`)
	reFDB    = regexp.MustCompile(`(?m)^([0-9a-f]{2}:){5}[0-9a-f]{2} dev `)
	reRoute  = regexp.MustCompile(`(?m)^((local|broadcast|unicast|blackhole|unreachable|prohibit|throw|multicast|anycast) )?(default|\d+\.\d+\.\d+\.\d+(/\d+)?)( |$).*`)
	reTables = regexp.MustCompile(`(?m)^\*(raw|mangle|nat|filter|security)\s*$|^-(P|N|A) [A-Za-z]`)
	reNFT    = regexp.MustCompile(`(?m)^table (ip|ip6|inet|arp|bridge|netdev) \S+ \{`)
	reSysctl = regexp.MustCompile(`(?m)^net\.[a-z0-9_.@-]+ ?= ?\S`)
	reKind   = regexp.MustCompile(`(?m)^apiVersion: ?\S`)
	reIPSet  = regexp.MustCompile(`(?m)^create \S+ \S+:`)
)

// sniff knows a piece by its content. The file's name only breaks ties between empty pieces, which say nothing.
func sniff(f file) kind {
	data := bytes.TrimSpace(f.data)
	switch {
	case f.base == "commands.txt", f.base == "flow.json", f.base == "input.json", f.base == "README.md":
		return kindIgnored
	case len(data) == 0:
		return kindIgnored
	case data[0] == '[' || data[0] == '{':
		return sniffJSON(data)
	case reKind.Match(data):
		return kindObjects
	case reTables.Match(data):
		return kindIPTables
	case reNFT.Match(data):
		return kindNFT
	case reSysctl.Match(data):
		return kindSysctl
	case reIPSet.Match(data):
		return kindIPSet
	case reAddr.Match(data):
		return kindAddrText
	case reRule.Match(data):
		return kindRuleText
	case reFDB.Match(data):
		return kindFDBText
	case reNeigh.Match(data):
		return kindNeighText
	case reRoute.Match(data):
		return kindRouteText
	}
	return kindUnknown
}

// sniffJSON looks at the keys of the first object.
func sniffJSON(data []byte) kind {
	var first map[string]json.RawMessage
	if data[0] == '{' {
		if json.Unmarshal(data, &first) != nil {
			return kindPod // cut off, or no JSON: the reader says where it breaks
		}
		has := func(k string) bool { _, ok := first[k]; return ok }
		switch {
		case has("traced") && has("namespaces"):
			return kindLab
		case has("apiVersion") && has("kind"):
			return kindObjects
		case has("addr") && has("route") && has("name"):
			return kindPod
		}
		return kindIgnored
	}
	var all []json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		// Which dump it is cannot be told; the reader of addresses reports where it breaks.
		return kindAddrJSON
	}
	for _, raw := range all {
		first = nil
		if json.Unmarshal(raw, &first) == nil && len(first) > 0 {
			break
		}
	}
	has := func(k string) bool { _, ok := first[k]; return ok }
	switch {
	case has("ifindex") && has("ifname"):
		return kindAddrJSON
	case has("priority"):
		return kindRuleJSON
	case has("mac") && has("ifname"):
		return kindFDBJSON
	case has("dst") && has("state"), has("dst") && has("lladdr"):
		return kindNeighJSON
	case has("dst") && (has("dev") || has("type") || has("nexthops")):
		return kindRouteJSON
	}
	return kindIgnored
}

// jsonError adds the line at which the decoder stopped.
func jsonError(f file, err error) error {
	line := 0
	var syn *json.SyntaxError
	var typ *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syn):
		line = 1 + bytes.Count(f.data[:min(int(syn.Offset), len(f.data))], []byte("\n"))
	case errors.As(err, &typ):
		line = 1 + bytes.Count(f.data[:min(int(typ.Offset), len(f.data))], []byte("\n"))
	}
	return errorf(f.name, line, "%v (want the output of ip -j)", err)
}
