package server

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/podpath/podpath/internal/maxpods"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/web/templates"
)

// node shows one node's state. With a whole query in its address it says of each line what that query's packet made of it.
func (s *Server) node(w http.ResponseWriter, r *http.Request) error {
	values := r.URL.Query()
	req := parse(values)
	preset := s.preset(req)
	name := values.Get("node")
	in := templates.NodeInput{}
	topo, err := s.topology(r, req, &in)
	if err != nil {
		return err
	}
	places, err := s.engine.Places(r.Context(), preset.ID, req.Settings())
	if err != nil {
		return err
	}
	var nodes []string
	for _, p := range places {
		if p.Kind == NodePlace {
			nodes = append(nodes, p.Label)
		}
	}
	if len(nodes) == 0 {
		return errNotFound
	}
	shell := s.shell(w, r, req, "/node", "node", name, "tab", values.Get("tab"), "select", values.Get("select"))
	// A pod's namespace, or a router's on premises, can be looked at as well; the list only has nodes.
	other := !slices.Contains(nodes, name) && slices.Contains(topo.Names(), name)
	if !slices.Contains(nodes, name) && !other {
		if name != "" {
			req.bad("node", "unknown-node", "value", name, "want", nodes[0])
		}
		name = nodes[0]
	}
	if in.Namespace, err = topo.Namespace(name); err != nil {
		return err
	}
	for _, n := range nodes {
		in.Nodes = append(in.Nodes, templates.Choice{Value: n, Label: n, Selected: n == name})
	}
	shell.Description = shell.L.T("about.node", "name", name)
	if other {
		in.Nodes = append(in.Nodes, templates.Choice{Value: name, Label: name, Selected: true})
	}
	in.Shell, in.Topology = shell, topo
	in.Hidden = req.hidden()
	in.Tab, in.Select = values.Get("tab"), values.Get("select")
	in.TabHref = func(tab string) string { return req.href("/node", "node", name, "tab", tab, "select", in.Select) }
	in.SelectHref = func(tab, thing string) string { return req.href("/node", "node", name, "tab", tab, "select", thing) }
	if c := podsOf(topo, in.Namespace, req); c != nil {
		in.Pods = c.embedded(shell.L, req)
	}
	if in.Document != nil {
		in.StepHref = func(id string) string { return req.href("/trace", "step", id) }
		in.Flow = shell.L.T("ui.title-flow", "from", placeLabel(shell.L, req.From, places), "to", placeLabel(shell.L, req.To, places))
		in.FlowHref = req.href("/trace")
	}
	status := http.StatusOK
	for _, e := range req.errors {
		in.Messages = append(in.Messages, shell.L.Args("field."+e.Code, e.Args))
		status = http.StatusUnprocessableEntity
	}
	w.Header().Add("Vary", "Accept-Language, Cookie")
	return render(w, r, status, templates.Node(templates.NewNodePage(in)))
}

// topology is the query's network, and its trace where it asks for one.
func (s *Server) topology(r *http.Request, req *request, in *templates.NodeInput) (*topology.Topology, error) {
	if req.From != "" && req.To != "" && len(req.errors) == 0 {
		topo, doc, err := s.ask(r.Context(), req)
		if err != nil {
			return nil, err
		}
		if topo != nil {
			in.Document = doc
			return topo, nil
		}
	}
	topo, err := s.engine.Topology(r.Context(), req.Preset, req.Settings())
	var field *FieldError
	if errors.As(err, &field) {
		req.errors = append(req.errors, field)
		topo, err = s.engine.Topology(r.Context(), req.Preset, nil)
	}
	return topo, err
}

// hidden are the query's parameters as the fields of a form that adds one.
func (r *request) hidden() []templates.Choice {
	var out []templates.Choice
	for _, p := range append(r.params(), [2]string{"lang", r.lang}, [2]string{"theme", r.theme}) {
		if p[1] != "" {
			out = append(out, templates.Choice{Label: p[0], Value: p[1]})
		}
	}
	return out
}

// podsOf is the question how many pods fit on a node, with the cluster's options. It is one where pods have addresses of the
// node's own cards, so that these run out; elsewhere it is nil.
func podsOf(topo *topology.Topology, ns *topology.Namespace, req *request) *podCount {
	if _, err := maxpods.Find(ns.Place.Machine); err != nil {
		return nil
	}
	own := false
	for _, i := range ns.Interfaces {
		if i.Kind != topology.Veth || i.Peer.Namespace == "" {
			continue
		}
		pod, err := topo.Namespace(i.Peer.Namespace)
		if err != nil {
			continue
		}
		own = own || slices.ContainsFunc(ns.Interfaces, func(c *topology.Interface) bool { return c.ENI != nil && c.ENI.Owns(pod.PrimaryAddress()) })
	}
	if !own {
		return nil
	}
	v := url.Values{"type": {ns.Place.Machine}}
	if req.Options["prefixdelegation"] == "true" {
		v.Set("mode", "prefix")
	}
	if req.Options["customnetworking"] == "true" {
		v.Set("custom", "true")
	}
	return parsePodCount(v)
}
