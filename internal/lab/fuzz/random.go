package fuzz

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
)

// source is the chance that a network or a flow is made of. It is a function of the seed alone: PCG is the same everywhere.
type source struct{ *rand.Rand }

// The streams of a seed: the network has one, kube-proxy's mode has one, and so has each flow, so that a flow does not depend on
// those before it.
const (
	streamNetwork = 0
	streamProxy   = 1
	streamFlows   = 1000
)

func newSource(seed, stream uint64) source { return source{rand.New(rand.NewPCG(seed, stream))} }

// yes is true once in n times.
func (s source) yes(n int) bool { return s.IntN(n) == 0 }

// pick chooses one of several.
func pick[T any](s source, of ...T) T { return of[s.IntN(len(of))] }

// weighted is a choice with its weight.
type weighted[T any] struct {
	weight int
	value  T
}

// weigh chooses by weight.
func weigh[T any](s source, of ...weighted[T]) T {
	sum := 0
	for _, o := range of {
		sum += o.weight
	}
	n := s.IntN(sum)
	for _, o := range of[:len(of)-1] {
		if n -= o.weight; n < 0 {
			return o.value
		}
	}
	return of[len(of)-1].value
}

func addr(a, b, c, d int) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(a), byte(b), byte(c), byte(d)})
}

func format(f string, args ...any) string { return fmt.Sprintf(f, args...) }
