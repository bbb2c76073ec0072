package main

import (
	"errors"
	"testing"

	"github.com/podpath/podpath/internal/checked"
)

// TestEveryWay holds that a difference is kept, whichever way it is found on, and that nothing is sent after it.
func TestEveryWay(t *testing.T) {
	to := func(pod string, differences int) checked.Flow {
		return checked.Flow{Choices: map[string]string{"KUBE-SVC-X": pod}, Differences: differences}
	}
	for _, x := range []struct {
		name               string
		ways               int
		sent               []checked.Flow
		kept, sends, wrong int
	}{
		{"one way", 1, []checked.Flow{to("a", 0)}, 1, 1, 0},
		{"one way that differs", 1, []checked.Flow{to("a", 2)}, 1, 1, 1},
		{"both ways", 2, []checked.Flow{to("a", 0), to("a", 0), to("b", 0)}, 2, 3, 0},
		{"the second differs", 2, []checked.Flow{to("a", 0), to("b", 1)}, 2, 2, 1},
		{"a way differs that agreed before", 2, []checked.Flow{to("a", 0), to("a", 1)}, 2, 2, 1},
	} {
		n := 0
		flows, err := everyWay(x.ways, func() (checked.Flow, error) { n++; return x.sent[n-1], nil })
		if err != nil {
			t.Fatal(err)
		}
		wrong := (&checked.Network{Flows: flows}).Differing()
		if len(flows) != x.kept || n != x.sends || wrong != x.wrong {
			t.Errorf("%s: %d kept, %d sent, %d differ, want %d, %d, %d", x.name, len(flows), n, wrong, x.kept, x.sends, x.wrong)
		}
	}
	if _, err := everyWay(1, func() (checked.Flow, error) { return checked.Flow{}, errors.New("no") }); err == nil {
		t.Error("an error is lost")
	}
}
