package fuzz

import (
	"strings"
)

// services makes up to three Services, each with pods that a selector finds or with EndpointSlices of its own.
func (m *maker) services() {
	for i := range m.IntN(4) {
		m.service(i)
	}
}

// service adds the Service number i.
func (m *maker) service(i int) {
	typ := weigh(m.source, weighted[string]{4, "ClusterIP"}, weighted[string]{5, "NodePort"}, weighted[string]{1, "LoadBalancer"})
	if m.features.site() && typ == "LoadBalancer" {
		typ = "NodePort"
	}
	o := &object{part: *optional("Service s%d", i)}
	line := func(p *part) { o.lines = append(o.lines, p) }
	name := format("s%d", i)
	line(needed("apiVersion: v1"))
	line(needed("kind: Service"))
	line(needed("metadata: {namespace: default, name: %s%s}", name, m.annotations(typ)))
	line(needed("spec:"))
	line(needed("  type: %s", typ))
	line(needed("  clusterIP: 10.100.0.%d", 10+i))
	if m.yes(4) {
		line(optional("  internalTrafficPolicy: Local"))
	}
	external := typ != "ClusterIP"
	if m.yes(4) {
		external = true
		to := format("192.0.2.%d", 10+i)
		if m.yes(3) {
			to = m.cardAddress(m.nodes[m.IntN(len(m.nodes))])
		}
		line(optional("  externalIPs: [%s]", to))
	}
	if external && typ != "ClusterIP" && m.yes(2) {
		line(optional("  externalTrafficPolicy: Local"))
	}
	if m.yes(5) {
		line(optional("  sessionAffinity: ClientIP"))
	}
	slices := m.yes(4)
	if !slices {
		line(needed("  selector: {app: %s}", weigh(m.source, weighted[string]{5, "web"}, weighted[string]{2, "db"}, weighted[string]{1, "nobody"})))
	}
	line(needed("  ports:"))
	proto := weigh(m.source, weighted[string]{5, "TCP"}, weighted[string]{2, "UDP"})
	protocols := []string{proto}
	if m.yes(2) {
		protocols = append(protocols, map[string]string{"TCP": "UDP", "UDP": "TCP"}[proto])
	}
	for k, x := range protocols {
		m.port(o, i, k, typ, x)
	}
	m.objects = append(m.objects, o)
	if slices {
		m.slice(name, protocols)
	}
}

// port adds a port to a Service: p0 is TCP's or UDP's, and p1 of the other protocol.
func (m *maker) port(o *object, i, k int, typ, proto string) {
	target := "8080"
	switch {
	case m.yes(6):
		target = "9090" // where nothing listens
	case m.yes(4):
		target = map[string]string{"TCP": "http", "UDP": "dns"}[proto]
	}
	text := format("    - {name: p%d, port: %d, protocol: %s, targetPort: %s", k, portVIP, proto, target)
	if typ != "ClusterIP" {
		text += format(", nodePort: %d", portNode+i)
	}
	p := optional("%s}", text)
	p.need = k == 0
	o.lines = append(o.lines, p)
}

// annotations are what makes a Network Load Balancer of a Service: the cloud controller's, or the load balancer controller's.
func (m *maker) annotations(typ string) string {
	if typ != "LoadBalancer" {
		return ""
	}
	const prefix = "service.beta.kubernetes.io/aws-load-balancer-"
	a := []string{prefix + "type: nlb", prefix + `internal: "true"`}
	if m.yes(2) {
		a = []string{prefix + "type: external", prefix + "nlb-target-type: " + pick(m.source, "ip", "instance"), prefix + "scheme: " + pick(m.source, "internal", "internet-facing")}
	}
	if m.yes(3) {
		a = append(a, prefix+"target-group-attributes: preserve_client_ip.enabled="+pick(m.source, "true", "false"))
	}
	return ", annotations: {" + strings.Join(a, ", ") + "}"
}

// slice gives a Service an EndpointSlice of its own: pods and processes on nodes, ready or on their way out.
func (m *maker) slice(service string, protocols []string) {
	o := &object{part: *optional("EndpointSlice %s", service)}
	line := func(p *part) { o.lines = append(o.lines, p) }
	line(needed("apiVersion: discovery.k8s.io/v1"))
	line(needed("kind: EndpointSlice"))
	line(needed("metadata: {namespace: default, name: %s-given, labels: {kubernetes.io/service-name: %s}}", service, service))
	line(needed("addressType: IPv4"))
	line(needed("ports:"))
	for k, x := range protocols {
		p := optional("  - {name: p%d, port: %d, protocol: %s}", k, portOpen, x)
		p.need = k == 0
		line(p)
	}
	line(needed("endpoints:"))
	end := func(address, node string) {
		condition := pick(m.source, "", "", "", ", conditions: {ready: false}", ", conditions: {ready: false, serving: true, terminating: true}")
		line(optional("  - {addresses: [%s], nodeName: %s%s}", address, node, condition))
	}
	seen := map[string]bool{}
	for range 1 + m.IntN(3) {
		if n := m.nodes[m.IntN(len(m.nodes))]; m.yes(4) {
			if a := m.cardAddress(n); !seen[a] {
				end(a, n.text)
				seen[a] = true
			}
			continue
		}
		p := m.pods[m.IntN(len(m.pods))]
		if a := field(p.text, "address"); !seen[a] {
			end(a, p.node.text)
			seen[a] = true
		}
	}
	m.objects = append(m.objects, o)
}

func (m *maker) cardAddress(n *node) string { return field(n.cards[0].text, "address") }

// field reads a value of a line of flow-style YAML that this package wrote.
func field(text, key string) string {
	_, rest, _ := strings.Cut(text, key+": ")
	v, _, _ := strings.Cut(rest, ",")
	return v
}

// proxy configures kube-proxy, or leaves it as it comes.
func (m *maker) proxy() {
	if m.yes(3) {
		return
	}
	o := &object{part: *optional("KubeProxyConfiguration")}
	line := func(p *part) { o.lines = append(o.lines, p) }
	line(needed("apiVersion: kubeproxy.config.k8s.io/v1alpha1"))
	line(needed("kind: KubeProxyConfiguration"))
	line(needed("mode: iptables"))
	switch m.IntN(4) {
	case 0, 1:
		if m.features.cni == kindOnPremCalico || m.features.cni == kindVPCCalico {
			line(optional("clusterCIDR: 10.244.0.0/16"))
		}
	case 2:
		line(optional("detectLocalMode: InterfaceNamePrefix"))
		line(needed("detectLocal: {interfaceNamePrefix: %s}", pick(m.source, "eni", "cali", "eth")))
	}
	if m.yes(4) {
		line(optional("nodePortAddresses: [%s]", pick(m.source, "primary", "localhost", "primary, localhost", "10.0.0.0/16", "127.0.0.0/8")))
	}
	if m.yes(4) {
		line(optional("conntrack: {tcpBeLiberal: true}"))
	}
	m.objects = append(m.objects, o)
}

// policies makes NetworkPolicies where the plugin enforces them.
func (m *maker) policies() {
	if m.features.cni == kindAWS {
		return
	}
	for i := range max(0, m.IntN(5)-2) {
		m.policy(i)
	}
}

func (m *maker) policy(i int) {
	o := &object{part: *optional("NetworkPolicy p%d", i)}
	line := func(p *part) { o.lines = append(o.lines, p) }
	line(needed("apiVersion: networking.k8s.io/v1"))
	line(needed("kind: NetworkPolicy"))
	line(needed("metadata: {namespace: %s, name: p%d}", pick(m.source, "default", "default", "other"), i))
	line(needed("spec:"))
	line(needed("  podSelector: %s", m.selector()))
	for _, dir := range pick(m.source, []string{"ingress"}, []string{"ingress"}, []string{"egress"}, []string{"ingress", "egress"}) {
		rules := m.IntN(3)
		if rules == 0 {
			line(needed("  %s: []", dir))
			continue
		}
		line(needed("  %s:", dir))
		for k := range rules {
			p := optional("    - {%s}", m.policyRule(map[string]string{"ingress": "from", "egress": "to"}[dir]))
			p.need = k == 0
			line(p)
		}
	}
	types := "[Ingress, Egress]"
	var given []string
	for _, l := range o.lines {
		switch {
		case strings.HasPrefix(l.text, "  ingress:"):
			given = append(given, "Ingress")
		case strings.HasPrefix(l.text, "  egress:"):
			given = append(given, "Egress")
		}
	}
	if !m.yes(6) {
		types = "[" + strings.Join(given, ", ") + "]"
	}
	line(needed("  policyTypes: %s", types))
	m.objects = append(m.objects, o)
}

func (m *maker) selector() string {
	return pick(m.source, "{}", "{matchLabels: {app: web}}", "{matchLabels: {app: db}}", "{matchExpressions: [{key: app, operator: In, values: [web, client]}]}",
		"{matchExpressions: [{key: app, operator: NotIn, values: [db]}]}")
}

func (m *maker) policyRule(who string) string {
	var out []string
	if !m.yes(5) {
		var peers []string
		for range 1 + m.IntN(2) {
			peers = append(peers, m.peer())
		}
		out = append(out, who+": ["+strings.Join(peers, ", ")+"]")
	}
	if len(out) == 0 || m.yes(2) {
		out = append(out, "ports: ["+pick(m.source, "{protocol: TCP, port: 8080}", "{protocol: UDP, port: 8080}", "{protocol: TCP}", "{protocol: TCP, port: 8000, endPort: 8100}",
			"{protocol: TCP, port: http}", "{protocol: TCP, port: 8080}, {protocol: UDP, port: 8080}")+"]")
	}
	return strings.Join(out, ", ")
}

func (m *maker) peer() string {
	switch m.IntN(4) {
	case 0:
		return "{podSelector: " + m.selector() + "}"
	case 1:
		return "{namespaceSelector: " + pick(m.source, "{}", "{matchLabels: {kubernetes.io/metadata.name: other}}") + pick(m.source, "", ", podSelector: "+m.selector()) + "}"
	case 2:
		return "{ipBlock: {cidr: 10.0.0.0/8, except: [" + pick(m.source, "10.244.0.0/26", "10.0.1.0/24", "10.244.0.64/26, 10.0.0.0/16") + "]}}"
	}
	return "{ipBlock: {cidr: " + pick(m.source, "0.0.0.0/0", "198.51.100.0/24", "10.244.0.0/16", "10.0.0.0/16") + "}}"
}
