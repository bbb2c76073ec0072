package record

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// tracefs is a mount of tracefs of one's own, by its file descriptor. It has no place in the file system: it ends with the
// descriptor, and with this process (fsmount(2)).
type tracefs int

// mountTracefs fails where the kernel has no tracefs or the machine does not let it be mounted.
func mountTracefs() (tracefs, error) {
	fs, err := unix.Fsopen("tracefs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, err
	}
	defer unix.Close(fs)
	if err := unix.FsconfigCreate(fs); err != nil {
		return -1, err
	}
	fd, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0)
	return tracefs(fd), err
}

// instances is the folder of the instances: each has events and a buffer of its own.
func (t tracefs) instances() string { return fmt.Sprintf("/proc/self/fd/%d/instances", t) }

func (t tracefs) close() { unix.Close(int(t)) }

// instancePrefix begins the names of recorders' instances; the rest is the recorder's process.
const instancePrefix = "podpath-"

// ForgetDrops removes the instances of tracefs that recorders left behind that were killed, and gives their names.
func ForgetDrops() []string {
	t, err := mountTracefs()
	if err != nil {
		return nil
	}
	defer t.close()
	entries, err := os.ReadDir(t.instances())
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		pid, ok := strings.CutPrefix(e.Name(), instancePrefix)
		if !ok || exists("/proc/"+pid) {
			continue
		}
		_ = os.Remove(t.instances() + "/" + e.Name()) // rmdir ends the instance
		out = append(out, e.Name())
	}
	return out
}
