package fuzz

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/podpath/podpath/internal/lab"
)

// Config is what [Run] is told.
type Config struct {
	Seed            uint64 // of the first network; the others follow by one
	Networks        int    // 0: as many as Flows needs, or 1
	FlowsPerNetwork int    // 0: 10, which are those that edits are aimed at
	Flows           int    // ends the run after so many; 0: no limit but Networks
	Features        Features
	Dir             string // where differences are written; "": nowhere
	Keep            bool   // every case is written, with what the kernel did
	ShrinkFor       time.Duration
	// Every is the number of networks after which a line of progress is printed; 0: 25.
	Every int
}

// Run makes networks, has the kernel carry flows through them, and compares. Differences are shrunk, written and counted; they
// are no error. The error is of the run itself: a network that cannot be made, built, or recorded.
func Run(ctx context.Context, cfg Config, kernel Kernel, out io.Writer) (*Tally, error) {
	if cfg.FlowsPerNetwork == 0 {
		cfg.FlowsPerNetwork = aimed
	}
	if cfg.Networks == 0 {
		cfg.Networks = max(1, (cfg.Flows+cfg.FlowsPerNetwork-1)/cfg.FlowsPerNetwork)
	}
	if cfg.Every == 0 {
		cfg.Every = 25
	}
	if cfg.Dir != "" {
		if err := os.MkdirAll(cfg.Dir, 0o755); err != nil {
			return nil, err
		}
	}
	fmt.Fprintf(out, "seed %d, %d networks with %d flows each\n", cfg.Seed, cfg.Networks, cfg.FlowsPerNetwork)
	r := &run{cfg: cfg, kernel: kernel, out: out, tally: newTally()}
	for n := range cfg.Networks {
		if err := ctx.Err(); err != nil {
			break
		}
		if cfg.Flows > 0 && r.tally.Flows >= cfg.Flows {
			break
		}
		if err := r.network(ctx, cfg.Seed+uint64(n)); err != nil {
			return r.tally, err
		}
		if (n+1)%cfg.Every == 0 {
			fmt.Fprintf(out, "%d networks, %d flows, %d differences\n", r.tally.Networks, r.tally.Flows, r.tally.Differences)
		}
	}
	r.tally.Print(out)
	return r.tally, nil
}

type run struct {
	cfg    Config
	kernel Kernel
	out    io.Writer
	tally  *Tally
}

// network makes the network of a seed, builds it once, and sends its flows.
func (r *run) network(ctx context.Context, seed uint64) (err error) {
	d, err := Generate(seed, r.cfg.Features)
	if err != nil {
		return err
	}
	top, err := d.Case(lab.Flow{}).Topology()
	if err != nil {
		return fmt.Errorf("seed %d: %w", seed, err)
	}
	built, err := r.kernel.Build(top)
	var lacks *LacksError
	switch {
	case errors.As(err, &lacks):
		r.tally.Skipped[lacks.What]++
		return nil
	case err != nil:
		fmt.Fprintf(r.out, "seed %d: not built: %v\n", seed, err)
		r.tally.Unbuilt++
		return nil
	}
	var found []int
	r.tally.network(d)
	for i := range r.cfg.FlowsPerNetwork {
		if ctx.Err() != nil || r.cfg.Flows > 0 && r.tally.Flows >= r.cfg.Flows {
			break
		}
		c := d.Case(d.Flow(i))
		v, err := r.flow(d, c, i, built)
		if err != nil {
			return errors.Join(fmt.Errorf("seed %d, flow %d: %w\n%s", seed, i, err, caseText(c)), built.Close())
		}
		r.tally.flow(d, v)
		if v.Difference != nil {
			found = append(found, i)
		}
	}
	if err := built.Close(); err != nil { // before shrinking: two networks of the same names may not stand side by side
		return fmt.Errorf("seed %d: close: %w", seed, err)
	}
	for _, i := range found {
		if err := r.difference(ctx, d, i); err != nil {
			return err
		}
	}
	return nil
}

// attempts is how often a flow is sent before a difference counts: some are the moment's (record.Judge says which).
const attempts = 3

// ask sends a flow and compares, as often as a difference has to come.
func ask(built Network, flow lab.Flow) (rec *lab.Recording, v *Verdict, err error) {
	for n := 0; n < attempts && (n == 0 || v.Difference != nil); n++ {
		if rec, err = built.Record(flow, n); err != nil {
			return nil, nil, fmt.Errorf("record: %w", err)
		}
		if v, err = Judge(rec); err != nil {
			return nil, nil, fmt.Errorf("trace: %w", err)
		}
	}
	return rec, v, nil
}

// flow sends one flow and compares.
func (r *run) flow(d *Design, c *Case, i int, built Network) (*Verdict, error) {
	rec, v, err := ask(built, c.Flow)
	if err != nil {
		return nil, err
	}
	if r.cfg.Keep && r.cfg.Dir != "" && !v.Not {
		c.take(rec, v)
		c.Comment = fmt.Sprintf("Seed %d, flow %d: %s. %s.\n", d.Seed, i, c.Flow.What, v.Outcome)
		return v, c.write(filepath.Join(r.cfg.Dir, fmt.Sprintf("case-%06d-%02d.txtar", d.Seed, i)))
	}
	return v, nil
}

// difference shrinks what flow i shows and writes it.
func (r *run) difference(ctx context.Context, d *Design, i int) error {
	if r.cfg.ShrinkFor > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.cfg.ShrinkFor)
		defer cancel()
	}
	c, v, err := Shrink(ctx, d, d.Flow(i), r.kernel)
	if err != nil {
		return fmt.Errorf("seed %d, flow %d: shrink: %w", d.Seed, i, err)
	}
	d.restore()
	if c == nil {
		r.tally.Fleeting++
		fmt.Fprintf(r.out, "seed %d, flow %d: a difference that did not come again\n", d.Seed, i)
		return nil
	}
	c.Comment = fmt.Sprintf("Seed %d, flow %d, shrunk. The kernel and the tracer differ:\n%s\n", d.Seed, i, v.Difference)
	fmt.Fprintf(r.out, "seed %d, flow %d: %v\n", d.Seed, i, v.Difference)
	if r.cfg.Dir == "" {
		return nil
	}
	return c.write(filepath.Join(r.cfg.Dir, fmt.Sprintf("seed-%d-%d.txtar", d.Seed, i)))
}

// take puts what a kernel recorded into the case, and how it was compared. The kernel may have added to the flow what only it knows.
func (c *Case) take(rec *lab.Recording, v *Verdict) {
	c.Flow = rec.Flow
	c.Recorded = &Recorded{Kernel: rec.Flow.Kernel, Path: rec.Path, Rules: rec.Rules, Conntrack: rec.Conntrack, Drops: dropsOf(rec), Part: v.Partly || v.Not}
}

// dropsOf are the drops of a recording; nil where the kernel was not asked.
func dropsOf(rec *lab.Recording) []lab.Drop {
	if !rec.HasDrops {
		return nil
	}
	return append([]lab.Drop{}, rec.Drops...)
}

func (c *Case) write(name string) error {
	data, err := c.Format()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return os.WriteFile(name, data, 0o644)
}

// caseText is a case for a message.
func caseText(c *Case) string {
	data, err := c.Format()
	if err != nil {
		return err.Error()
	}
	return string(data)
}
