package main

import (
	"fmt"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/podpath/podpath/internal/golden"
	"github.com/podpath/podpath/internal/lab/build"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"podpath": func() { os.Exit(run()) }})
}

// TestScript runs the verbs as a user would. Each script says what it shows.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", Condition: func(name string) (bool, error) {
		if name != "lab" {
			return false, fmt.Errorf("no condition %q; want lab: namespaces can be made here", name)
		}
		return build.Needs() == nil, nil
	}})
}

// TestScriptGolden runs the scripts that need the recordings of the real kernel.
func TestScriptGolden(t *testing.T) {
	dir := golden.Dir(t)
	testscript.Run(t, testscript.Params{Dir: "testdata/golden", Setup: func(e *testscript.Env) error {
		e.Setenv("GOLDEN", dir)
		return nil
	}})
}
