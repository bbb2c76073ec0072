package record

import (
	"os"
	"path/filepath"

	"github.com/podpath/podpath/internal/lab/space"
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
