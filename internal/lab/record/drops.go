package record

import (
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/podpath/podpath/internal/lab"
)

// dropTrace reads why the kernel threw packets away: the event skb:kfree_skb of an instance of tracefs of its own.
type dropTrace struct {
	fs  tracefs
	dir string
}

// openDrops gives nil where the kernel has no tracefs or the machine does not let it be mounted.
func openDrops() *dropTrace {
	fs, err := mountTracefs()
	if err != nil {
		return nil
	}
	d := &dropTrace{fs, fmt.Sprintf("%s/%s%d", fs.instances(), instancePrefix, os.Getpid())}
	if os.Mkdir(d.dir, 0o700) != nil && !exists(d.dir) {
		fs.close()
		return nil
	}
	if os.WriteFile(d.dir+"/events/skb/kfree_skb/enable", []byte("1"), 0) != nil {
		d.close()
		return nil
	}
	return d
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

func (d *dropTrace) close() {
	_ = os.WriteFile(d.dir+"/events/skb/kfree_skb/enable", []byte("0"), 0)
	_ = os.Remove(d.dir) // rmdir ends the instance
	d.fs.close()
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
