package record

import (
	"fmt"
	"os"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/podpath/podpath/internal/lab"
)

// dropTrace reads why the kernel threw packets away: the event skb:kfree_skb of an instance of tracefs of its own. The mount
// has no place in the file system: it ends with its file descriptor, and with this process.
type dropTrace struct {
	mount int
	dir   string
}

// instancePrefix begins the names of a recorder's instances of tracefs.
const instancePrefix = "podpath-"

// openDrops gives nil where the kernel has no tracefs or the machine does not let it be mounted.
func openDrops() *dropTrace {
	d := &dropTrace{mount: -1}
	fs, err := unix.Fsopen("tracefs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil
	}
	defer unix.Close(fs)
	if unix.FsconfigCreate(fs) != nil {
		return nil
	}
	if d.mount, err = unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0); err != nil {
		return nil
	}
	d.dir = fmt.Sprintf("%s/instances/%s%d", d.root(), instancePrefix, os.Getpid())
	if os.Mkdir(d.dir, 0o700) != nil && !exists(d.dir) {
		unix.Close(d.mount)
		return nil
	}
	if os.WriteFile(d.dir+"/events/skb/kfree_skb/enable", []byte("1"), 0) != nil {
		d.close()
		return nil
	}
	return d
}

func (d *dropTrace) root() string { return fmt.Sprintf("/proc/self/fd/%d", d.mount) }

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

func (d *dropTrace) close() {
	_ = os.WriteFile(d.dir+"/events/skb/kfree_skb/enable", []byte("0"), 0)
	_ = os.Remove(d.dir) // rmdir ends the instance
	unix.Close(d.mount)
}

func (d *dropTrace) clear() { _ = os.WriteFile(d.dir+"/trace", nil, 0) }

var kfree = regexp.MustCompile(`^\s*.*-(\d+)\s+\[\d+\]\s+(\S+)\s.*kfree_skb: .*protocol=2048 location=(\S+) reason: (\S+)`)

// ordinary are reasons that say nothing about a packet's way: what a socket did with what it had.
var ordinary = map[string]bool{"QUEUE_PURGE": true, "SOCKET_CLOSE": true, "TCP_OLD_ACK": true}

// take gives the drops since the last clear, of packets that this process sent: they are handled by the thread that sent them, or
// in a softirq.
func (d *dropTrace) take() []lab.Drop {
	b, err := os.ReadFile(d.dir + "/trace")
	if err != nil {
		return nil
	}
	var out []lab.Drop
	for _, l := range strings.Split(string(b), "\n") {
		m := kfree.FindStringSubmatch(l)
		if m == nil || ordinary[m[4]] {
			continue
		}
		// The third flag is s or h in an interrupt, which runs on top of whoever was running.
		if softirq := len(m[2]) > 2 && strings.ContainsAny(m[2][2:3], "shHzZ"); !softirq && !exists("/proc/self/task/"+m[1]) {
			continue
		}
		where, _, _ := strings.Cut(m[3], "+")
		out = append(out, lab.Drop{Location: where, Reason: m[4]})
	}
	return out
}

// ForgetDrops removes the instances of tracefs that recorders left behind that were killed.
func ForgetDrops() {
	fs, err := unix.Fsopen("tracefs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return
	}
	defer unix.Close(fs)
	if unix.FsconfigCreate(fs) != nil {
		return
	}
	mount, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(mount)
	dir := fmt.Sprintf("/proc/self/fd/%d/instances", mount)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		pid, ok := strings.CutPrefix(e.Name(), instancePrefix)
		if !ok || exists("/proc/"+pid) {
			continue
		}
		_ = os.Remove(dir + "/" + e.Name())
	}
}
