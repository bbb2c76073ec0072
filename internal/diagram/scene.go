// Package diagram turns a topology and a trace through it into a scene: nested boxes, ports on their borders, cables and
// links between them, and the packet's line with its stations, all with final coordinates. A scene is plain data; the
// page, an exported file or a test reads the same one, and none of them needs to know how it was laid out.
//
//	scene, err := diagram.Build(topo, doc)
//	for _, b := range scene.Boxes { … }      // grey structure, outermost first
//	for _, s := range scene.Stations { … }   // the line of the packet, station by station
//
// The layout is deterministic: the same topology and trace give the same scene, so that a box does not jump between two
// traces of one cluster.
//
//	┌ VPC ────────────────────────────────────────────┐
//	│ ┌ zone ───────────────┐ ┌ zone ───────────────┐ │
//	│ │ ┌ node ───────────┐ │ │                     │ │
//	│ │ │ ┌ pod ┐ ┌ pod ┐ │ │ │        …            │ │
//	│ │ │ └─▢───┘ └─▢───┘ │ │ │                     │ │
//	│ │ │ ┌─▢──root─▢───┐ │ │ │                     │ │
//	│ │ │ └─▣ ENI0──▣───┘ │ │ │                     │ │
//	│ └───┼───────┼───────┘ └─────────────────────┘ │ │
//	│     └───────┴────(router)───────────┘           │
//	└─────────────────────▢ IGW ──────────────────────┘
//	                   ( Internet )
package diagram

import "github.com/podpath/podpath/internal/trace"

// Width is the width of every scene's coordinate system; the height grows with what is drawn.
const Width = 840

// Scene is a laid-out diagram.
type Scene struct {
	Width, Height float64
	Boxes         []Box // outermost first, so that they can be drawn in order
	Ports         []Port
	Cables        []Line // veth pairs
	Links         []Line // everything else that joins two ports
	Circles       []Circle
	Notes         []Text // free-standing labels, such as a route table beside its router
	Lanes         []Lane
	Stations      []Station // in the order of the trace
	Places        []Place   // columns of the timeline, in the order in which the packet meets them
}

// Point is a position in the scene.
type Point struct{ X, Y float64 }

// Rect is a rectangle in the scene.
type Rect struct{ X, Y, W, H float64 }

// BoxClass is what a box stands for; it is its CSS class too.
type BoxClass string

// The classes of box, outermost first.
const (
	VPC    BoxClass = "vpc"
	Zone   BoxClass = "az"
	Node   BoxClass = "node"
	Root   BoxClass = "root"
	Pod    BoxClass = "pod"
	Device BoxClass = "dev" // a router, gateway or host that is a namespace of its own
	Brief  BoxClass = "brief"
)

// Box is a rounded rectangle with its labels.
type Box struct {
	Rect
	ID     string // unique in the scene: "box-" and the namespace's name for namespaces
	Parent string // the box around it; "" for the outermost
	Class  BoxClass
	Radius float64
	Texts  []Text
	Hex    *Point // where the pod's hexagon is drawn
	Pills  []Pill // host-network pods
	Quiet  bool   // not on the packet's way
}

// Pill is a dashed label with a small hexagon: a pod on the node's own network.
type Pill struct {
	Rect
	Name string
}

// Text is a label. Either S is shown as it is, or Key names a sentence of the catalogue with Args.
type Text struct {
	X, Y  float64
	S     string
	Key   string
	Args  map[string]string
	Class string // CSS classes: b bold, m mono, s small, v interface name, h heading
	End   bool   // anchored at its end
}

// Port is an interface, drawn as a label on the border that owns it, with a jack where the line passes.
type Port struct {
	Rect
	ID    string
	Owner string // the box whose border it sits on
	Class string // "", "gwp", "cloud"
	Jack  Rect
	Texts []Text
	Quiet bool
}

// Circle is a router.
type Circle struct {
	ID   string
	X, Y float64
	R    float64
}

// Line is a polyline.
type Line []Point

// Lane is one leg of the trace as a track: request lanes are solid, answers dashed and ten units beside them.
type Lane struct {
	Leg     int
	Kind    string // request, reply, icmp-error, proxied
	Reply   bool   // drawn as an answer
	Outcome trace.Outcome
	Path    Line // the whole way, first station to last
}

// Mark says how a station is drawn.
type Mark string

// The marks: a numbered circle, an octagon where the packet ends badly.
const (
	Stop     Mark = "stop"
	StopDrop Mark = "drop"
)

// Station is one stop of the line.
type Station struct {
	trace.StationDocument
	Index int // its place in the trace, from 0
	Lane  int // index into Lanes
	X, Y  float64
	Mark  Mark
	Here  string // the box, port or circle that the packet is in: "you are here"
	Place int    // index into Places
	// Segment leads from the station before it in the same lane to this one; a lane's first station has a single point.
	Segment Line
	// Unmodelled: nothing was evaluated between the station before and this one.
	Unmodelled bool
	// Cased: the packet came here inside an outer header.
	Cased bool
	Label *Label // nil where a port's or router's own label stands for it
	// Sub is the deciding fact in a few technical words, the same in every language.
	Sub string
}

// Label is where a station's title goes: beside the line, in one line or two, no wider than Max.
type Label struct {
	X, Y float64
	One  bool
	Max  float64
}

// PlaceClass is what a column of the timeline stands for.
type PlaceClass string

// The classes of place.
const (
	PlacePod     PlaceClass = "pod"
	PlaceNode    PlaceClass = "node"
	PlaceFabric  PlaceClass = "vpc"
	PlaceGateway PlaceClass = "gateway"
	PlaceRouter  PlaceClass = "router"
	PlaceSwitch  PlaceClass = "switch"
	PlaceOutside PlaceClass = "external"
)

// Place is a column of the timeline.
type Place struct {
	Class PlaceClass
	Name  string
}
