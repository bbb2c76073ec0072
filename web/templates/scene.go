package templates

import (
	"github.com/podpath/podpath/internal/diagram"
	"github.com/podpath/podpath/internal/trace"
)

// here says whether the current station's packet is in a box or at a port.
func (p *TracePage) here(id string) bool { return p.HasTrace() && p.Stations[p.Current].Here == id }

// viewBox is the whole of a scene.
func viewBox(s *diagram.Scene) string { return "0 0 " + n(s.Width) + " " + n(s.Height) }

// currentLane is the lane of the current station.
func (p *TracePage) currentLane() int { return p.Stations[p.Current].Lane }

func laneClass(p *TracePage, i int) string {
	c := "lane req"
	if p.Scene.Lanes[i].Reply {
		c = "lane rep"
	}
	return c + when(i != p.currentLane(), "is-off")
}

func scaleOf(r float64) string {
	if r >= 20 {
		return ""
	}
	return " scale(" + n(r/22) + ")"
}

// tail is the dotted stretch behind the last station of a leg whose end is not known: on in the direction it had.
func (p *TracePage) tail(lane int) string {
	l := p.Scene.Lanes[lane]
	if l.Outcome != trace.Undetermined || len(l.Path) == 0 {
		return ""
	}
	end := l.Path[len(l.Path)-1]
	dx, dy := 0.0, 1.0
	if len(l.Path) > 1 {
		prev := l.Path[len(l.Path)-2]
		switch {
		case end.Y < prev.Y:
			dy = -1
		case end.Y == prev.Y && end.X > prev.X:
			dx, dy = 1, 0
		case end.Y == prev.Y && end.X < prev.X:
			dx, dy = -1, 0
		}
	}
	return diagram.Line{end, {X: end.X + dx*46, Y: end.Y + dy*46}}.D()
}
