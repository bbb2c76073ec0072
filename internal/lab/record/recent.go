package record

import (
	"os"
	"path/filepath"

	"github.com/podpath/podpath/internal/lab/space"
	"github.com/podpath/podpath/internal/topology"
)

// recentLists are where `-m recent` shows its lists; a slash written to one empties it (recent_mt_proc_write in xt_recent.c).
const recentLists = "/proc/thread-self/net/xt_recent/*"

// forgetRecent empties the lists of `-m recent`: a flow is the first that its client sends.
func forgetRecent(s *space.Space) error {
	return s.Do(func() error {
		lists, err := filepath.Glob(recentLists)
		if err != nil {
			return err
		}
		for _, l := range lists {
			if err := os.WriteFile(l, []byte("/"), 0); err != nil {
				return err
			}
		}
		return nil
	})
}

// forgetSets empties the dynamic sets of native tables, where kube-proxy in nftables mode keeps its clients.
func forgetSets(s *space.Space, ns *topology.Namespace) error {
	if ns.Netfilter == nil || ns.Netfilter.Native == nil {
		return nil
	}
	commands := ""
	for _, t := range ns.Netfilter.Native.Tables {
		for _, set := range t.Sets {
			if set.Dynamic && !set.Map {
				commands += "flush set " + t.Family + " " + t.Name + " " + set.Name + "\n"
			}
		}
	}
	if commands == "" {
		return nil
	}
	_, err := s.Run(commands, "nft", "-f", "-")
	return err
}
