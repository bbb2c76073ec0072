package redact

import (
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The shapes of a description and of the objects behind it: every field that decides something. Names of fields are those of
// internal/cluster and of the Kubernetes API.
var (
	protocol = oneOf("tcp udp icmp sctp all TCP UDP ICMP SCTP 1 6 17 132")

	groupRules = list{object{"protocol": protocol, "ports": anyPorts, "cidr": anyAddr, "group": anyID}}
	subnets    = list{object{"name": named(Subnet), "zone": named(Zone), "cidr": anyAddr, "routeTable": named(Word)}}
	card       = object{"id": anyID, "interface": anyIface, "subnet": named(Subnet), "address": anyAddr, "mac": anyMAC, "public": anyAddr, "device": anyNumber,
		"card": anyNumber, "trunk": anyBool, "prefixes": list{anyAddr}, "secondary": list{anyAddr}, "securityGroups": list{anyID}, "noSourceDestinationCheck": anyBool}
	podPorts = list{object{"name": named(Port), "port": anyNumber, "protocol": protocol}}

	clusterShape = object{
		"name": named(Cluster),
		"vpc": object{
			"id": anyID, "region": named(Region), "cidrs": list{anyAddr}, "subnets": subnets, "internetGateway": anyID,
			"routeTables":    list{object{"name": named(Word), "routes": list{object{"to": anyAddr, "via": anyID}}}},
			"natGateways":    list{object{"id": anyID, "subnet": named(Subnet), "private": anyAddr, "public": anyAddr}},
			"securityGroups": list{object{"id": anyID, "ingress": groupRules, "egress": groupRules}},
			"loadBalancers": list{object{"service": service, "securityGroups": list{anyID},
				"nodes": list{object{"subnet": named(Subnet), "address": anyAddr, "public": anyAddr}}}},
		},
		"onPremises": object{"name": named(Word), "mtu": anyNumber, "subnets": subnets,
			"router": object{"name": named(Word), "public": anyAddr, "bgp": anyBool, "routes": list{object{"to": anyAddr, "via": anyAddr}}}},
		"nodes": list{object{"name": named(Node), "machine": machine, "image": oneOf("al2023 al2"), "enis": list{card}, "nics": list{card},
			"sysctls": dict{sysctlKey, func(_ *book, _, v string) (string, bool) { return sysctlValue(v) }}, "hostPods": list{hostPod}, "mtu": anyNumber}},
		"pods": list{object{"namespace": named(Namespace), "name": named(Pod), "node": named(Node), "address": anyAddr, "eni": anyNumber,
			"branch": object{"id": anyID, "vlan": anyNumber, "mac": anyMAC, "subnet": named(Subnet), "securityGroups": list{anyID}},
			"labels": labels, "ports": podPorts, "notReady": anyBool, "serviceAccount": named(Word)}},
		"hosts": list{object{"name": named(Host), "address": anyAddr}},
		"cni": object{"name": oneOf("aws-vpc-cni calico"), "backend": oneOf("nft legacy"), "connmark": oneOf("nft iptables"), "natFirst": oneOf("plugin kube-proxy"),
			"env": env, "previously": list{object{"vpcCIDRs": list{anyAddr}, "env": env}},
			"encapsulation": oneOf("VXLAN VXLANCrossSubnet IPIP IPIPCrossSubnet None")},
	}

	service = scalar(func(b *book, s string) (string, bool) { return b.namespaced(Service, s), true })
	hostPod = scalar(func(b *book, s string) (string, bool) { return b.name(Pod, s), true })
	machine = scalar(func(b *book, s string) (string, bool) {
		if reMachine.MatchString(s) {
			return s, true
		}
		return b.name(Word, s), true
	})
	// reMachine is an EC2 instance type.
	reMachine = regexp.MustCompile(`^[a-z]{1,3}[0-9][a-z0-9-]{0,8}\.(nano|micro|small|medium|large|[0-9]{0,2}xlarge|metal(-[0-9]{1,2}xl)?)$`)
)

// env are the variables of the AWS VPC CNI that change what it programs (internal/cni/awsvpc); another may hold anything.
var env = dict{
	func(_ *book, k string) (string, bool) { return k, envShapes[k] != nil },
	func(b *book, k, v string) (string, bool) { return envShapes[k](b, v) },
}

var envBool = scalar(func(_ *book, s string) (string, bool) { // as strconv.ParseBool takes it
	switch s {
	case "1", "t", "T", "true", "TRUE", "True", "0", "f", "F", "false", "FALSE", "False", "":
		return s, true
	}
	return "", false
})

var envShapes = map[string]scalar{
	"AWS_VPC_K8S_CNI_EXTERNALSNAT": envBool, "AWS_VPC_K8S_CNI_RANDOMIZESNAT": oneOf("prng hashrandom none"), "AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS": anyPrefixes,
	"AWS_VPC_CNI_NODE_PORT_SUPPORT": envBool, "AWS_EXTERNAL_SERVICE_CIDRS": anyPrefixes, "ENABLE_POD_ENI": envBool,
	"POD_SECURITY_GROUP_ENFORCING_MODE": oneOf("strict standard"), "AWS_VPC_K8S_CNI_CONNMARK": anyNumber, "AWS_VPC_K8S_CNI_VETHPREFIX": anyBegin,
	"AWS_VPC_ENI_MTU": anyNumber, "POD_MTU": anyNumber, "DISABLE_TCP_EARLY_DEMUX": envBool, "ENABLE_PREFIX_DELEGATION": envBool,
	"AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": envBool,
}

// The shapes of Kubernetes' and Calico's objects.
var (
	conditions  = object{"ready": anyBool, "serving": anyBool, "terminating": anyBool}
	policyPorts = list{object{"protocol": protocol, "port": anyPort, "endPort": anyNumber}}
	selector    = object{"matchLabels": labels, "matchExpressions": list{object{"key": labelName, "operator": oneOf("In NotIn Exists DoesNotExist"), "values": list{labelText}}}}
	peers       = list{object{"ipBlock": object{"cidr": anyAddr, "except": list{anyAddr}}, "podSelector": selector, "namespaceSelector": selector}}
	local       = oneOf("Cluster Local")
	mode        = oneOf("Always CrossSubnet Never")
	onOff       = oneOf("Enabled Disabled")
	accepting   = oneOf("Accept Return Drop")

	// objects are the shapes by kind; behind each stands what its name is.
	objects = map[string]struct {
		versions string
		name     Kind
		shape    object
	}{
		"Node": {"v1", Node, object{"spec": object{"podCIDR": anyAddr, "podCIDRs": list{anyAddr}},
			"status": object{"addresses": list{object{"type": oneOf("InternalIP ExternalIP Hostname InternalDNS ExternalDNS"), "address": named(Node)}}}}},
		"Service": {"v1", Service, object{
			"spec": object{"type": oneOf("ClusterIP NodePort LoadBalancer ExternalName"), "clusterIP": anyAddr, "clusterIPs": list{anyAddr}, "ipFamilies": list{oneOf("IPv4 IPv6")},
				"ipFamilyPolicy": oneOf("SingleStack PreferDualStack RequireDualStack"), "externalIPs": list{anyAddr}, "externalName": named(Host), "selector": labels,
				"ports":                 list{object{"name": named(Port), "port": anyNumber, "protocol": protocol, "targetPort": anyPort, "nodePort": anyNumber}},
				"externalTrafficPolicy": local, "internalTrafficPolicy": local, "sessionAffinity": oneOf("None ClientIP"),
				"sessionAffinityConfig": object{"clientIP": object{"timeoutSeconds": anyNumber}}, "loadBalancerClass": balancerClass,
				"loadBalancerIP": anyAddr, "loadBalancerSourceRanges": list{anyPrefixes}, "healthCheckNodePort": anyNumber, "publishNotReadyAddresses": anyBool,
				"allocateLoadBalancerNodePorts": anyBool, "trafficDistribution": oneOf("PreferClose PreferSameZone PreferSameNode")},
			"status": object{"loadBalancer": object{"ingress": list{object{"ip": anyAddr, "ipMode": oneOf("VIP Proxy"), "hostname": named(Host)}}}}}},
		"EndpointSlice": {"discovery.k8s.io/v1", Word, object{"addressType": oneOf("IPv4 IPv6 FQDN"),
			"ports": list{object{"name": named(Port), "port": anyNumber, "protocol": protocol}},
			"endpoints": list{object{"addresses": list{named(Host)}, "conditions": conditions, "nodeName": named(Node), "zone": named(Zone), "hostname": named(Pod),
				"hints":     object{"forZones": list{object{"name": named(Zone)}}, "forNodes": list{object{"name": named(Node)}}},
				"targetRef": object{"kind": oneOf("Pod Node"), "namespace": named(Namespace), "name": named(Pod)}}}}},
		"KubeProxyConfiguration": {"kubeproxy.config.k8s.io/v1alpha1", Word, object{"mode": oneOf("iptables nftables ipvs"), "hostnameOverride": named(Node), "bindAddress": anyAddr,
			"clusterCIDR": anyPrefixes, "detectLocalMode": oneOf("ClusterCIDR NodeCIDR BridgeInterface InterfaceNamePrefix"),
			"detectLocal":       object{"bridgeInterface": anyIface, "interfaceNamePrefix": anyBegin},
			"iptables":          object{"masqueradeBit": anyNumber, "masqueradeAll": anyBool, "localhostNodePorts": anyBool},
			"nftables":          object{"masqueradeBit": anyNumber, "masqueradeAll": anyBool},
			"nodePortAddresses": list{nodePortAddress}, "conntrack": object{"tcpBeLiberal": anyBool},
			"featureGates": object{"AllowServiceExternalIPs": anyBool}}},
		"Namespace":      {"v1", Namespace, object{}},
		"ServiceAccount": {"v1", Word, object{}},
		"NetworkPolicy": {"networking.k8s.io/v1", Policy, object{"spec": object{"podSelector": selector, "policyTypes": list{oneOf("Ingress Egress")},
			"ingress": list{object{"from": peers, "ports": policyPorts}}, "egress": list{object{"to": peers, "ports": policyPorts}}}}},
		"IPPool": {calico, Word, object{"spec": object{"cidr": anyAddr, "vxlanMode": mode, "ipipMode": mode, "natOutgoing": anyBool, "disabled": anyBool, "disableBGPExport": anyBool,
			"blockSize": anyNumber, "nodeSelector": oneOf("all()"), "namespaceSelector": oneOf("all()"), "allowedUses": list{oneOf("Workload Tunnel LoadBalancer")},
			"assignmentMode": oneOf("Automatic Manual")}}},
		"IPAMBlock": {calico, Word, object{"spec": object{"cidr": anyAddr, "affinity": affinity, "deleted": anyBool}}},
		"FelixConfiguration": {calico, Word, object{"spec": object{"defaultEndpointToHostAction": accepting, "iptablesFilterAllowAction": accepting, "iptablesMangleAllowAction": accepting,
			"vxlanEnabled": anyBool, "ipipEnabled": anyBool, "vxlanMTU": anyNumber, "ipipMTU": anyNumber, "vxlanPort": anyNumber, "vxlanVNI": anyNumber,
			"allowVXLANPacketsFromWorkloads": anyBool, "allowIPIPPacketsFromWorkloads": anyBool, "disableConntrackInvalidCheck": anyBool, "natOutgoingAddress": anyAddr,
			"natOutgoingExclusions": oneOf("IPPoolsOnly IPPoolsAndHostIPs"), "iptablesNATOutgoingInterfaceFilter": anyIface, "externalNodesList": list{anyAddr},
			"programClusterRoutes": onOff, "ipv4NormalRoutePriority": anyNumber, "ipForwarding": onOff, "awsSrcDstCheck": oneOf("DoNothing Enable Disable"),
			"flowLogsGoldmaneServer": named(Host), "flowLogsLocalReporter": onOff}}},
		"BGPConfiguration": {calico, Word, object{"spec": object{"nodeToNodeMeshEnabled": anyBool, "programClusterRoutes": onOff, "ipv4NormalRoutePriority": anyNumber}}},
	}

	nodePortAddress = scalar(func(b *book, s string) (string, bool) {
		if s == "primary" || s == "localhost" || s == "all" {
			return s, true
		}
		return b.literal(s)
	})
	affinity = scalar(func(b *book, s string) (string, bool) {
		node, ok := strings.CutPrefix(s, "host:")
		if !ok {
			return "", false
		}
		return "host:" + b.name(Node, node), true
	})
	balancerClass = scalar(func(b *book, s string) (string, bool) {
		if s == "service.k8s.aws/nlb" {
			return s, true
		}
		return b.name(Word, s), true
	})
)

const calico = "projectcalico.org/v3 crd.projectcalico.org/v1"

// objectShape is the shape of one object, or of a List of objects; nil for one that is of no use. typed is what the items of a
// typed list are.
func objectShape(typed string) choice {
	return func(n *yaml.Node) shape {
		kind, version := field(n, "kind"), field(n, "apiVersion")
		if kind == "" && version == "" {
			kind = typed
		}
		if kind == "List" && version == "v1" {
			return object{"apiVersion": oneOf("v1"), "kind": oneOf("List"), "items": list{objectShape("")}}
		}
		if item, ok := strings.CutSuffix(kind, "List"); ok && objects[item].shape != nil {
			return object{"apiVersion": oneOf(objects[item].versions), "kind": oneOf(kind), "items": list{objectShape(item)}}
		}
		o, ok := objects[kind]
		if !ok || version != "" && !set(o.versions)[version] {
			return nil
		}
		out := object{"apiVersion": oneOf(o.versions), "kind": oneOf(kind),
			"metadata": object{"name": named(o.name), "namespace": named(Namespace), "labels": labels, "annotations": annotations}}
		for k, s := range o.shape {
			out[k] = s
		}
		return out
	}
}

// field is a mapping's value as text; "" where it has none.
func field(n *yaml.Node, key string) string {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if v := n.Content[i+1]; n.Content[i].Value == key && v.Kind == yaml.ScalarNode {
			return v.Value
		}
	}
	return ""
}
