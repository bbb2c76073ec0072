package picture

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
	"strconv"
	"sync"
	"testing"

	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/diagram"
	"github.com/podpath/podpath/internal/diagram/diagramtest"
	"github.com/podpath/podpath/internal/narrate"
	"github.com/podpath/podpath/internal/query"
	"github.com/podpath/podpath/internal/trace"
	"github.com/podpath/podpath/web/locales"
)

// shown is a trace that pictures are made of.
type shown struct {
	name  string
	doc   *trace.Document
	scene *diagram.Scene
}

// traces are a way between two nodes and back, one to the internet with a mark, one through a tunnel, one that is refused,
// and those that are composed by hand, of which one ends where nobody knows.
var traces = sync.OnceValues(func() ([]shown, error) {
	var out []shown
	for _, tt := range []struct {
		name, preset string
		options      map[string]string
		r            query.Request
	}{
		{"two nodes", "eks-study", nil, query.Request{From: "pod/default/netshoot-2", To: "pod/default/netshoot-3"}},
		{"internet", "eks-study", nil, query.Request{From: "pod/default/netshoot-2", To: "internet"}},
		{"tunnel", "onprem-study", map[string]string{"cni": "calico-vxlan"}, query.Request{From: "pod/default/netshoot-1", To: "pod/default/netshoot-4"}},
		{"refused", "eks-study", nil, query.Request{From: "pod/default/netshoot-1", To: "svc/default/web-empty"}},
	} {
		cl, err := compile.Preset(tt.preset)
		if err != nil {
			return nil, err
		}
		c, err := compile.Compile(cl, tt.options)
		if err != nil {
			return nil, err
		}
		doc, err := tt.r.Document(c)
		if err != nil {
			return nil, err
		}
		out = append(out, shown{tt.name, doc, diagram.Build(c.Topology, doc)})
	}
	for _, s := range diagramtest.Scenarios() {
		out = append(out, shown{s.Name, s.Document, diagram.Build(s.Topology, s.Document)})
	}
	return out, nil
})

func named(t testing.TB, name string) *shown {
	t.Helper()
	all, err := traces()
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		if all[i].name == name {
			return &all[i]
		}
	}
	t.Fatalf("no trace %q", name)
	return nil
}

// at is the picture of a station as the page would ask for it.
func (s *shown) at(station int, lang string, dark bool) *Picture {
	told := narrate.New(locales.New(lang), s.doc, s.scene)
	p := &Picture{Scene: s.scene, Current: station, Dark: dark, Lang: lang, Say: told.Label, Chip: s.scene.Chip(s.doc, station),
		Title: s.doc.Query.Source + " → " + s.doc.Query.Destination, Caption: told.Sentence(station), Mark: true}
	for i := range s.scene.Stations {
		p.Titles = append(p.Titles, told.Title(i))
	}
	return p
}

// every calls f with some stations of each trace, among them the first, the last and every end, in turn in either theme and
// language.
func every(t *testing.T, f func(t *testing.T, p *Picture)) {
	all, err := traces()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for i := range all {
		s := &all[i]
		for j := range s.scene.Stations {
			if (i > 3 || j%9 != 3) && j != len(s.scene.Stations)-1 && s.scene.Stations[j].Mark != diagram.StopDrop {
				continue
			}
			n++
			t.Run(s.name+"/"+strconv.Itoa(j+1), func(t *testing.T) { f(t, s.at(j, locales.Languages[n/2%2], n%2 == 0)) })
		}
	}
	if n < 30 {
		t.Errorf("only %d pictures", n)
	}
}

func decode(t *testing.T, data []byte) image.Image {
	t.Helper()
	m, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// looked is a picture's pixels with the way to them from the scene's coordinates.
type looked struct {
	image.Image
	l     *list
	scale float64
	dark  bool
}

// look draws a picture as its PNG is, without the detour through a file.
func look(t *testing.T, p *Picture) *looked {
	t.Helper()
	l, err := p.sheet()
	if err != nil {
		t.Fatal(err)
	}
	const scale = 1.5
	c, err := newRaster(int(l.W*scale), int(l.H*scale), p.Dark)
	if err != nil {
		t.Fatal(err)
	}
	c.show(l, l.X, l.Y, scale)
	return &looked{c.dc.Image(), l, scale, p.Dark}
}

// is says whether a pixel of the scene has exactly a token's colour.
func (m *looked) is(c colour, x, y float64) bool {
	r, g, b := c.rgb(m.dark)
	at := m.At(int((x-m.l.X)*m.scale), int((y-m.l.Y)*m.scale))
	return color.RGBAModel.Convert(at) == color.RGBA{r, g, b, 255}
}

// TestPacket: the packet is at its station in its colour, or the octagon where it ended; the line behind it is past, what
// is ahead is not.
func TestPacket(t *testing.T) {
	past, ahead := 0, 0
	every(t, func(t *testing.T, p *Picture) {
		m := look(t, p)
		cur := &p.Scene.Stations[p.Current]
		reply := p.Scene.Lanes[cur.Lane].Reply
		hue, done := colour("pkt"), colour("pkt")
		if reply {
			hue, done = "reply", "reply-ink"
		}
		switch {
		case cur.Mark == diagram.StopDrop:
			if !m.is("drop", cur.X-8, cur.Y) {
				t.Error("no octagon where the packet ends")
			}
		case p.Chip.ChangedIP:
			if !m.is("chg", cur.X-4.5, cur.Y) {
				t.Error("the changed header is not yellow")
			}
		default:
			if !m.is(hue, cur.X-4.5, cur.Y) {
				t.Error("the packet does not have its colour")
			}
		}
		for i := range p.Scene.Stations {
			s := &p.Scene.Stations[i]
			if s.Lane != cur.Lane || i == p.Current || s.Mark == diagram.StopDrop || math.Hypot(s.X-cur.X, s.Y-cur.Y) < 48 {
				continue
			}
			fill := done
			if i > p.Current {
				fill = "d-node"
			}
			if !m.is(fill, s.X, s.Y-6.5) {
				t.Errorf("station %d is not %s", i+1, fill)
			}
			if s.Unmodelled {
				continue
			}
			switch seen, drawn := m.along(p.Scene, s, hue); {
			case seen < 16: // no more than a gap between two dashes
			case i <= p.Current && !drawn:
				t.Errorf("the line to station %d is not past", i+1)
			case i <= p.Current:
				past++
			case drawn:
				t.Errorf("the line to station %d is past", i+1)
			default:
				ahead++
			}
		}
	})
	if past < 50 || ahead < 50 {
		t.Errorf("looked at %d lines behind and %d ahead", past, ahead)
	}
}

// along looks for a colour on the line to a station, away from what is painted over it, and says how much of the line it saw.
func (m *looked) along(sc *diagram.Scene, s *diagram.Station, hue colour) (seen float64, found bool) {
	free := func(x, y float64) bool {
		for i := range sc.Stations {
			if o := &sc.Stations[i]; math.Hypot(o.X-x, o.Y-y) < 12 {
				return false
			}
		}
		return true
	}
	for i := 1; i < len(s.Segment); i++ {
		a, b := s.Segment[i-1], s.Segment[i]
		long := math.Hypot(b.X-a.X, b.Y-a.Y)
		for u := 0.0; u <= long; u++ {
			if x, y := a.X+(b.X-a.X)*u/long, a.Y+(b.Y-a.Y)*u/long; free(x, y) {
				seen++
				found = found || m.is(hue, x, y)
			}
		}
	}
	return seen, found
}

// TestTunnel: the line is cased where the packet is wrapped, and the chip is in another.
func TestTunnel(t *testing.T) {
	s := named(t, "tunnel")
	cased := 0
	m := look(t, s.at(len(s.scene.Stations)/2-1, "en", false)) // the whole request is past
	for i := range s.scene.Stations {
		st := &s.scene.Stations[i]
		seg := st.Segment
		if n := len(seg); st.Lane != 0 || n < 2 || seg[n-1].X != seg[n-2].X || math.Abs(seg[n-1].Y-seg[n-2].Y) < 36 {
			continue
		}
		n := len(seg)
		x, y := seg[n-1].X, (seg[n-1].Y+seg[n-2].Y)/2
		if got := m.is("outer", x-6, y) && m.is("outer", x+6, y); got != st.Cased {
			t.Errorf("line to station %d: cased %v in the picture, %v in the scene", i+1, got, st.Cased)
		}
		if st.Cased {
			cased++
			p := s.at(i, "en", true)
			if m := look(t, p); p.Chip.Wrapped && !m.is("outer", st.X-25, st.Y) {
				t.Errorf("station %d: no outer chip", i+1)
			}
		}
	}
	if cased == 0 {
		t.Error("no line in the tunnel")
	}
}

// TestMarkFlag: a mark is a flag with its number; without room it is a flag alone.
func TestMarkFlag(t *testing.T) {
	s := named(t, "internet")
	for i := range s.scene.Stations {
		for _, tight := range []bool{false, true} {
			p := s.at(i, "en", false)
			p.Chip.Mark, p.Chip.Tight = "0x80", tight
			st := &s.scene.Stations[i]
			if m := look(t, p); !m.is("chg", st.X-24, st.Y-18) || m.is("chg", st.X+24, st.Y-27) == tight {
				t.Errorf("station %d, tight %v: wrong flag", i+1, tight)
			}
		}
		if i > 3 {
			return
		}
	}
}

// TestPNGSize: as wide as asked, in proportion, and the same every time.
func TestPNGSize(t *testing.T) {
	p := named(t, "two nodes").at(4, "ko", false)
	l, err := p.sheet()
	if err != nil {
		t.Fatal(err)
	}
	for _, width := range []int{1, 64, 333, 840, 1800} {
		var a, b bytes.Buffer
		if err := p.PNG(&a, width); err != nil {
			t.Fatal(err)
		}
		got := decode(t, a.Bytes()).Bounds().Size()
		if want := float64(width) * l.H / l.W; got.X != width || math.Abs(float64(got.Y)-want) > 0.51 && got.Y != 1 {
			t.Errorf("width %d: %v, want a height of %.1f", width, got, want)
		}
		if width > 400 {
			continue
		}
		if err := p.PNG(&b, width); err != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Errorf("width %d: another picture the second time: %v", width, err)
		}
	}
	for _, width := range []int{math.MinInt, -1, 0, MaxSide, MaxSide + 1, math.MaxInt} {
		if err := p.PNG(&bytes.Buffer{}, width); err == nil {
			t.Errorf("width %d: no error", width)
		}
	}
}

// TestBare: nothing but a scene is needed, and that may be empty.
func TestBare(t *testing.T) {
	s := named(t, "two nodes")
	empty := diagram.Build(diagramtest.Scenarios()[0].Topology, &trace.Document{})
	if len(empty.Stations) != 0 || len(empty.Boxes) == 0 {
		t.Fatal("not a scene without stations")
	}
	for _, tt := range []struct {
		name string
		p    Picture
	}{
		{"no titles", Picture{Scene: s.scene, Current: 3}},
		{"few titles", Picture{Scene: s.scene, Current: 3, Titles: []string{"one"}}},
		{"before the first", Picture{Scene: s.scene, Current: -1}},
		{"behind the last", Picture{Scene: s.scene, Current: 1000}},
		{"no stations", Picture{Scene: empty, Title: "A cluster", Caption: "Nobody has asked yet."}},
		{"nothing at all", Picture{Scene: &diagram.Scene{}}},
		{"a box of no known class", Picture{Scene: &diagram.Scene{Width: 100, Height: 50, Boxes: []diagram.Box{{Rect: diagram.Rect{W: 90, H: 40}, Class: "novel"}}}}},
	} {
		for _, dark := range []bool{false, true} {
			tt.p.Dark = dark
			var svg, pic, card bytes.Buffer
			if err := tt.p.SVG(&svg); err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			wellFormed(t, svg.Bytes())
			if err := tt.p.PNG(&pic, 400); err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			decode(t, pic.Bytes())
			if err := tt.p.Card(&card, 600, 315); err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			decode(t, card.Bytes())
		}
	}
	none := &Picture{}
	if none.SVG(&bytes.Buffer{}) == nil || none.PNG(&bytes.Buffer{}, 400) == nil || none.Card(&bytes.Buffer{}, 600, 315) == nil {
		t.Error("a picture of no scene is no error")
	}
}

// TestBeforeTheFirst: a packet that has not set out is nowhere, and all of its way is ahead.
func TestBeforeTheFirst(t *testing.T) {
	s := named(t, "two nodes")
	m := look(t, &Picture{Scene: s.scene, Current: -1})
	first := &s.scene.Stations[0]
	if !m.is("d-node", first.X, first.Y-6.5) {
		t.Error("the first station is past")
	}
}

// TestBehindTheLast: there is nothing behind the last station, so the packet is there.
func TestBehindTheLast(t *testing.T) {
	s := named(t, "two nodes")
	last := &s.scene.Stations[len(s.scene.Stations)-1]
	if m := look(t, &Picture{Scene: s.scene, Current: last.Index + 7}); !m.is("reply", last.X-4.5, last.Y) {
		t.Error("the packet is not at the last station")
	}
}

// TestOtherLane: the way back is faint while the packet is on its way there, and the other way round.
func TestOtherLane(t *testing.T) {
	s := named(t, "two nodes")
	for _, at := range []int{2, len(s.scene.Stations) - 1} {
		p := s.at(at, "en", false)
		m := look(t, p)
		other, looked := colour("reply"), 0.0
		if s.scene.Lanes[s.scene.Stations[at].Lane].Reply {
			other = "pkt"
		}
		for i := range s.scene.Stations {
			st := &s.scene.Stations[i]
			if st.Lane == s.scene.Stations[at].Lane {
				continue
			}
			seen, found := m.along(s.scene, st, other)
			looked += seen
			if found {
				t.Errorf("at %d: the line to station %d of the other lane is drawn as this one's", at+1, i+1)
			}
		}
		if looked < 300 {
			t.Errorf("at %d: saw %v of the other lane", at+1, looked)
		}
	}
}
