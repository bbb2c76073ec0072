package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/podpath/podpath/internal/lab/space"
)

// TestInterrupted holds that whoever ends a lab's command, by Ctrl-C or as a machine does that shuts down, is told so, and that it
// has taken its namespaces down.
func TestInterrupted(t *testing.T) {
	needKernel(t)
	bin := binary(t)
	flow := []string{"--from", "pod/default/netshoot-1", "--to", "internet"}
	for _, x := range []struct {
		signal syscall.Signal
		args   []string
	}{
		{syscall.SIGINT, append([]string{"record", filepath.Join(t.TempDir(), "out")}, flow...)},
		{syscall.SIGTERM, append([]string{"verify"}, flow...)},
		{syscall.SIGINT, []string{"verify"}},
		{syscall.SIGTERM, []string{"presets", filepath.Join(t.TempDir(), "results.json")}},
		{syscall.SIGTERM, []string{"fuzz", "--seed", "1", "--dir", t.TempDir()}},
		{syscall.SIGTERM, []string{"measure"}},
	} {
		what := fmt.Sprintf("podpath lab %s, %v", strings.Join(x.args, " "), x.signal)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		cmd := exec.CommandContext(ctx, bin, append([]string{"lab"}, x.args...)...)
		var said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &said, &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lab := fmt.Sprintf("run%d", cmd.Process.Pid)
		waitFor(t, what, func() bool { have, _ := space.List(lab); return len(have) > 3 })
		if err := cmd.Process.Signal(x.signal); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		err := cmd.Wait()
		cancel()
		if want := "interrupted; the namespaces are taken down\n"; err == nil || cmd.ProcessState.ExitCode() != 2 || !strings.HasSuffix(said.String(), want) {
			t.Errorf("%s: %v, want exit status 2 and %q in\n%s", what, err, want, said.String())
		}
		if have, err := space.List(lab); err != nil || len(have) > 0 {
			t.Errorf("%s: %v is left, %v", what, have, err)
		}
	}
}

// waitFor waits until something is so.
func waitFor(t *testing.T, what string, so func() bool) {
	t.Helper()
	for range 1000 {
		if so() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s: nothing in ten seconds", what)
}

// TestBrokenOff holds that another error stays what it is, also where a lab of another name is up.
func TestBrokenOff(t *testing.T) {
	if err := brokenOff("nobody", errDiffers); err != errDiffers {
		t.Errorf("%v, want %v", err, errDiffers)
	}
	if err := brokenOff("nobody", nil); err != nil {
		t.Errorf("%v, want nothing", err)
	}
	err := brokenOff("nobody", errors.Join(errors.New("here"), context.Canceled))
	if want := "interrupted; the namespaces are taken down"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestTyped holds that what a user is told to type means the lab that it is about.
func TestTyped(t *testing.T) {
	for _, x := range []struct {
		lab   string
		words []string
		want  string
	}{
		{labName, []string{"down"}, "sudo podpath lab down"},
		{"mine", []string{"down"}, "sudo podpath lab down --lab mine"},
		{labName, []string{"shell", "PLACE", "[COMMAND…]"}, "sudo podpath lab shell PLACE [COMMAND…]"},
		{"mine", []string{"shell", "PLACE", "[COMMAND…]"}, "sudo podpath lab shell --lab mine PLACE [COMMAND…]"},
	} {
		if got := typed(x.lab, x.words...); got != x.want {
			t.Errorf("typed(%s, %v) = %q, want %q", x.lab, x.words, got, x.want)
		}
	}
}
