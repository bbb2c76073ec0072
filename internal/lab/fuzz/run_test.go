package fuzz

import (
	"bytes"
	"testing"
)

func TestX(t *testing.T) {
	var out bytes.Buffer
	tally, err := Run(t.Context(), Config{Seed: 1, Networks: 500, FlowsPerNetwork: 8}, &fake{}, &out)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(out.String())
	t.Log(tally.Differences)
}
