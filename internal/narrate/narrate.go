// Package narrate tells a trace in words: what its stations are called, where each is, and the sentence that stands for
// it, in the reader's language. The page, the exports and the command line say the same of a station because they ask
// here.
//
//	s := narrate.New(locales.New("ko"), doc, diagram.Build(topo, doc))
//	for i := range doc.Stations {
//		fmt.Println(s.Title(i), s.Sentence(i))
//	}
package narrate

import (
	"strings"

	"github.com/podpath/podpath/internal/diagram"
	"github.com/podpath/podpath/internal/trace"
	"github.com/podpath/podpath/web/locales"
)

// Story is one trace in one language.
type Story struct {
	l     *locales.Printer
	doc   *trace.Document
	scene *diagram.Scene
}

// New tells a document that was laid out as the scene.
func New(l *locales.Printer, doc *trace.Document, scene *diagram.Scene) *Story {
	return &Story{l: l, doc: doc, scene: scene}
}

// Title is a station's name. A fabric's stops are named after the device; an answer's ends after what they mean there.
func (s *Story) Title(station int) string {
	st := &s.doc.Stations[station]
	leg := &s.doc.Legs[st.Leg]
	hop := &leg.Hops[st.Hop]
	key := st.Kind
	switch {
	case st.Kind == "fabric":
		if name, ok := fabric[hop.Device]; ok {
			key = name
		}
	case leg.Kind == string(trace.ICMPError) && st.Kind == "send":
		key = "error-send"
	case s.Answer(station) && st.Kind == "send":
		key = "reply-send"
	case s.Answer(station) && st.Kind == "deliver":
		key = "reply-deliver"
	}
	dev := st.Interface
	if dev == "" && st.Kind == "receive" && hop.In != nil {
		dev = *hop.In
	}
	if dev == "" && st.Kind == "transmit" && hop.Out != nil {
		dev = *hop.Out
	}
	if t, ok := s.l.Lookup("station."+key, map[string]string{"dev": dev}); ok {
		return t
	}
	return st.Kind
}

// Answer says whether a station is on the way back.
func (s *Story) Answer(station int) bool { return s.scene.Lanes[s.scene.Stations[station].Lane].Reply }

// fabric are the names of a fabric's stops by its devices.
var fabric = map[string]string{trace.DeviceLoadBalancer: "fabric-nlb", trace.DeviceNATGateway: "fabric-nat", trace.DeviceInternetGateway: "fabric-igw", trace.DeviceRouter: "fabric-router"}

// Leg is what a kind of leg is called: there, back.
func (s *Story) Leg(kind string) string {
	if t, ok := s.l.Lookup("ui."+kind, nil); ok {
		return t
	}
	return kind
}

// Place is what a column of the timeline is called: a pod, a node, the VPC.
func (s *Story) Place(column int) string {
	p := &s.scene.Places[column]
	switch p.Class {
	case diagram.PlacePod:
		return s.l.T("place.pod", "name", p.Name)
	case diagram.PlaceFabric:
		return s.l.T("place.vpc")
	case diagram.PlaceOutside:
		if s.outside(column) {
			return s.l.T("place.external")
		}
	}
	return p.Name
}

// outside says whether a place is a machine that no kernel is modelled for.
func (s *Story) outside(column int) bool {
	for i := range s.scene.Stations {
		if st := &s.scene.Stations[i]; st.Place == column {
			return s.doc.Legs[st.Leg].Hops[st.Hop].Device != ""
		}
	}
	return false
}

// PlaceOf is the place that a station is in.
func (s *Story) PlaceOf(station int) string { return s.Place(s.scene.Stations[station].Place) }

// Sentence is what stands for a station: what its decisive step did. A routing decision has two, which table and which
// route.
func (s *Story) Sentence(station int) string {
	st := &s.doc.Stations[station]
	steps := s.steps(st)
	d := st.Decisive - st.First
	if d < 0 || d >= len(steps) {
		d = len(steps) - 1
	}
	text := s.code(&steps[d])
	if st.Kind != "route" {
		return text
	}
	for i := range steps {
		if i != d && steps[i].Code == string(trace.PolicyRule) && i < d {
			return s.code(&steps[i]) + " " + text
		}
		if i > d && steps[d].Code == string(trace.PolicyRule) && strings.HasPrefix(steps[i].Code, "route-") {
			return text + " " + s.code(&steps[i])
		}
	}
	return text
}

// Would is what would have to change for the packet to go on from a station; "" where it does.
func (s *Story) Would(station int) string {
	st := &s.doc.Stations[station]
	steps := s.steps(st)
	if d := st.Decisive - st.First; d >= 0 && d < len(steps) && steps[d].Would != nil {
		return s.l.Code(steps[d].Would.Code, steps[d].Would.Args)
	}
	return ""
}

// Label is a text of the scene in the reader's language.
func (s *Story) Label(t *diagram.Text) string { return Label(s.l, t) }

// Label is a text of a scene in a language.
func Label(l *locales.Printer, t *diagram.Text) string {
	if t.Key == "" {
		return t.S
	}
	key := t.Key
	if kind := t.Args["kind"]; kind != "" {
		key += "-" + kind
	}
	return l.Args(key, t.Args)
}

func (s *Story) steps(st *trace.StationDocument) []trace.StepDocument {
	return s.doc.Legs[st.Leg].Hops[st.Hop].Steps[st.First : st.Last+1]
}

func (s *Story) code(st *trace.StepDocument) string { return s.l.Code(st.Code, st.Args) }
