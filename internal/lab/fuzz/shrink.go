package fuzz

import (
	"context"
	"slices"

	"github.com/podpath/podpath/internal/lab"
)

// Shrink looks for the smallest case in which a flow still makes kernel and tracer differ, by delta debugging (Zeller and
// Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002): parts are taken out in halves, quarters and one by
// one for as long as a difference stays, whichever it is. It stops when nothing more can go or the context ends. The case is
// nil where the difference did not come again. The design is left as the case has it.
func Shrink(ctx context.Context, d *Design, f lab.Flow, k Kernel) (*Case, *Verdict, error) {
	s := &shrinker{design: d, kernel: k, flow: f}
	if err := s.try(); err != nil || s.best == nil {
		return nil, nil, err
	}
	for {
		before := s.progress
		for i := range d.parts() {
			if err := s.parts(ctx, i); err != nil {
				return nil, nil, err
			}
		}
		if err := s.flows(ctx); err != nil {
			return nil, nil, err
		}
		if s.progress == before || ctx.Err() != nil {
			return s.best, s.verdict, nil
		}
	}
}

type shrinker struct {
	design   *Design
	kernel   Kernel
	flow     lab.Flow
	best     *Case
	verdict  *Verdict
	progress int
}

// try has the kernel and the tracer judge the network as it is now. best is set where they differ. A network that does not
// compile, that the kernel does not build, or that has lost the flow's own namespace shows nothing.
func (s *shrinker) try() error {
	s.best, s.verdict = nil, nil
	c := s.design.Case(s.flow)
	top, err := c.Topology()
	if err != nil {
		return nil
	}
	if _, err := top.Namespace(s.flow.From); err != nil {
		return nil
	}
	s.flow.Servers = slices.DeleteFunc(slices.Clone(s.flow.Servers), func(ns string) bool { _, err := top.Namespace(ns); return err != nil })
	c.Flow = s.flow
	if top, err = c.Topology(); err != nil { // which the kernel may change
		return nil
	}
	built, err := s.kernel.Build(top)
	if err != nil {
		return nil
	}
	rec, v, err := ask(built, c.Flow)
	if err := built.Close(); err != nil {
		return err
	}
	if err != nil || v.Difference == nil {
		return nil
	}
	c.take(rec, v)
	s.best, s.verdict = c, v
	return nil
}

// keep tries a change that was made, and takes it back where the difference is gone.
func (s *shrinker) keep(ctx context.Context, back func()) (bool, error) {
	if ctx.Err() != nil {
		back()
		return false, nil
	}
	best, verdict, flow := s.best, s.verdict, s.flow
	if err := s.try(); err != nil {
		return false, err
	}
	if s.best == nil {
		s.best, s.verdict, s.flow = best, verdict, flow
		back()
		return false, nil
	}
	s.progress++
	return true, nil
}

// parts takes out parts of one kind, in pieces that get smaller. The last go first: what is made later builds on what was
// made before.
func (s *shrinker) parts(ctx context.Context, kind int) error {
	list := s.design.parts()[kind]
	for size := len(list); size > 0; size /= 2 {
		for end := len(list); end > 0; end -= size {
			piece := slices.DeleteFunc(slices.Clone(list[max(0, end-size):end]), func(p *part) bool { return p.off })
			if len(piece) == 0 {
				continue
			}
			set(piece, true)
			if _, err := s.keep(ctx, func() { set(piece, false) }); err != nil {
				return err
			}
		}
	}
	return nil
}

func set(parts []*part, off bool) {
	for _, p := range parts {
		p.off = off
	}
}

// restore puts every part back.
func (d *Design) restore() {
	for _, o := range d.objects {
		o.off = false
		set(o.lines, false)
	}
	for _, p := range d.pods {
		p.off = false
		set(p.fields, false)
	}
	for _, n := range d.nodes {
		n.off = false
		set(n.fields, false)
		for _, c := range n.cards {
			c.off = false
			set(c.fields, false)
		}
	}
	for _, l := range [][]*part{d.hosts, d.ground, d.options, d.edits} {
		set(l, false)
	}
}

// flows gives the flow plain values in place of odd ones.
func (s *shrinker) flows(ctx context.Context) error {
	plain := []func(f *lab.Flow){
		func(f *lab.Flow) { f.Source = "" },
		func(f *lab.Flow) { f.TTL = 64 },
		func(f *lab.Flow) { f.Payload = 4 },
		func(f *lab.Flow) { f.DF = f.Protocol == "tcp" },
		func(f *lab.Flow) { f.Protocol, f.DF = "udp", false },
		func(f *lab.Flow) { f.Servers = nil },
		func(f *lab.Flow) { f.ListenPort = portOpen },
	}
	for i := range s.flow.Servers {
		plain = append(plain, func(f *lab.Flow) {
			if i < len(f.Servers) {
				f.Servers = slices.Delete(slices.Clone(f.Servers), i, i+1)
			}
		})
	}
	for i := len(plain) - 1; i >= 0; i-- {
		was := s.flow
		plain[i](&s.flow)
		if same(&was, &s.flow) || was.Protocol == "icmp" && s.flow.Protocol != "icmp" {
			s.flow = was
			continue
		}
		if _, err := s.keep(ctx, func() { s.flow = was }); err != nil {
			return err
		}
	}
	return nil
}

func same(a, b *lab.Flow) bool {
	return a.Source == b.Source && a.TTL == b.TTL && a.Payload == b.Payload && a.DF == b.DF && a.Protocol == b.Protocol && a.ListenPort == b.ListenPort &&
		slices.Equal(a.Servers, b.Servers)
}
