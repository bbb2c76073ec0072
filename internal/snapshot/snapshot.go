// Package snapshot reads dumps of real nodes into a topology: `ip addr`, `ip route`, `ip rule`, `ip neigh`, `bridge fdb`
// (JSON and text), iptables-save, `nft list ruleset`, `ipset save` and sysctls, one folder a namespace, or the same as
// one txtar text. Kubernetes objects beside them give Services their names. What a file is, is known by its content; names are a convention.
package snapshot

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sort"
	"strings"

	"github.com/podpath/podpath/internal/topology"
)

// Limits on what is read: a snapshot of a large node has some 2 MB; ten nodes of that are far below.
const (
	MaxFile  = 32 << 20
	MaxTotal = 256 << 20
	MaxFiles = 20_000
)

// Error is what is wrong with a piece of a snapshot.
type Error struct {
	File   string
	Line   int // 0: not known
	Reason string
}

func (e *Error) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Reason)
	}
	return e.File + ": " + e.Reason
}

func errorf(file string, line int, format string, args ...any) error {
	return &Error{File: file, Line: line, Reason: fmt.Sprintf(format, args...)}
}

// file is one piece, with the folder it lies in.
type file struct {
	name string // as in the input, for messages
	dir  string // the namespace's folder; "" for the root
	base string
	data []byte
}

// Open reads a snapshot from a folder or from a txtar file; "-" is standard input.
func Open(name string) (*topology.Topology, error) {
	if name == "-" {
		data, err := io.ReadAll(io.LimitReader(os.Stdin, MaxTotal+1))
		if err != nil {
			return nil, err
		}
		return ReadArchive(data, "standard input")
	}
	st, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if st.IsDir() {
		return ReadFS(os.DirFS(name), path.Base(name))
	}
	if st.Size() > MaxTotal {
		return nil, errorf(name, 0, "%d bytes; a snapshot may have %d", st.Size(), MaxTotal)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return ReadArchive(data, name)
}

// ReadArchive reads a snapshot from one txtar text (`-- node-1/ip-rule.json --` before each piece).
func ReadArchive(data []byte, name string) (*topology.Topology, error) {
	if len(data) > MaxTotal {
		return nil, errorf(name, 0, "%d bytes; a snapshot may have %d", len(data), MaxTotal)
	}
	files := splitArchive(data)
	if len(files) == 0 {
		return nil, errorf(name, 1, "no pieces: want a line such as `-- node-1/ip-rule.json --` before each dump")
	}
	if len(files) > MaxFiles {
		return nil, errorf(name, 0, "more than %d pieces", MaxFiles)
	}
	for _, f := range files {
		if len(f.data) > MaxFile {
			return nil, errorf(f.name, 0, "%d bytes; one piece may have %d", len(f.data), MaxFile)
		}
	}
	return build(files, name)
}

// ReadFS reads a snapshot from a folder.
func ReadFS(fsys fs.FS, name string) (*topology.Topology, error) {
	var files []file
	total := 0
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if len(files) >= MaxFiles {
			return errorf(p, 0, "more than %d files", MaxFiles)
		}
		switch path.Ext(p) {
		case ".json", ".txt", ".yaml", ".yml":
		default:
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Size() > MaxFile {
			return errorf(p, 0, "%d bytes; one piece may have %d", info.Size(), MaxFile)
		}
		if total += int(info.Size()); total > MaxTotal {
			return errorf(p, 0, "more than %d bytes in all", MaxTotal)
		}
		data, err := fs.ReadFile(fsys, p)
		if err != nil {
			return err
		}
		files = append(files, newFile(p, data))
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, errorf(name, 0, "no dumps here: want a folder a namespace with ip-addr.json, ip-route.json, ip-rule.json, iptables-save.txt")
	}
	return build(files, name)
}

func newFile(name string, data []byte) file {
	dir, base := path.Split(strings.TrimPrefix(path.Clean(strings.ReplaceAll(name, "\\", "/")), "/"))
	return file{name: name, dir: strings.TrimSuffix(dir, "/"), base: base, data: data}
}

// build sorts the pieces by folder, reads each, pairs the links and names what is missing.
func build(files []file, name string) (*topology.Topology, error) {
	t := &topology.Topology{Name: name}
	spaces := map[string]*space{}
	var order []string
	var errs []error
	var l *lab
	at := func(ns string) *space {
		s := spaces[ns]
		if s == nil {
			s = &space{ns: &topology.Namespace{Name: ns, Sysctl: map[string]string{}}}
			spaces[ns] = s
			order = append(order, ns)
		}
		return s
	}
	var pieces []file
	for _, f := range files {
		pieces = append(pieces, sections(f)...)
	}
	for _, f := range pieces {
		kind := sniff(f)
		switch kind {
		case kindIgnored:
			continue
		case kindLab:
			var err error
			if l, err = readLab(f); err != nil {
				errs = append(errs, err)
			}
			continue
		case kindObjects:
			services, err := readServices(f)
			if err != nil {
				errs = append(errs, err)
			}
			t.Services = append(t.Services, services...)
			continue
		case kindPod:
			ns, err := readPod(f)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			if spaces[ns.ns.Name] != nil {
				errs = append(errs, errorf(f.name, 0, "%s is in the snapshot twice", ns.ns.Name))
				continue
			}
			spaces[ns.ns.Name] = ns
			order = append(order, ns.ns.Name)
			continue
		case kindUnknown:
			t.Assumptions = append(t.Assumptions, topology.Assumption{Code: "assume-ignored", Args: map[string]string{"file": f.name}})
			continue
		}
		ns := f.dir
		if ns == "" {
			ns = "node"
		}
		pod, isPod := podFile(f)
		if isPod {
			ns = pod
		}
		s := at(ns)
		s.pod = s.pod || isPod
		if err := s.read(kind, f); err != nil {
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if len(order) == 0 {
		return nil, errorf(name, 0, "no dump recognised: want the output of ip addr, ip route, ip rule, iptables-save …")
	}
	if l != nil {
		order = l.sorted(order)
		t.Traced = l.Traced
	} else {
		sort.SliceStable(order, func(a, b int) bool { return spaces[order[a]].rank() < spaces[order[b]].rank() })
	}
	list := make([]*space, len(order))
	for i, n := range order {
		list[i] = spaces[n]
		if err := list[i].finish(t); err != nil {
			return nil, err
		}
	}
	pair(list)
	classify(list, l)
	for _, s := range list {
		t.AddNamespace(s.ns)
	}
	return t, nil
}
