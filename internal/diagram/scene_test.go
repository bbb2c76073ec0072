package diagram_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/diagram"
	"github.com/podpath/podpath/internal/diagram/diagramtest"
	"github.com/podpath/podpath/internal/query"
	"github.com/podpath/podpath/internal/topology"
)

var update = flag.Bool("update", false, "write the golden files")

// scene is a drawn trace with its name.
type scene struct {
	name string
	*diagram.Scene
}

// variants are the options under which each preset's scenes are drawn: without and with security groups for pods, which bring
// a leg to the same node twice, and with tunnels, which do so too.
var variants = map[string][]map[string]string{
	"eks-study":       {nil, {"securitygroups": "strict"}, {"securitygroups": "standard"}, {"cni": "calico-vxlan"}},
	"eks-private":     {nil, {"securitygroups": "strict"}, {"cni": "calico-ipip"}},
	"eks-two-subnets": {nil, {"cni": "calico-vxlan-crosssubnet", "sourcecheck": "false", "podingress": "true"}},
	"onprem-study":    {nil, {"cni": "calico-ipip"}, {"cni": "calico-bgp"}, {"cni": "calico-bgp", "bgp": "true"}},
}

// allScenes are those composed by hand and those of every pair of places in the presets, without and with security groups
// for pods, which bring a leg to the same node twice.
var allScenes = sync.OnceValues(func() ([]scene, error) {
	var out []scene
	for _, sc := range diagramtest.Scenarios() {
		out = append(out, scene{sc.Name, diagram.Build(sc.Topology, sc.Document)})
	}
	for _, preset := range compile.Presets() {
		for _, options := range variants[preset] {
			cl, err := compile.Preset(preset)
			if err != nil {
				return nil, err
			}
			c, err := compile.Compile(cl, options)
			if err != nil {
				return nil, err
			}
			for _, from := range c.Places {
				for _, to := range c.Places {
					if from.Name == to.Name && from.Kind != topology.Node || !from.Sends() {
						continue
					}
					r := query.Request{From: from.Name, To: to.Name}
					if from.Kind == topology.External && to.Kind == topology.Node {
						r.DstPort = 30080
					}
					doc, err := r.Document(c)
					if err != nil {
						return nil, err
					}
					name := fmt.Sprint(preset, " ", options, " ", from.Name, " to ", to.Name)
					out = append(out, scene{strings.ReplaceAll(name, "/", "."), diagram.Build(c.Topology, doc)})
				}
			}
		}
	}
	return out, nil
})

func scenes(t *testing.T, f func(*testing.T, *diagram.Scene)) {
	all, err := allScenes()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		t.Run(s.name, func(t *testing.T) { f(t, s.Scene) })
	}
}

// TestScenesVisitANodeTwice keeps the other tests honest: what they hold must be held for such legs too.
func TestScenesVisitANodeTwice(t *testing.T) {
	all, err := allScenes()
	if err != nil {
		t.Fatal(err)
	}
	const want = "eks-study map[securitygroups:strict] pod.default.netshoot-1 to pod.default.netshoot-2"
	for _, s := range all {
		if s.name != want {
			continue
		}
		for _, leg := range []string{"request", "reply"} {
			if !slices.ContainsFunc(s.Stations, func(st diagram.Station) bool { return strings.HasPrefix(st.ID, leg+"/node-a/2/") }) {
				t.Errorf("%s: the %s does not come to node-a twice", want, leg)
			}
		}
		return
	}
	t.Errorf("no scene %q", want)
}

// TestGolden holds the whole scene to its golden file: a box that moves shows in the diff.
func TestGolden(t *testing.T) {
	for _, sc := range diagramtest.Scenarios() {
		t.Run(sc.Name, func(t *testing.T) {
			got, err := json.MarshalIndent(diagram.Build(sc.Topology, sc.Document), "", " ")
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", sc.Name+".golden")
			if *update {
				if err := os.MkdirAll("testdata", 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, append(got, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatalf("%v (run with -update to write it)", err)
			}
			if diff := cmp.Diff(string(want), string(got)+"\n"); diff != "" {
				t.Errorf("scene differs from %s (-want +got):\n%s", path, diff)
			}
		})
	}
}

func TestEveryBoxLiesInItsParent(t *testing.T) {
	scenes(t, func(t *testing.T, s *diagram.Scene) {
		boxes := map[string]diagram.Box{}
		for _, b := range s.Boxes {
			if _, twice := boxes[b.ID]; twice {
				t.Errorf("box %s: ID is used twice", b.ID)
			}
			boxes[b.ID] = b
		}
		for _, b := range s.Boxes {
			if b.X < 0 || b.Y < 0 || b.X+b.W > s.Width || b.Y+b.H > s.Height {
				t.Errorf("box %s %+v lies outside the scene %gx%g", b.ID, b.Rect, s.Width, s.Height)
			}
			if b.Parent == "" {
				continue
			}
			p, ok := boxes[b.Parent]
			if !ok {
				t.Errorf("box %s: no parent %s", b.ID, b.Parent)
				continue
			}
			if b.X < p.X || b.Y < p.Y || b.X+b.W > p.X+p.W || b.Y+b.H > p.Y+p.H {
				t.Errorf("box %s %+v lies outside its parent %s %+v", b.ID, b.Rect, p.ID, p.Rect)
			}
		}
	})
}

func TestSiblingsDoNotOverlap(t *testing.T) {
	scenes(t, func(t *testing.T, s *diagram.Scene) {
		for i, a := range s.Boxes {
			for _, b := range s.Boxes[i+1:] {
				if a.Parent == b.Parent && overlap(a.Rect, b.Rect) {
					t.Errorf("boxes %s %+v and %s %+v overlap", a.ID, a.Rect, b.ID, b.Rect)
				}
			}
		}
	})
}

func overlap(a, b diagram.Rect) bool {
	return a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H
}

// TestStationsLieOnTheirLane checks every station against its lane, and every segment against both its ends.
func TestStationsLieOnTheirLane(t *testing.T) {
	scenes(t, func(t *testing.T, s *diagram.Scene) {
		prev := map[int]*diagram.Station{}
		for i := range s.Stations {
			st := &s.Stations[i]
			if st.Here == "" {
				t.Errorf("station %s is nowhere", st.ID)
			}
			if len(st.Segment) == 0 {
				t.Fatalf("station %s has no segment", st.ID)
			}
			end := st.Segment[len(st.Segment)-1]
			if end.X != st.X || end.Y != st.Y {
				t.Errorf("station %s at %g,%g: its segment ends at %v", st.ID, st.X, st.Y, end)
			}
			if p := prev[st.Lane]; p != nil {
				start := st.Segment[0]
				if start.X != p.X || start.Y != p.Y {
					t.Errorf("station %s: its segment starts at %v, the station before is at %g,%g", st.ID, start, p.X, p.Y)
				}
			}
			for j := 1; j < len(st.Segment); j++ {
				a, b := st.Segment[j-1], st.Segment[j]
				if a.X != b.X && a.Y != b.Y {
					t.Errorf("station %s: segment is not orthogonal: %v", st.ID, st.Segment)
				}
			}
			if !onLine(s.Lanes[st.Lane].Path, diagram.Point{X: st.X, Y: st.Y}) {
				t.Errorf("station %s at %g,%g does not lie on its lane %v", st.ID, st.X, st.Y, s.Lanes[st.Lane].Path)
			}
			prev[st.Lane] = st
		}
	})
}

func onLine(l diagram.Line, p diagram.Point) bool {
	d := func(a, b diagram.Point) float64 { return math.Hypot(a.X-b.X, a.Y-b.Y) }
	for i := 1; i < len(l); i++ {
		if math.Abs(d(l[i-1], p)+d(p, l[i])-d(l[i-1], l[i])) < 1e-6 {
			return true
		}
	}
	return len(l) == 1 && l[0] == p
}

// labelRect is the room that a station's label takes.
func labelRect(s diagram.Station) diagram.Rect {
	h := 36.0
	if s.Label.One {
		h = 22
	}
	return diagram.Rect{X: s.Label.X - 4, Y: s.Label.Y - h/2, W: s.Label.Max, H: h}
}

// TestLabelsDoNotOverlap compares the labels that are visible at the same time: those of one lane, with each other and
// with the stations of the lane.
func TestLabelsDoNotOverlap(t *testing.T) {
	scenes(t, func(t *testing.T, s *diagram.Scene) {
		for i, a := range s.Stations {
			if a.Label == nil {
				continue
			}
			for j, b := range s.Stations {
				if i == j || a.Lane != b.Lane {
					continue
				}
				if b.Label != nil && j > i && overlap(labelRect(a), labelRect(b)) {
					t.Errorf("labels of %s and %s overlap", a.ID, b.ID)
				}
				if overlap(labelRect(a), diagram.Rect{X: b.X - 9, Y: b.Y - 9, W: 18, H: 18}) {
					t.Errorf("station %s stands on the label of %s", b.ID, a.ID)
				}
			}
		}
	})
}

// TestLinesDoNotCrossLabels: no lane runs over its own labels.
func TestLinesDoNotCrossLabels(t *testing.T) {
	scenes(t, func(t *testing.T, s *diagram.Scene) {
		for _, a := range s.Stations {
			if a.Label == nil {
				continue
			}
			path := s.Lanes[a.Lane].Path
			for i := 1; i < len(path); i++ {
				p, q := path[i-1], path[i]
				line := diagram.Rect{X: min(p.X, q.X) - 1, Y: min(p.Y, q.Y) - 1, W: math.Abs(p.X-q.X) + 2, H: math.Abs(p.Y-q.Y) + 2}
				if overlap(labelRect(a), line) {
					t.Errorf("the line from %v to %v runs over the label of %s", p, q, a.ID)
				}
			}
		}
	})
}

// TestStationsDoNotCollide: two stations of a lane never share a place.
func TestStationsDoNotCollide(t *testing.T) {
	scenes(t, func(t *testing.T, s *diagram.Scene) {
		for i, a := range s.Stations {
			for _, b := range s.Stations[i+1:] {
				if a.Lane == b.Lane && math.Hypot(a.X-b.X, a.Y-b.Y) < 20 {
					t.Errorf("stations %s and %s are both at %g,%g", a.ID, b.ID, a.X, a.Y)
				}
			}
		}
	})
}

func BenchmarkBuild(b *testing.B) {
	sc := diagramtest.Scenarios()[0]
	b.ReportAllocs()
	for b.Loop() {
		diagram.Build(sc.Topology, sc.Document)
	}
}
