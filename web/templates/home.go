package templates

import (
	"fmt"

	"github.com/podpath/podpath/internal/diagram"
)

// HomePage is the first page.
type HomePage struct {
	Shell
	StartHref, TraceHref string
	Hero                 *TracePage // the trace of the picture
	Topics               []TopicLink
	Lessons              []LessonCard
	More                 []MoreLink
}

// TopicLink shows the lessons of a topic; an empty value is all.
type TopicLink struct {
	Value, Label, Href string
	Selected           bool
}

// MoreLink leads to another part of podpath.
type MoreLink struct{ Title, Lead, Href string }

// heroPart is the part of a scene that the picture shows: its nodes, down to the router.
func heroPart(s *diagram.Scene) diagram.Rect {
	return diagram.Thumbnail(s, func(*diagram.Station) bool { return false }).View
}

// within says whether something is in a part as a whole: nothing in the picture is cut.
func within(part, r diagram.Rect) bool {
	return r.X >= part.X && r.X+r.W <= part.X+part.W && r.Y >= part.Y && r.Y+r.H <= part.Y+part.H
}

func rectView(r diagram.Rect) string { return fmt.Sprintf("%.0f %.0f %.0f %.0f", r.X, r.Y, r.W, r.H) }

// heroRest is where the packet stands for readers who want no motion: in the middle of the longest stretch to the side, where it
// covers no station.
func heroRest(p *TracePage) string {
	way := p.Scene.Lanes[0].Path
	at, longest := way[0], 0.0
	for i := 1; i < len(way); i++ {
		a, b := way[i-1], way[i]
		if d := max(a.X-b.X, b.X-a.X); d > longest {
			at, longest = diagram.Point{X: (a.X + b.X) / 2, Y: (a.Y + b.Y) / 2}, d
		}
	}
	return translate(at.X, at.Y)
}

func stopRadius(class string) string {
	if class == "chg" {
		return "17"
	}
	return "11"
}

// cross is the sign of a packet's end.
func cross(c diagram.Point) string {
	return fmt.Sprintf("M%[1]s %[2]sl18 18M%[3]s %[2]sl-18 18", n(c.X-9), n(c.Y-9), n(c.X+9))
}
