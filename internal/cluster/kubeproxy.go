package cluster

// KubeProxyConfig is kube-proxy's own configuration, kubeproxy.config.k8s.io/v1alpha1 KubeProxyConfiguration, as far as
// it changes rules. The fields of the real type that change none are known too, so that a real file is read whole, and
// kept in `others`; a field that the real type does not have is an error.
//
// The type is written out here: k8s.io/kube-proxy would bring component-base's logs, Prometheus and OpenTelemetry with it,
// 37 modules for one struct.
type KubeProxyConfig struct {
	APIVersion string `json:"apiVersion,omitempty"`
	Kind       string `json:"kind,omitempty"`

	Mode             string `json:"mode,omitempty"`             // "" is iptables
	HostnameOverride string `json:"hostnameOverride,omitempty"` // the Node it runs on
	// BindAddress, where it is no wildcard, stands for the Node's address: source ranges and `primary` go by it.
	BindAddress string `json:"bindAddress,omitempty"`
	// ClusterCIDR is one CIDR, or one of each family with a comma between.
	ClusterCIDR     string            `json:"clusterCIDR,omitempty"`
	DetectLocalMode DetectLocalMode   `json:"detectLocalMode,omitempty"`
	DetectLocal     DetectLocal       `json:"detectLocal,omitzero"`
	IPTables        KubeProxyIPTables `json:"iptables,omitzero"`
	NFTables        KubeProxyNFTables `json:"nftables,omitzero"`
	// NodePortAddresses are CIDRs or primary, localhost, all; none stands for all, in mode nftables for primary.
	NodePortAddresses []string           `json:"nodePortAddresses,omitempty"`
	Conntrack         KubeProxyConntrack `json:"conntrack,omitzero"`
	FeatureGates      map[string]bool    `json:"featureGates,omitempty"`

	kubeProxyOthers
}

// DetectLocalMode is how kube-proxy tells the traffic of this node's pods from other traffic.
type DetectLocalMode string

// The modes; "" is ClusterCIDR.
const (
	LocalModeClusterCIDR         DetectLocalMode = "ClusterCIDR"
	LocalModeNodeCIDR            DetectLocalMode = "NodeCIDR"
	LocalModeBridgeInterface     DetectLocalMode = "BridgeInterface"
	LocalModeInterfaceNamePrefix DetectLocalMode = "InterfaceNamePrefix"
)

// DetectLocal names the interface or the prefix of interfaces that the modes of that name go by.
type DetectLocal struct {
	BridgeInterface     string `json:"bridgeInterface,omitempty"`
	InterfaceNamePrefix string `json:"interfaceNamePrefix,omitempty"`
}

// KubeProxyIPTables is what only the iptables mode reads.
type KubeProxyIPTables struct {
	MasqueradeBit      *int32 `json:"masqueradeBit,omitempty"` // nil: 14
	MasqueradeAll      bool   `json:"masqueradeAll,omitempty"`
	LocalhostNodePorts *bool  `json:"localhostNodePorts,omitempty"` // nil: true

	syncOthers
}

// KubeProxyNFTables is what only the nftables mode reads.
type KubeProxyNFTables struct {
	MasqueradeBit *int32 `json:"masqueradeBit,omitempty"` // nil: 14
	MasqueradeAll bool   `json:"masqueradeAll,omitempty"`

	syncOthers
}

// KubeProxyConntrack is what kube-proxy tells the kernel's connection tracking.
type KubeProxyConntrack struct {
	// TCPBeLiberal sets net.netfilter.nf_conntrack_tcp_be_liberal, with which INVALID packets are not dropped.
	TCPBeLiberal bool `json:"tcpBeLiberal,omitempty"`

	conntrackOthers
}

// What the real type has beside, which changes no rule of these modes. The values are not looked at.
type (
	kubeProxyOthers struct {
		ClientConnection            *clientConnectionOthers `json:"clientConnection,omitempty"`
		Logging                     *loggingOthers          `json:"logging,omitempty"`
		HealthzBindAddress          any                     `json:"healthzBindAddress,omitempty"`
		MetricsBindAddress          any                     `json:"metricsBindAddress,omitempty"`
		BindAddressHardFail         any                     `json:"bindAddressHardFail,omitempty"`
		EnableProfiling             any                     `json:"enableProfiling,omitempty"`
		ShowHiddenMetricsForVersion any                     `json:"showHiddenMetricsForVersion,omitempty"`
		IPVS                        *ipvsOthers             `json:"ipvs,omitempty"`
		Winkernel                   *winkernelOthers        `json:"winkernel,omitempty"`
		OOMScoreAdj                 any                     `json:"oomScoreAdj,omitempty"`
		ConfigSyncPeriod            any                     `json:"configSyncPeriod,omitempty"`
		PortRange                   any                     `json:"portRange,omitempty"`
		WindowsRunAsService         any                     `json:"windowsRunAsService,omitempty"`
	}

	syncOthers struct {
		SyncPeriod    any `json:"syncPeriod,omitempty"`
		MinSyncPeriod any `json:"minSyncPeriod,omitempty"`
	}

	conntrackOthers struct {
		MaxPerCore            any `json:"maxPerCore,omitempty"`
		Min                   any `json:"min,omitempty"`
		TCPEstablishedTimeout any `json:"tcpEstablishedTimeout,omitempty"`
		TCPCloseWaitTimeout   any `json:"tcpCloseWaitTimeout,omitempty"`
		UDPTimeout            any `json:"udpTimeout,omitempty"`
		UDPStreamTimeout      any `json:"udpStreamTimeout,omitempty"`
	}

	clientConnectionOthers struct {
		Kubeconfig         any `json:"kubeconfig,omitempty"`
		AcceptContentTypes any `json:"acceptContentTypes,omitempty"`
		ContentType        any `json:"contentType,omitempty"`
		QPS                any `json:"qps,omitempty"`
		Burst              any `json:"burst,omitempty"`
	}

	loggingOthers struct {
		Format         any                   `json:"format,omitempty"`
		FlushFrequency any                   `json:"flushFrequency,omitempty"`
		Verbosity      any                   `json:"verbosity,omitempty"`
		VModule        any                   `json:"vmodule,omitempty"`
		Options        *loggingOptionsOthers `json:"options,omitempty"`
	}

	loggingOptionsOthers struct {
		Text *outputOthers `json:"text,omitempty"`
		JSON *outputOthers `json:"json,omitempty"`
	}

	outputOthers struct {
		SplitStream    any `json:"splitStream,omitempty"`
		InfoBufferSize any `json:"infoBufferSize,omitempty"`
	}

	ipvsOthers struct {
		Scheduler     any `json:"scheduler,omitempty"`
		ExcludeCIDRs  any `json:"excludeCIDRs,omitempty"`
		StrictARP     any `json:"strictARP,omitempty"`
		TCPTimeout    any `json:"tcpTimeout,omitempty"`
		TCPFinTimeout any `json:"tcpFinTimeout,omitempty"`
		UDPTimeout    any `json:"udpTimeout,omitempty"`

		syncOthers
	}

	winkernelOthers struct {
		NetworkName           any `json:"networkName,omitempty"`
		SourceVip             any `json:"sourceVip,omitempty"`
		EnableDSR             any `json:"enableDSR,omitempty"`
		RootHnsEndpointName   any `json:"rootHnsEndpointName,omitempty"`
		ForwardHealthCheckVip any `json:"forwardHealthCheckVip,omitempty"`
	}
)
