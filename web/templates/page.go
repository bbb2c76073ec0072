// Package templates draws the pages: templ components over the plain data of a trace and its scene. Everything that a
// reader can see is in the HTML that the server sends; the script in web/src only moves between what is there.
package templates

import (
	"strings"

	"github.com/podpath/podpath/internal/diagram"
	"github.com/podpath/podpath/internal/narrate"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
	"github.com/podpath/podpath/web/locales"
)

// Shell is what every page needs: language, theme and where the switches lead.
type Shell struct {
	L     *locales.Printer
	Theme string // light, dark, or "" for what the system prefers
	Title string
	// Description is the page in a sentence, for a search engine and a chat's preview; "": what podpath is.
	Description string
	// LangHref and ThemeHref give the address of this page in another language or theme.
	LangHref  func(lang string) string
	ThemeHref func(theme string) string
	// Address is the page's own, whole, Picture that of its picture for a chat's preview, 1200 by 630 pixels, and OEmbed that of
	// what says how it is put into another page (oembed.com); "" for none.
	Address, Picture, OEmbed string
	// Framed: the page stands in another one, without what stands around it. TopHref leads to it on its own.
	Framed  bool
	TopHref string
	// Asset gives the address of a static file with its content hash.
	Asset func(name string) string
	Nav   []NavLink
	// Project: the page is shown to a room, in large letters and without what stands around it. ProjectHref switches it with
	// 1 and 0.
	Project     bool
	ProjectHref func(on string) string
	// HomeHref leads to the first page.
	HomeHref string
}

// FullTitle is the page's title with podpath's name, once.
func (s *Shell) FullTitle() string {
	if s.Title == "" {
		return "podpath"
	}
	return s.Title + " · podpath"
}

// LessonsHref leads to the walkthroughs.
func (s *Shell) LessonsHref() string {
	for _, n := range s.Nav {
		if n.Key == "lessons" {
			return n.Href
		}
	}
	return s.HomeHref
}

// About is the page in a sentence.
func (s *Shell) About() string {
	if s.Description == "" {
		return s.L.T("home.lead")
	}
	return s.Description
}

// NavLink is a page of the main menu; its name is the sentence `ui.nav-<Key>`.
type NavLink struct {
	Key, Href string
	Current   bool
}

// NextTheme is the theme that the switch leads to.
func (s *Shell) NextTheme() string {
	if s.Theme == "dark" {
		return "light"
	}
	return "dark"
}

// TracePage is the trace page: the form, and either a trace or what is wrong with the query.
type TracePage struct {
	Shell
	Form     Form
	Stations []StationView
	Current  int // the station shown first
	Scene    *diagram.Scene
	Groups   []GroupView
	Timeline Timeline
	Outcome  Outcome
	Conns    []ConnView
	Assume   []string
	Checked  *CheckedView // nil where nobody asked
	Choices  []ChoiceView
	Marks    *MarksView  // nil where no mark is set
	Frozen   *FrozenView // nil but for what was shared
}

// HasTrace says whether there is a trace to show.
func (p *TracePage) HasTrace() bool { return len(p.Stations) > 0 }

// Form is the query as it was asked, with what is wrong about it.
type Form struct {
	Presets  []Choice
	Places   []PlaceGroup
	Senders  []PlaceGroup // those that can send
	From, To PlaceField
	Protocol string
	Port     NumberField
	Ports    []string // a Service's, as a hint
	Picks    []PickField
	Sport    NumberField
	TTL      NumberField
	Payload  NumberField
	CNIs     []Choice
	Options  []OptionField
	Error    string // about the query as a whole
	Errors   map[string]string
	Messages []string // all of them, in the order in which they were found
	Summary  string
	// OwnHref leads to where a network of one's own is taken.
	OwnHref string
	// ShareHref leads to what can be done with the trace elsewhere; "" where there is none.
	ShareHref string
}

// MoreOpen says whether the folded part of the form has something to say.
func (f *Form) MoreOpen() bool {
	for _, o := range f.Options {
		if o.Changed || f.Errors[o.Name] != "" {
			return true
		}
	}
	return f.Sport.Value+f.TTL.Value+f.Payload.Value != "" || f.Errors["sport"]+f.Errors["ttl"]+f.Errors["payload"] != ""
}

// Choice is one value of a select.
type Choice struct {
	Value, Label string
	Selected     bool
}

// PlaceGroup is a group of places in a select.
type PlaceGroup struct {
	Label  string
	Places []Choice
}

// PlaceField is the source or destination: a place of the list, or an address that was typed.
type PlaceField struct {
	Value   string
	Address string // set where Value is not in the list
}

// PickField is a choice that chance makes on a real node.
type PickField struct {
	Name, ID, Label string
	Options         []Choice
}

// NumberField is a number as it was typed.
type NumberField struct {
	Value       string
	Placeholder string
	Min, Max    int
}

// OptionField is one option of the CNI.
type OptionField struct {
	Name    string // the form's field
	Key     string
	Label   string
	Values  []Choice
	Value   string
	Default string
	Changed bool
}

// Outcome is how the trace ended, in one line.
type Outcome struct {
	Class  string // "", drop, unknown
	Title  string
	Text   string
	Href   string
	Number int
}

// ConnView is one conntrack entry.
type ConnView struct {
	Place, Original, Reply, Flags string
}

// StationView is one station as the list, the detail and the timeline show it.
type StationView struct {
	*diagram.Station
	N       int
	Href    string
	Title   string
	Short   string // the title as the diagram has room for it
	Place   string
	LaneKey string // request, reply, icmp-error
	Reply   bool
	Drop    bool
	Text    string
	Would   string
	Reason  string // the kernel's name for why the packet ended here
	Where   string
	Lines   []LineView
	Packet  PacketView
	Tag     string // what changed, for the list
	Hook    string // the box of the netfilter map
	NS      string
	Chip    diagram.Chip
	Say     string
	Choices []*ChoiceView // made at this station
	Note    string        // the sharer's
}

// Preview is a station in a sentence, for a chat: "14 · POSTROUTING, node-b: The rule …".
func (s *StationView) Preview() string {
	return itoa(s.N) + " · " + s.Title + ", " + s.Place + ": " + s.Text
}

// GroupView is a run of stations in one place, for the list.
type GroupView struct {
	Label    string
	Reply    bool
	Stations []int
}

// Timeline is the U-turn of dots: columns are places, the request runs right on the upper rail and the answer back left
// on the lower.
type Timeline struct {
	Cols  []TimelineCol
	Rails []TimelineRail
	Dots  []TimelineDot
	Total int
}

// TimelineCol is a column in units of stations.
type TimelineCol struct {
	Label    string
	At, Span float64
}

// TimelineRail is the line behind a lane's dots.
type TimelineRail struct {
	Lane     int
	From, To float64
}

// TimelineDot is one station's dot.
type TimelineDot struct {
	Index, Lane int
	At          float64
}

// Input is what a trace page is made of.
type Input struct {
	Shell    Shell
	Form     Form
	Topology *topology.Topology
	Document *trace.Document
	Step     string // the station to show, by ID
	// StepHref gives the address of the page at a station.
	StepHref func(id string) string
	// ChoiceHref gives the address of the trace that chooses another way, at a station; no value goes back to the first.
	ChoiceHref func(id, value, step string) string
	// NodeHref gives the address of a node's page at a chain.
	NodeHref func(namespace, table, chain string) string
	// PlaceName names the place that has an address; "" for none.
	PlaceName func(address string) string
	Checked   *CheckedView
	// Frozen is what was shared; Scene is its drawing as it was then. Both are nil for a trace of today.
	Frozen *FrozenView
	Scene  *diagram.Scene
}

// NewTracePage makes the page of a trace. Without a document it is the form alone.
func NewTracePage(in Input) *TracePage {
	p := &TracePage{Shell: in.Shell, Form: in.Form, Checked: in.Checked, Frozen: in.Frozen}
	if p.Title == "" {
		p.Title = in.Shell.L.T("ui.title")
	}
	if in.Document == nil || len(in.Document.Stations) == 0 {
		if in.Topology != nil {
			p.Scene = diagram.Build(in.Topology, &trace.Document{})
		}
		return p
	}
	b := &builder{l: in.Shell.L, doc: in.Document, topo: in.Topology, href: in.StepHref, in: &in}
	if p.Scene = in.Scene; p.Scene == nil {
		p.Scene = diagram.Build(in.Topology, in.Document)
	}
	b.scene = p.Scene
	b.told = narrate.New(b.l, b.doc, b.scene)
	p.Stations = b.stations()
	if at := in.Document.FindStation(in.Step); at >= 0 {
		in.Step = in.Document.Stations[at].ID // any table of a hook names its stop
	}
	for i := range p.Stations {
		if p.Stations[i].ID == in.Step {
			p.Current = i
		}
	}
	p.Groups = b.groups(p.Stations)
	p.Timeline = b.timeline(p.Stations)
	p.Outcome = b.outcome(p.Stations)
	p.Marks = b.marks(p.Stations, p.Current)
	p.Conns = b.conns()
	for _, a := range in.Document.Assumptions {
		p.Assume = append(p.Assume, b.l.Code(a.Code, a.Args))
	}
	p.Choices = b.choices(p.Stations)
	for i := range p.Choices {
		if at := p.Choices[i].Station; at >= 0 {
			p.Stations[at].Choices = append(p.Stations[at].Choices, &p.Choices[i])
		}
	}
	return p
}

// builder turns a document into views.
type builder struct {
	l     *locales.Printer
	doc   *trace.Document
	topo  *topology.Topology
	scene *diagram.Scene
	told  *narrate.Story
	href  func(string) string
	in    *Input
}

func (b *builder) stations() []StationView {
	views := make([]StationView, len(b.scene.Stations))
	for i := range b.scene.Stations {
		s := &b.scene.Stations[i]
		leg := b.doc.Legs[s.Leg]
		hop := leg.Hops[s.Hop]
		steps := hop.Steps[s.First : s.Last+1]
		v := StationView{Station: s, N: i + 1, Href: b.href(s.ID), LaneKey: leg.Kind, Reply: b.told.Answer(i),
			Drop: s.Mark == diagram.StopDrop}
		v.Title = b.told.Title(i)
		v.Short = v.Title
		if s.Label != nil {
			v.Short = diagram.Clip(v.Title, 13, s.Label.Max)
		}
		v.Place = b.told.Place(s.Place) + " · " + b.told.Leg(leg.Kind)
		v.Text, v.Would = b.told.Sentence(i), b.told.Would(i)
		v.Reason = steps[len(steps)-1].Args["reason"]
		v.Where = b.where(s, steps)
		v.Lines = b.lines(s, &hop, steps, v.Drop)
		before := -1
		if i > 0 && b.scene.Stations[i-1].Leg == s.Leg {
			before = b.lastPacket(b.scene.Stations[i-1].StationDocument)
		}
		v.Packet = b.packet(before, b.lastPacket(s.StationDocument))
		v.Chip = b.scene.Chip(b.doc, i)
		v.Tag = changeTag(steps)
		if hop.Device == "" {
			v.Hook = hookOf(s.Kind)
		}
		v.NS = b.namespace(s, hop)
		if in := b.in.Frozen; in != nil {
			v.Note = in.Notes[s.ID]
		}
		v.Say = b.l.T("ui.step-of", "n", itoa(v.N), "total", itoa(len(views)), "title", v.Title, "text", v.Text)
		views[i] = v
	}
	return views
}

// where names the table of the kernel that the evidence is from.
func (b *builder) where(s *diagram.Station, steps []trace.StepDocument) string {
	place := b.scene.Places[s.Place].Name
	d := min(max(s.Decisive-s.First, 0), len(steps)-1)
	st := steps[d]
	what := st.Stage
	switch st.Stage {
	case "netfilter":
		what = strings.TrimSpace(st.Table + " " + st.Chain)
		if what == "" {
			what = s.Kind
		}
	case "route", "send":
		what = "ip rule, ip route"
		if len(steps) == 1 {
			what = "ip route"
		}
	case "neighbour":
		what = "ip neigh"
	case "drop", "reject":
		if d > 0 && ended(steps[:d+1]) && steps[d-1].Stage == "netfilter" {
			what = strings.TrimSpace(steps[d-1].Table + " " + steps[d-1].Chain)
		}
		if s.Kind == "route" {
			what = "ip rule, ip route"
		}
	case "fabric":
		what = "VPC"
		if place == "VPC" {
			return b.doc.Legs[s.Leg].Hops[s.Hop].Namespace
		}
	}
	return place + " · " + what
}

func (b *builder) namespace(s *diagram.Station, hop trace.HopDocument) string {
	name := b.scene.Places[s.Place].Name
	switch {
	case hop.Kind == string(topology.Node):
		return b.l.T("ui.rules-of", "place", name)
	case hop.Device != "":
		return b.l.T("ui.outside-kernel")
	}
	return b.l.T("ui.netns-of", "place", name)
}

func (b *builder) lastPacket(s trace.StationDocument) int {
	return b.doc.Legs[s.Leg].Hops[s.Hop].Steps[s.Last].Packet
}

// groups are the runs of stations in one place.
func (b *builder) groups(views []StationView) []GroupView {
	var gs []GroupView
	lastPlace, lastLane := -1, -1
	for i := range views {
		v := &views[i]
		if v.Station.Place != lastPlace || v.Lane != lastLane {
			gs = append(gs, GroupView{Label: b.told.Place(v.Station.Place), Reply: v.Reply})
			lastPlace, lastLane = v.Station.Place, v.Lane
		}
		g := &gs[len(gs)-1]
		g.Stations = append(g.Stations, i)
	}
	return gs
}

// outcome says how the trace ended where it did not simply arrive.
func (b *builder) outcome(views []StationView) Outcome {
	o := Outcome{Title: b.l.T("ui.outcome-" + string(b.doc.Outcome))}
	if b.doc.Outcome == trace.Delivered {
		return o
	}
	o.Class = "drop"
	if b.doc.Outcome == trace.Undetermined {
		o.Class = "unknown"
	}
	if r := b.doc.Reason; r != nil {
		o.Text = b.l.Code(r.Code, r.Args)
	}
	for i := range views {
		leg := views[i].Leg
		if b.doc.Legs[leg].Outcome == b.doc.Outcome && (i == len(views)-1 || views[i+1].Leg != leg) {
			o.Number, o.Href = views[i].N, views[i].Href
			o.Title += " · " + b.l.T("ui.stopped-at", "n", itoa(views[i].N), "place", b.told.Place(views[i].Station.Place))
			break
		}
	}
	return o
}

func (b *builder) conns() []ConnView {
	var out []ConnView
	for _, c := range b.doc.Conntrack {
		v := ConnView{Place: c.Namespace, Original: c.Original, Reply: c.Reply}
		var flags []string
		if c.NAT != "" {
			flags = append(flags, b.l.T("ui.nat-"+c.NAT))
		}
		if c.Mark != 0 {
			flags = append(flags, "mark="+hex(c.Mark))
		}
		if c.Unreplied {
			flags = append(flags, b.l.T("ui.unreplied"))
		}
		v.Flags = strings.Join(flags, " · ")
		out = append(out, v)
	}
	return out
}
