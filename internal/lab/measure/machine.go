package measure

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Machine says where and when something was measured. It has no name: a file of figures may be shown to others.
type Machine struct {
	CPU    string // its model
	Cores  int
	Kernel string // its release
	Date   string // 2006-01-02
}

// Here is this machine, on a day.
func Here(day time.Time) Machine {
	m := Machine{CPU: runtime.GOARCH, Cores: runtime.NumCPU(), Date: day.Format(time.DateOnly)}
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		m.CPU = model(string(info), m.CPU)
	}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		m.Kernel = unix.ByteSliceToString(u.Release[:])
	}
	return m
}

// model is the CPU's in /proc/cpuinfo, which has none for some architectures.
func model(info, otherwise string) string {
	for l := range strings.Lines(info) {
		if k, v, ok := strings.Cut(l, ":"); ok && strings.TrimSpace(k) == "model name" {
			return strings.TrimSpace(v)
		}
	}
	return otherwise
}

// String is the machine as a file of costs names it.
func (m Machine) String() string { return fmt.Sprintf("%s, Linux %s, %s", m.CPU, m.Kernel, m.Date) }
