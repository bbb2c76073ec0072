package redact

import (
	"crypto/sha1"
	"encoding/hex"
	"slices"
	"strconv"
)

// podOf is a pod of a description.
type podOf struct{ namespace, name, node string }

// order is where the hash of a pod's name must lie, among those of its node, as hexadecimal text: behind a beginning, in one
// of so many equal parts.
type order struct {
	namespace, begins string
	part, of          uint64
}

// search makes pods' replacements such that their interfaces sort as the originals do. Both plugins call a pod's interface by
// the SHA-1 of "namespace.name" (pkg/networkutils/names.go of the AWS VPC CNI; workload_endpoint_default.go of Calico), and
// Calico writes a rule for each in that order, in a chain of their own where they begin alike (felix/rules/dispatch.go). So a
// replacement gets a counter behind it, until the hash falls where it should.
func (b *book) search() {
	byNode := map[string][]podOf{}
	var nodes []string
	for _, p := range b.pods {
		if byNode[p.node] == nil {
			nodes = append(nodes, p.node)
		}
		byNode[p.node] = append(byNode[p.node], p)
	}
	want := map[string][]order{}
	for _, n := range nodes {
		for name, o := range orders(byNode[n]) {
			want[name] = append(want[name], o...)
		}
	}
	for _, p := range b.pods {
		w := b.words[p.name]
		if w == nil || w.searched || known[p.name] || w.kinds[Namespace] {
			continue
		}
		w.searched = true
		const most = 1 << 16 // beyond it pods of names that begin alike for long keep no order
		for i := range most {
			to := w.to + "-" + strconv.FormatInt(int64(i), 36)
			if b.words[to] == nil && b.fits(to, want[p.name]) {
				w.to = to
				break
			}
		}
	}
}

// orders says of one node's pods, by name, where their hashes are.
func orders(pods []podOf) map[string][]order {
	if len(pods) < 2 {
		return nil
	}
	hash := func(p podOf) string { return podHash(p.namespace, p.name) }
	pods = slices.Clone(pods)
	slices.SortFunc(pods, func(x, y podOf) int {
		if hash(x) < hash(y) {
			return -1
		}
		return 1
	})
	first, last, common := hash(pods[0]), hash(pods[len(pods)-1]), 0
	for common < len(first)-1 && first[common] == last[common] {
		common++
	}
	out := map[string][]order{}
	for i := 0; i < len(pods); {
		begins := hash(pods[i])[:common+1]
		end := i
		for end < len(pods) && hash(pods[end])[:common+1] == begins {
			end++
		}
		for j, p := range pods[i:end] {
			out[p.name] = append(out[p.name], order{p.namespace, begins, uint64(j), uint64(end - i)})
		}
		i = end
	}
	return out
}

func (b *book) fits(name string, want []order) bool {
	for _, o := range want {
		h := podHash(b.name(Namespace, o.namespace), name)
		if h[:len(o.begins)] != o.begins {
			return false
		}
		rest, err := strconv.ParseUint(h[len(o.begins):][:6], 16, 64)
		if err != nil || rest*o.of>>24 != o.part {
			return false
		}
	}
	return true
}

// podHash is what a pod's interfaces are called by, behind the plugin's prefix. It has digits to spare.
func podHash(namespace, name string) string {
	h := sha1.Sum([]byte(namespace + "." + name))
	return hex.EncodeToString(h[:])
}
