package cluster

import (
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// SetDefaults completes what the API server would have completed, as far as rules depend on it: manifests that people write
// leave out most of it. (pkg/apis/core/v1/defaults.go and pkg/apis/discovery/v1/defaults.go of Kubernetes.)
func (o *Objects) SetDefaults() {
	for _, s := range o.Services {
		if s != nil {
			defaultService(s)
		}
	}
	for _, e := range o.EndpointSlices {
		if e != nil {
			defaultSlice(e)
		}
	}
	o.NetworkObjects.setDefaults()
}

func defaultService(s *corev1.Service) {
	set(&s.Namespace, metav1.NamespaceDefault)
	set(&s.Spec.Type, corev1.ServiceTypeClusterIP)
	set(&s.Spec.SessionAffinity, corev1.ServiceAffinityNone)
	if s.Spec.SessionAffinity == corev1.ServiceAffinityClientIP {
		if s.Spec.SessionAffinityConfig == nil {
			s.Spec.SessionAffinityConfig = &corev1.SessionAffinityConfig{}
		}
		if s.Spec.SessionAffinityConfig.ClientIP == nil {
			s.Spec.SessionAffinityConfig.ClientIP = &corev1.ClientIPConfig{}
		}
		if t := &s.Spec.SessionAffinityConfig.ClientIP.TimeoutSeconds; *t == nil {
			seconds := corev1.DefaultClientIPServiceAffinitySeconds
			*t = &seconds
		}
	}
	if len(s.Spec.ClusterIPs) == 0 && s.Spec.ClusterIP != "" {
		s.Spec.ClusterIPs = []string{s.Spec.ClusterIP}
	} else if len(s.Spec.ClusterIPs) > 0 {
		set(&s.Spec.ClusterIP, s.Spec.ClusterIPs[0])
	}
	for i := range s.Spec.Ports {
		set(&s.Spec.Ports[i].Protocol, corev1.ProtocolTCP)
	}
}

func defaultSlice(e *discoveryv1.EndpointSlice) {
	set(&e.Namespace, metav1.NamespaceDefault)
	for i := range e.Ports {
		p := &e.Ports[i]
		if p.Name == nil {
			p.Name = new(string)
		}
		if p.Protocol == nil {
			tcp := corev1.ProtocolTCP
			p.Protocol = &tcp
		}
	}
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
