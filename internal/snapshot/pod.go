package snapshot

import (
	"encoding/json"

	"github.com/podpath/podpath/internal/topology"
)

// readPod reads a pod's namespace kept in one file: {"namespace", "name", "addr", "route", "neigh", "rule"}, each as
// `ip -j` prints it.
func readPod(f file) (*space, error) {
	var in struct {
		Namespace string          `json:"namespace"`
		Name      string          `json:"name"`
		Addr      json.RawMessage `json:"addr"`
		Route     json.RawMessage `json:"route"`
		Neigh     json.RawMessage `json:"neigh"`
		Rule      json.RawMessage `json:"rule"`
	}
	if err := json.Unmarshal(f.data, &in); err != nil {
		return nil, jsonError(f, err)
	}
	s := &space{pod: true, hasRules: true, ns: &topology.Namespace{Name: "pod/" + in.Namespace + "/" + in.Name, Sysctl: map[string]string{}}}
	part := func(name string, data json.RawMessage) file { return file{name: f.name + " ." + name, data: data} }
	var err error
	if s.ns.Interfaces, err = readAddrJSON(part("addr", in.Addr)); err != nil {
		return nil, err
	}
	if s.ns.Routes, err = readRouteJSON(part("route", in.Route)); err != nil {
		return nil, err
	}
	if s.ns.Neighbours, err = readNeighJSON(part("neigh", in.Neigh)); err != nil {
		return nil, err
	}
	if s.ns.Rules, err = readRuleJSON(part("rule", in.Rule)); err != nil {
		return nil, err
	}
	return s, nil
}
