package snapshot

import "strings"

// readSysctl reads `sysctl -a` lines (`net.ipv4.ip_forward = 1`) into values.
func readSysctl(f file, values map[string]string) error {
	for n, l := range lines(f) {
		if !strings.HasPrefix(l, "net.") {
			continue
		}
		k, v, ok := strings.Cut(l, "=")
		if !ok {
			return errorf(f.name, n, "sysctl %q: want `name = value`", l)
		}
		values[strings.TrimSpace(k)] = strings.TrimSpace(v)
	}
	return nil
}
