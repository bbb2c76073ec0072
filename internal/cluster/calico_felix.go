package cluster

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// FelixConfiguration is projectcalico.org/v3 FelixConfiguration: what Calico's agent on every node is told.
type FelixConfiguration struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              FelixSpec `json:"spec"`
}

// FelixSpec are the settings that change what Felix programs, and in felixOthers those that change nothing of it, or only
// for dataplanes and objects that are not modelled. A field that the real type does not have is an error. What is named
// here and cannot be acted on is one too, see its check.
type FelixSpec struct {
	// DefaultEndpointToHostAction: Drop, Return or Accept. "" is Accept: Felix's own default is Drop, but the manifests
	// and the operator set Accept in calico-node's environment.
	DefaultEndpointToHostAction string `json:"defaultEndpointToHostAction,omitempty"`
	IptablesFilterAllowAction   string `json:"iptablesFilterAllowAction,omitempty"` // Accept, Return
	IptablesMangleAllowAction   string `json:"iptablesMangleAllowAction,omitempty"` // Accept, Return

	VXLANEnabled *bool  `json:"vxlanEnabled,omitempty"` // nil: as the pools need, and anything else is refused
	IPIPEnabled  *bool  `json:"ipipEnabled,omitempty"`
	VXLANMTU     *int   `json:"vxlanMTU,omitempty"` // nil, 0: by the host's
	IPIPMTU      *int   `json:"ipipMTU,omitempty"`
	VXLANPort    *int   `json:"vxlanPort,omitempty"` // nil: 4789
	VXLANVNI     *int   `json:"vxlanVNI,omitempty"`  // nil: 4096
	MTUPattern   string `json:"mtuIfacePattern,omitempty"`

	AllowVXLANPacketsFromWorkloads *bool    `json:"allowVXLANPacketsFromWorkloads,omitempty"`
	AllowIPIPPacketsFromWorkloads  *bool    `json:"allowIPIPPacketsFromWorkloads,omitempty"`
	DisableConntrackInvalidCheck   *bool    `json:"disableConntrackInvalidCheck,omitempty"`
	NATOutgoingAddress             string   `json:"natOutgoingAddress,omitempty"`
	NATOutgoingExclusions          string   `json:"natOutgoingExclusions,omitempty"` // IPPoolsOnly, IPPoolsAndHostIPs
	NATOutgoingInterfaceFilter     string   `json:"iptablesNATOutgoingInterfaceFilter,omitempty"`
	ExternalNodes                  []string `json:"externalNodesList,omitempty"`

	ProgramClusterRoutes    string `json:"programClusterRoutes,omitempty"` // Enabled, Disabled (default)
	IPv4NormalRoutePriority *int   `json:"ipv4NormalRoutePriority,omitempty"`
	IPForwarding            string `json:"ipForwarding,omitempty"` // Enabled (default), Disabled
	// AWSSrcDstCheck makes Felix turn the source/destination check of the node's first ENI on or off: DoNothing (default),
	// Enable, Disable.
	AWSSrcDstCheck string `json:"awsSrcDstCheck,omitempty"`

	felixRefused
	felixListed
	felixOthers
}

// felixRefused are settings that are only taken at their defaults: anything else would make other rules than are known.
type felixRefused struct {
	NodeSelector             string  `json:"nodeSelector,omitempty"`
	InternalDataplane        *bool   `json:"useInternalDataplaneDriver,omitempty"`
	FeatureDetectOverride    string  `json:"featureDetectOverride,omitempty"`
	OpenstackRegion          string  `json:"openstackRegion,omitempty"`
	InterfacePrefix          string  `json:"interfacePrefix,omitempty"`
	ChainInsertMode          string  `json:"chainInsertMode,omitempty"`
	FilterDenyAction         string  `json:"iptablesFilterDenyAction,omitempty"`
	IptablesMarkMask         *uint32 `json:"iptablesMarkMask,omitempty"`
	NATPortRange             any     `json:"natPortRange,omitempty"`
	DeviceRouteSourceAddress string  `json:"deviceRouteSourceAddress,omitempty"`
	DeviceRouteProtocol      *int    `json:"deviceRouteProtocol,omitempty"`
	NFTablesMode             string  `json:"nftablesMode,omitempty"`
	BPFEnabled               *bool   `json:"bpfEnabled,omitempty"`
	IstioAmbientMode         string  `json:"istioAmbientMode,omitempty"`
	RouteSource              string  `json:"routeSource,omitempty"`
	RouteSyncDisabled        *bool   `json:"routeSyncDisabled,omitempty"`
	WireguardEnabled         *bool   `json:"wireguardEnabled,omitempty"`
}

// felixListed are settings that add rules which decide nothing about a packet (NFLOG); the rules are not made, and
// [Cluster.NotActedOn] says so.
type felixListed struct {
	FlowLogsGoldmaneServer string `json:"flowLogsGoldmaneServer,omitempty"`
	FlowLogsLocalReporter  string `json:"flowLogsLocalReporter,omitempty"`
}

// notActedOn names the settings that change what is on a node, but not the way of a packet, and that are passed over.
func (f *FelixConfiguration) notActedOn() []string {
	var out []string
	if f.Spec.FlowLogsGoldmaneServer != "" {
		out = append(out, "flowLogsGoldmaneServer")
	}
	if f.Spec.FlowLogsLocalReporter == "Enabled" {
		out = append(out, "flowLogsLocalReporter")
	}
	return out
}

// felixOthers is the rest of the real type. The values are not looked at.
type felixOthers struct {
	DataplaneDriver                    any `json:"dataplaneDriver,omitempty"`
	DataplaneWatchdogTimeout           any `json:"dataplaneWatchdogTimeout,omitempty"`
	IPv6Support                        any `json:"ipv6Support,omitempty"`
	RouteRefreshInterval               any `json:"routeRefreshInterval,omitempty"`
	InterfaceRefreshInterval           any `json:"interfaceRefreshInterval,omitempty"`
	IptablesRefreshInterval            any `json:"iptablesRefreshInterval,omitempty"`
	IptablesPostWriteCheckInterval     any `json:"iptablesPostWriteCheckInterval,omitempty"`
	IptablesLockProbeInterval          any `json:"iptablesLockProbeInterval,omitempty"`
	FeatureGates                       any `json:"featureGates,omitempty"`
	IpsetsRefreshInterval              any `json:"ipsetsRefreshInterval,omitempty"`
	MaxIpsetSize                       any `json:"maxIpsetSize,omitempty"`
	IptablesBackend                    any `json:"iptablesBackend,omitempty"`
	XDPRefreshInterval                 any `json:"xdpRefreshInterval,omitempty"`
	NetlinkTimeout                     any `json:"netlinkTimeout,omitempty"`
	MetadataAddr                       any `json:"metadataAddr,omitempty"`
	MetadataPort                       any `json:"metadataPort,omitempty"`
	InterfaceExclude                   any `json:"interfaceExclude,omitempty"`
	LogPrefix                          any `json:"logPrefix,omitempty"`
	LogActionRateLimit                 any `json:"logActionRateLimit,omitempty"`
	LogActionRateLimitBurst            any `json:"logActionRateLimitBurst,omitempty"`
	LogFilePath                        any `json:"logFilePath,omitempty"`
	LogSeverityFile                    any `json:"logSeverityFile,omitempty"`
	LogSeverityScreen                  any `json:"logSeverityScreen,omitempty"`
	LogSeveritySys                     any `json:"logSeveritySys,omitempty"`
	LogDebugFilenameRegex              any `json:"logDebugFilenameRegex,omitempty"`
	VXLANMTUV6                         any `json:"vxlanMTUV6,omitempty"`
	ReportingInterval                  any `json:"reportingInterval,omitempty"`
	ReportingTTL                       any `json:"reportingTTL,omitempty"`
	EndpointReportingEnabled           any `json:"endpointReportingEnabled,omitempty"`
	EndpointReportingDelay             any `json:"endpointReportingDelay,omitempty"`
	EndpointStatusPathPrefix           any `json:"endpointStatusPathPrefix,omitempty"`
	HealthEnabled                      any `json:"healthEnabled,omitempty"`
	HealthHost                         any `json:"healthHost,omitempty"`
	HealthPort                         any `json:"healthPort,omitempty"`
	HealthTimeoutOverrides             any `json:"healthTimeoutOverrides,omitempty"`
	PrometheusMetricsEnabled           any `json:"prometheusMetricsEnabled,omitempty"`
	PrometheusMetricsHost              any `json:"prometheusMetricsHost,omitempty"`
	PrometheusMetricsPort              any `json:"prometheusMetricsPort,omitempty"`
	PrometheusGoMetricsEnabled         any `json:"prometheusGoMetricsEnabled,omitempty"`
	PrometheusProcessMetricsEnabled    any `json:"prometheusProcessMetricsEnabled,omitempty"`
	PrometheusWireGuardMetricsEnabled  any `json:"prometheusWireGuardMetricsEnabled,omitempty"`
	PrometheusMetricsCAFile            any `json:"prometheusMetricsCAFile,omitempty"`
	PrometheusMetricsCertFile          any `json:"prometheusMetricsCertFile,omitempty"`
	PrometheusMetricsKeyFile           any `json:"prometheusMetricsKeyFile,omitempty"`
	PrometheusMetricsClientAuth        any `json:"prometheusMetricsClientAuth,omitempty"`
	FailsafeInboundHostPorts           any `json:"failsafeInboundHostPorts,omitempty"`
	FailsafeOutboundHostPorts          any `json:"failsafeOutboundHostPorts,omitempty"`
	KubeNodePortRanges                 any `json:"kubeNodePortRanges,omitempty"`
	PolicySyncPathPrefix               any `json:"policySyncPathPrefix,omitempty"`
	UsageReportingEnabled              any `json:"usageReportingEnabled,omitempty"`
	UsageReportingInitialDelay         any `json:"usageReportingInitialDelay,omitempty"`
	UsageReportingInterval             any `json:"usageReportingInterval,omitempty"`
	DeviceRouteSourceAddressIPv6       any `json:"deviceRouteSourceAddressIPv6,omitempty"`
	RemoveExternalRoutes               any `json:"removeExternalRoutes,omitempty"`
	DebugMemoryProfilePath             any `json:"debugMemoryProfilePath,omitempty"`
	DebugDisableLogDropping            any `json:"debugDisableLogDropping,omitempty"`
	DebugSimulateCalcGraphHangAfter    any `json:"debugSimulateCalcGraphHangAfter,omitempty"`
	DebugSimulateDataplaneHangAfter    any `json:"debugSimulateDataplaneHangAfter,omitempty"`
	DebugSimulateDataplaneApplyDelay   any `json:"debugSimulateDataplaneApplyDelay,omitempty"`
	DebugHost                          any `json:"debugHost,omitempty"`
	DebugPort                          any `json:"debugPort,omitempty"`
	SidecarAccelerationEnabled         any `json:"sidecarAccelerationEnabled,omitempty"`
	XDPEnabled                         any `json:"xdpEnabled,omitempty"`
	GenericXDPEnabled                  any `json:"genericXDPEnabled,omitempty"`
	NFTablesRefreshInterval            any `json:"nftablesRefreshInterval,omitempty"`
	NFTablesFilterAllowAction          any `json:"nftablesFilterAllowAction,omitempty"`
	NFTablesMangleAllowAction          any `json:"nftablesMangleAllowAction,omitempty"`
	NFTablesFilterDenyAction           any `json:"nftablesFilterDenyAction,omitempty"`
	NFTablesMarkMask                   any `json:"nftablesMarkMask,omitempty"`
	BPFDisableUnprivileged             any `json:"bpfDisableUnprivileged,omitempty"`
	BPFJITHardening                    any `json:"bpfJITHardening,omitempty"`
	BPFLogLevel                        any `json:"bpfLogLevel,omitempty"`
	BPFConntrackLogLevel               any `json:"bpfConntrackLogLevel,omitempty"`
	BPFConntrackMode                   any `json:"bpfConntrackMode,omitempty"`
	BPFConntrackTimeouts               any `json:"bpfConntrackTimeouts,omitempty"`
	BPFLogFilters                      any `json:"bpfLogFilters,omitempty"`
	BPFCTLBLogFilter                   any `json:"bpfCTLBLogFilter,omitempty"`
	BPFDataIfacePattern                any `json:"bpfDataIfacePattern,omitempty"`
	BPFL3IfacePattern                  any `json:"bpfL3IfacePattern,omitempty"`
	BPFConnectTimeLoadBalancingEnabled any `json:"bpfConnectTimeLoadBalancingEnabled,omitempty"`
	BPFConnectTimeLoadBalancing        any `json:"bpfConnectTimeLoadBalancing,omitempty"`
	BPFHostNetworkedNATWithoutCTLB     any `json:"bpfHostNetworkedNATWithoutCTLB,omitempty"`
	BPFExternalServiceMode             any `json:"bpfExternalServiceMode,omitempty"`
	BPFDSROptoutCIDRs                  any `json:"bpfDSROptoutCIDRs,omitempty"`
	BPFExtToServiceConnmark            any `json:"bpfExtToServiceConnmark,omitempty"`
	BPFKubeProxyIptablesCleanupEnabled any `json:"bpfKubeProxyIptablesCleanupEnabled,omitempty"`
	BPFKubeProxyMinSyncPeriod          any `json:"bpfKubeProxyMinSyncPeriod,omitempty"`
	BPFKubeProxyHealthzPort            any `json:"bpfKubeProxyHealthzPort,omitempty"`
	BPFPSNATPorts                      any `json:"bpfPSNATPorts,omitempty"`
	BPFMapSizeNATFrontend              any `json:"bpfMapSizeNATFrontend,omitempty"`
	BPFMapSizeNATBackend               any `json:"bpfMapSizeNATBackend,omitempty"`
	BPFMapSizeNATAffinity              any `json:"bpfMapSizeNATAffinity,omitempty"`
	BPFMapSizeRoute                    any `json:"bpfMapSizeRoute,omitempty"`
	BPFMapSizeConntrack                any `json:"bpfMapSizeConntrack,omitempty"`
	BPFMapSizePerCpuConntrack          any `json:"bpfMapSizePerCpuConntrack,omitempty"`
	BPFMapSizeConntrackScaling         any `json:"bpfMapSizeConntrackScaling,omitempty"`
	BPFMapSizeConntrackCleanupQueue    any `json:"bpfMapSizeConntrackCleanupQueue,omitempty"`
	BPFMapSizeIPSets                   any `json:"bpfMapSizeIPSets,omitempty"`
	BPFMapSizeIfState                  any `json:"bpfMapSizeIfState,omitempty"`
	BPFHostConntrackBypass             any `json:"bpfHostConntrackBypass,omitempty"`
	BPFEnforceRPF                      any `json:"bpfEnforceRPF,omitempty"`
	BPFPolicyDebugEnabled              any `json:"bpfPolicyDebugEnabled,omitempty"`
	BPFForceTrackPacketsFromIfaces     any `json:"bpfForceTrackPacketsFromIfaces,omitempty"`
	BPFDisableGROForIfaces             any `json:"bpfDisableGROForIfaces,omitempty"`
	BPFExcludeCIDRsFromNAT             any `json:"bpfExcludeCIDRsFromNAT,omitempty"`
	BPFExportBufferSizeMB              any `json:"bpfExportBufferSizeMB,omitempty"`
	IstioDSCPMark                      any `json:"istioDSCPMark,omitempty"`
	CgroupV2Path                       any `json:"cgroupV2Path,omitempty"`
	FlowLogsPolicyEvaluationMode       any `json:"flowLogsPolicyEvaluationMode,omitempty"`
	BPFRedirectToPeer                  any `json:"bpfRedirectToPeer,omitempty"`
	BPFAttachType                      any `json:"bpfAttachType,omitempty"`
	FlowLogsFlushInterval              any `json:"flowLogsFlushInterval,omitempty"`
	FlowLogsCollectorDebugTrace        any `json:"flowLogsCollectorDebugTrace,omitempty"`
	BPFProfiling                       any `json:"bpfProfiling,omitempty"`
	RouteTableRanges                   any `json:"routeTableRanges,omitempty"`
	RouteTableRange                    any `json:"routeTableRange,omitempty"`
	IPv4ElevatedRoutePriority          any `json:"ipv4ElevatedRoutePriority,omitempty"`
	IPv6NormalRoutePriority            any `json:"ipv6NormalRoutePriority,omitempty"`
	IPv6ElevatedRoutePriority          any `json:"ipv6ElevatedRoutePriority,omitempty"`
	LiveMigrationRouteConvergenceTime  any `json:"liveMigrationRouteConvergenceTime,omitempty"`
	WireguardEnabledV6                 any `json:"wireguardEnabledV6,omitempty"`
	WireguardThreadingEnabled          any `json:"wireguardThreadingEnabled,omitempty"`
	WireguardListeningPort             any `json:"wireguardListeningPort,omitempty"`
	WireguardListeningPortV6           any `json:"wireguardListeningPortV6,omitempty"`
	WireguardRoutingRulePriority       any `json:"wireguardRoutingRulePriority,omitempty"`
	WireguardInterfaceName             any `json:"wireguardInterfaceName,omitempty"`
	WireguardInterfaceNameV6           any `json:"wireguardInterfaceNameV6,omitempty"`
	WireguardMTU                       any `json:"wireguardMTU,omitempty"`
	WireguardMTUV6                     any `json:"wireguardMTUV6,omitempty"`
	WireguardHostEncryptionEnabled     any `json:"wireguardHostEncryptionEnabled,omitempty"`
	WireguardKeepAlive                 any `json:"wireguardKeepAlive,omitempty"`
	ServiceLoopPrevention              any `json:"serviceLoopPrevention,omitempty"`
	WorkloadSourceSpoofing             any `json:"workloadSourceSpoofing,omitempty"`
	FloatingIPs                        any `json:"floatingIPs,omitempty"`
	WindowsManageFirewallRules         any `json:"windowsManageFirewallRules,omitempty"`
	GoGCThreshold                      any `json:"goGCThreshold,omitempty"`
	GoMemoryLimitMB                    any `json:"goMemoryLimitMB,omitempty"`
	GoMaxProcs                         any `json:"goMaxProcs,omitempty"`
	RequireMTUFile                     any `json:"requireMTUFile,omitempty"`
	BPFMaglevMaxEndpointsPerService    any `json:"bpfMaglevMaxEndpointsPerService,omitempty"`
	BPFMaglevMaxServices               any `json:"bpfMaglevMaxServices,omitempty"`
}
