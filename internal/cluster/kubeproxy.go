package cluster

// KubeProxyConfig is kube-proxy's own configuration, kubeproxy.config.k8s.io/v1alpha1 KubeProxyConfiguration, as far as
// it changes rules. The fields of the real type that change none are known too, so that a real file is read whole, and
// kept in `others`; a field that the real type does not have is an error.
//
// The type is written out here: k8s.io/kube-proxy would bring component-base's logs, Prometheus and OpenTelemetry with it,
// 37 modules for one struct.
type KubeProxyConfig struct {
	APIVersion string `json:"apiVersion,omitempty" yaml:"apiVersion,omitempty"`
	Kind       string `json:"kind,omitempty" yaml:"kind,omitempty"`

	Mode             string `json:"mode,omitempty" yaml:"mode,omitempty"`                         // "" is iptables
	HostnameOverride string `json:"hostnameOverride,omitempty" yaml:"hostnameOverride,omitempty"` // the Node it runs on
	// BindAddress, where it is no wildcard, stands for the Node's address: source ranges and `primary` go by it.
	BindAddress string `json:"bindAddress,omitempty" yaml:"bindAddress,omitempty"`
	// ClusterCIDR is one CIDR, or one of each family with a comma between.
	ClusterCIDR     string            `json:"clusterCIDR,omitempty" yaml:"clusterCIDR,omitempty"`
	DetectLocalMode DetectLocalMode   `json:"detectLocalMode,omitempty" yaml:"detectLocalMode,omitempty"`
	DetectLocal     DetectLocal       `json:"detectLocal,omitzero" yaml:"detectLocal,omitempty"`
	IPTables        KubeProxyIPTables `json:"iptables,omitzero" yaml:"iptables,omitempty"`
	// NodePortAddresses are CIDRs or primary, localhost, all; none stands for all.
	NodePortAddresses []string           `json:"nodePortAddresses,omitempty" yaml:"nodePortAddresses,omitempty"`
	Conntrack         KubeProxyConntrack `json:"conntrack,omitzero" yaml:"conntrack,omitempty"`
	FeatureGates      map[string]bool    `json:"featureGates,omitempty" yaml:"featureGates,omitempty"`

	kubeProxyOthers `yaml:",inline"`
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
	BridgeInterface     string `json:"bridgeInterface,omitempty" yaml:"bridgeInterface,omitempty"`
	InterfaceNamePrefix string `json:"interfaceNamePrefix,omitempty" yaml:"interfaceNamePrefix,omitempty"`
}

// KubeProxyIPTables is what only the iptables mode reads.
type KubeProxyIPTables struct {
	MasqueradeBit      *int32 `json:"masqueradeBit,omitempty" yaml:"masqueradeBit,omitempty"` // nil: 14
	MasqueradeAll      bool   `json:"masqueradeAll,omitempty" yaml:"masqueradeAll,omitempty"`
	LocalhostNodePorts *bool  `json:"localhostNodePorts,omitempty" yaml:"localhostNodePorts,omitempty"` // nil: true

	syncOthers `yaml:",inline"`
}

// KubeProxyConntrack is what kube-proxy tells the kernel's connection tracking.
type KubeProxyConntrack struct {
	// TCPBeLiberal sets net.netfilter.nf_conntrack_tcp_be_liberal, with which INVALID packets are not dropped.
	TCPBeLiberal bool `json:"tcpBeLiberal,omitempty" yaml:"tcpBeLiberal,omitempty"`

	conntrackOthers `yaml:",inline"`
}

// What the real type has beside, which changes no rule of the iptables mode. The values are not looked at.
type (
	kubeProxyOthers struct {
		ClientConnection            *clientConnectionOthers `json:"clientConnection,omitempty" yaml:"clientConnection,omitempty"`
		Logging                     *loggingOthers          `json:"logging,omitempty" yaml:"logging,omitempty"`
		HealthzBindAddress          any                     `json:"healthzBindAddress,omitempty" yaml:"healthzBindAddress,omitempty"`
		MetricsBindAddress          any                     `json:"metricsBindAddress,omitempty" yaml:"metricsBindAddress,omitempty"`
		BindAddressHardFail         any                     `json:"bindAddressHardFail,omitempty" yaml:"bindAddressHardFail,omitempty"`
		EnableProfiling             any                     `json:"enableProfiling,omitempty" yaml:"enableProfiling,omitempty"`
		ShowHiddenMetricsForVersion any                     `json:"showHiddenMetricsForVersion,omitempty" yaml:"showHiddenMetricsForVersion,omitempty"`
		IPVS                        *ipvsOthers             `json:"ipvs,omitempty" yaml:"ipvs,omitempty"`
		NFTables                    *nftablesOthers         `json:"nftables,omitempty" yaml:"nftables,omitempty"`
		Winkernel                   *winkernelOthers        `json:"winkernel,omitempty" yaml:"winkernel,omitempty"`
		OOMScoreAdj                 any                     `json:"oomScoreAdj,omitempty" yaml:"oomScoreAdj,omitempty"`
		ConfigSyncPeriod            any                     `json:"configSyncPeriod,omitempty" yaml:"configSyncPeriod,omitempty"`
		PortRange                   any                     `json:"portRange,omitempty" yaml:"portRange,omitempty"`
		WindowsRunAsService         any                     `json:"windowsRunAsService,omitempty" yaml:"windowsRunAsService,omitempty"`
	}

	syncOthers struct {
		SyncPeriod    any `json:"syncPeriod,omitempty" yaml:"syncPeriod,omitempty"`
		MinSyncPeriod any `json:"minSyncPeriod,omitempty" yaml:"minSyncPeriod,omitempty"`
	}

	conntrackOthers struct {
		MaxPerCore            any `json:"maxPerCore,omitempty" yaml:"maxPerCore,omitempty"`
		Min                   any `json:"min,omitempty" yaml:"min,omitempty"`
		TCPEstablishedTimeout any `json:"tcpEstablishedTimeout,omitempty" yaml:"tcpEstablishedTimeout,omitempty"`
		TCPCloseWaitTimeout   any `json:"tcpCloseWaitTimeout,omitempty" yaml:"tcpCloseWaitTimeout,omitempty"`
		UDPTimeout            any `json:"udpTimeout,omitempty" yaml:"udpTimeout,omitempty"`
		UDPStreamTimeout      any `json:"udpStreamTimeout,omitempty" yaml:"udpStreamTimeout,omitempty"`
	}

	clientConnectionOthers struct {
		Kubeconfig         any `json:"kubeconfig,omitempty" yaml:"kubeconfig,omitempty"`
		AcceptContentTypes any `json:"acceptContentTypes,omitempty" yaml:"acceptContentTypes,omitempty"`
		ContentType        any `json:"contentType,omitempty" yaml:"contentType,omitempty"`
		QPS                any `json:"qps,omitempty" yaml:"qps,omitempty"`
		Burst              any `json:"burst,omitempty" yaml:"burst,omitempty"`
	}

	loggingOthers struct {
		Format         any                   `json:"format,omitempty" yaml:"format,omitempty"`
		FlushFrequency any                   `json:"flushFrequency,omitempty" yaml:"flushFrequency,omitempty"`
		Verbosity      any                   `json:"verbosity,omitempty" yaml:"verbosity,omitempty"`
		VModule        any                   `json:"vmodule,omitempty" yaml:"vmodule,omitempty"`
		Options        *loggingOptionsOthers `json:"options,omitempty" yaml:"options,omitempty"`
	}

	loggingOptionsOthers struct {
		Text *outputOthers `json:"text,omitempty" yaml:"text,omitempty"`
		JSON *outputOthers `json:"json,omitempty" yaml:"json,omitempty"`
	}

	outputOthers struct {
		SplitStream    any `json:"splitStream,omitempty" yaml:"splitStream,omitempty"`
		InfoBufferSize any `json:"infoBufferSize,omitempty" yaml:"infoBufferSize,omitempty"`
	}

	ipvsOthers struct {
		Scheduler     any `json:"scheduler,omitempty" yaml:"scheduler,omitempty"`
		ExcludeCIDRs  any `json:"excludeCIDRs,omitempty" yaml:"excludeCIDRs,omitempty"`
		StrictARP     any `json:"strictARP,omitempty" yaml:"strictARP,omitempty"`
		TCPTimeout    any `json:"tcpTimeout,omitempty" yaml:"tcpTimeout,omitempty"`
		TCPFinTimeout any `json:"tcpFinTimeout,omitempty" yaml:"tcpFinTimeout,omitempty"`
		UDPTimeout    any `json:"udpTimeout,omitempty" yaml:"udpTimeout,omitempty"`

		syncOthers `yaml:",inline"`
	}

	nftablesOthers struct {
		MasqueradeBit any `json:"masqueradeBit,omitempty" yaml:"masqueradeBit,omitempty"`
		MasqueradeAll any `json:"masqueradeAll,omitempty" yaml:"masqueradeAll,omitempty"`

		syncOthers `yaml:",inline"`
	}

	winkernelOthers struct {
		NetworkName           any `json:"networkName,omitempty" yaml:"networkName,omitempty"`
		SourceVip             any `json:"sourceVip,omitempty" yaml:"sourceVip,omitempty"`
		EnableDSR             any `json:"enableDSR,omitempty" yaml:"enableDSR,omitempty"`
		RootHnsEndpointName   any `json:"rootHnsEndpointName,omitempty" yaml:"rootHnsEndpointName,omitempty"`
		ForwardHealthCheckVip any `json:"forwardHealthCheckVip,omitempty" yaml:"forwardHealthCheckVip,omitempty"`
	}
)
